//! Admission of jobs: how many constructors and methods run at once, and whether there is memory for one more.
//!
//! A worker that is short of memory starts nothing by itself. The monitor, which knows of all workers, lets one job
//! begin if nothing runs or nothing ends, so that a job that would free memory does not wait for ever.

use super::settings::Settings;
use crate::{
    memory_usage,
    wire::{Load, Sender, ToMonitor},
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

/// How often the monitor is told of a changed load, and how often a worker that is short of memory looks again.
const TICK: Duration = Duration::from_millis(100);
/// For how long a measurement of the memory counts. Measuring for each of many short methods would slow them down.
const MEASURED_FOR: Duration = Duration::from_millis(50);

/// Decides when a job may begin, and knows how busy the worker is. Only the I/O thread uses it.
pub(crate) struct Admission {
    /// One permit for each job that may run at once.
    threads: Arc<Semaphore>,
    /// The part of the memory above which nothing begins.
    memory_limit: f64,
    /// When the memory was measured, and whether it was short.
    measured: Cell<Option<(Instant, bool)>>,
    /// Locked by the first of the jobs that wait for memory; the others wait for the lock.
    first_in_line: Mutex<()>,
    load: Cell<Load>,
    /// Notified when `load` has changed.
    changed: Notify,
    /// Notified when one job may begin although memory is short.
    proceed: Notify,
}

/// The permit of a job that runs. The job counts as running until the permit is dropped.
pub(crate) struct Permit {
    admission: Rc<Admission>,
    _thread: Option<OwnedSemaphorePermit>,
}

impl Admission {
    /// Makes the admission of a worker with these settings.
    pub(super) fn new(settings: &Settings) -> Admission {
        Admission {
            threads: Arc::new(Semaphore::new(settings.threads.clamp(1, Semaphore::MAX_PERMITS))),
            memory_limit: settings.memory_limit,
            measured: Cell::default(),
            first_in_line: Mutex::default(),
            load: Cell::default(),
            changed: Notify::new(),
            proceed: Notify::new(),
        }
    }

    /// Waits until a job may begin.
    pub(super) async fn enter(self: &Rc<Admission>) -> Permit {
        let mut waiting = WaitingJob::new(self);
        // The semaphore is never closed.
        let thread = self.threads.clone().acquire_owned().await.ok();
        if self.is_short() {
            let _first = self.first_in_line.lock().await;
            while self.is_short() {
                self.change(|load| load.short_of_memory = true);
                tokio::select! {
                    () = sleep(TICK) => {}
                    () = self.proceed.notified() => break,
                }
            }
            self.change(|load| load.short_of_memory = false);
        }
        waiting.end();
        self.change(|load| load.running += 1);
        Permit {
            admission: self.clone(),
            _thread: thread,
        }
    }

    /// Lets one of the jobs that wait for memory begin.
    pub(crate) fn proceed(&self) {
        // Jobs that arrive later must not use this.
        self.proceed.notify_waiters();
    }

    /// Returns whether memory is short.
    fn is_short(&self) -> bool {
        if let Some((when, short)) = self.measured.get()
            && when.elapsed() < MEASURED_FOR
        {
            return short;
        }
        // If the machine does not tell, it counts as having enough.
        let short = memory_usage::used().is_some_and(|used| used.part() > self.memory_limit);
        self.measured.set(Some((Instant::now(), short)));
        short
    }

    /// Changes the load, and has the change reported.
    fn change(&self, change: impl FnOnce(&mut Load)) {
        let mut load = self.load.get();
        change(&mut load);
        self.load.set(load);
        self.changed.notify_one();
    }
}

impl Permit {
    /// Counts the end of one job of several that share this permit.
    pub(super) fn count_ended(&self) {
        self.admission.change(|load| load.ended += 1);
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.admission.change(|load| {
            load.running -= 1;
            load.ended += 1;
        });
    }
}

/// Counts a job as waiting, until it is admitted or gives up.
struct WaitingJob<'a>(Option<&'a Admission>);

impl<'a> WaitingJob<'a> {
    /// Counts one more job as waiting.
    fn new(admission: &'a Admission) -> WaitingJob<'a> {
        admission.change(|load| load.waiting += 1);
        WaitingJob(Some(admission))
    }

    /// Ends the wait. Later calls do nothing.
    fn end(&mut self) {
        if let Some(admission) = self.0.take() {
            admission.change(|load| load.waiting -= 1);
        }
    }
}

impl Drop for WaitingJob<'_> {
    fn drop(&mut self) {
        self.end();
    }
}

/// Tells the monitor how busy this worker is: whenever that has changed, but not more often than each [`TICK`].
pub(crate) async fn report(admission: Rc<Admission>, monitor: Sender<ToMonitor>) {
    let mut told = Load::default();
    loop {
        admission.changed.notified().await;
        let load = admission.load.get();
        // A worker that is short of memory says so again, in case it missed the answer.
        if load != told || load.short_of_memory {
            monitor.send(ToMonitor::Load(load));
            told = load;
        }
        sleep(TICK).await;
    }
}
