//! The gate that every constructor and method goes through: how many run at once, and whether there is memory for more.
//!
//! A worker that is short of memory starts nothing by itself. The hub, which knows of all workers, lets one job begin
//! where nothing runs or nothing ends, so that what could free memory is not kept waiting for ever.

use super::settings::Settings;
use crate::{
    memory,
    wire::{Load, Sender, ToHub},
};
use std::{
    cell::Cell,
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{
    sync::{Mutex, Notify, OwnedSemaphorePermit, Semaphore},
    time::sleep,
};

/// How often the hub is told of a change, and how often a worker that is short of memory looks again.
const TICK: Duration = Duration::from_millis(100);
/// For how long a look at the memory holds: starting many short methods is not to be slowed down by looking.
const GLANCE: Duration = Duration::from_millis(50);

/// How busy a worker is, and who may begin.
pub(super) struct Gate {
    threads: Arc<Semaphore>,
    memory_limit: f64,
    /// When the memory was looked at, and whether it was short.
    seen: Cell<Option<(Instant, bool)>>,
    /// Held by the first of those that wait for memory.
    door: Mutex<()>,
    load: Cell<Load>,
    /// Told when `load` has changed.
    changed: Notify,
    /// Told when one may begin although memory is short.
    proceed: Notify,
}

/// A job that runs, until it is dropped.
pub(super) struct Entered {
    gate: Rc<Gate>,
    _thread: Option<OwnedSemaphorePermit>,
}

impl Gate {
    pub(super) fn new(settings: &Settings) -> Gate {
        Gate {
            threads: Arc::new(Semaphore::new(settings.threads.clamp(1, Semaphore::MAX_PERMITS))),
            memory_limit: settings.memory_limit,
            seen: Cell::default(),
            door: Mutex::default(),
            load: Cell::default(),
            changed: Notify::new(),
            proceed: Notify::new(),
        }
    }

    /// Waits until a job may begin.
    pub(super) async fn enter(self: &Rc<Gate>) -> Entered {
        let mut waiting = Waiting::new(self);
        // The semaphore is never closed.
        let thread = self.threads.clone().acquire_owned().await.ok();
        if self.is_short() {
            let _door = self.door.lock().await;
            while self.is_short() {
                self.change(|load| load.short_of_memory = true);
                tokio::select! {
                    () = sleep(TICK) => {}
                    () = self.proceed.notified() => break,
                }
            }
            self.change(|load| load.short_of_memory = false);
        }
        waiting.is_over();
        self.change(|load| load.running += 1);
        Entered {
            gate: self.clone(),
            _thread: thread,
        }
    }

    /// Lets one of those that wait for memory begin.
    pub(super) fn proceed(&self) {
        // Nobody who comes later is meant.
        self.proceed.notify_waiters();
    }

    fn is_short(&self) -> bool {
        if let Some((when, short)) = self.seen.get()
            && when.elapsed() < GLANCE
        {
            return short;
        }
        // A machine that does not tell is taken to have enough.
        let short = memory::used().is_some_and(|used| used.part() > self.memory_limit);
        self.seen.set(Some((Instant::now(), short)));
        short
    }

    fn change(&self, change: impl FnOnce(&mut Load)) {
        let mut load = self.load.get();
        change(&mut load);
        self.load.set(load);
        self.changed.notify_one();
    }
}

impl Entered {
    /// This is several jobs, one after the other, and one of them has ended.
    pub(super) fn was_one_more(&self) {
        self.gate.change(|load| load.ended += 1);
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        self.gate.change(|load| {
            load.running -= 1;
            load.ended += 1;
        });
    }
}

/// Counts one who waits, also if the wait is given up.
struct Waiting<'a>(Option<&'a Gate>);

impl<'a> Waiting<'a> {
    fn new(gate: &'a Gate) -> Waiting<'a> {
        gate.change(|load| load.waiting += 1);
        Waiting(Some(gate))
    }

    fn is_over(&mut self) {
        if let Some(gate) = self.0.take() {
            gate.change(|load| load.waiting -= 1);
        }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.is_over();
    }
}

/// Tells the hub how busy this worker is, whenever that has changed, but not too often.
pub(super) async fn report(gate: Rc<Gate>, hub: Sender<ToHub>) {
    let mut told = Load::default();
    loop {
        gate.changed.notified().await;
        let load = gate.load.get();
        // One that is short of memory says so again, lest an answer was missed.
        if load != told || load.short_of_memory {
            hub.send(ToHub::Load(load));
            told = load;
        }
        sleep(TICK).await;
    }
}
