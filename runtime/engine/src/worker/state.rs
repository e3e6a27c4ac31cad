//! [`WorkerState`]: everything that a worker has. Only the I/O thread uses it.
//!
//! Requests change it in `serve`; `execution` takes from it what it runs, and tells it how that ended.

use super::{
    admission::Admission,
    execution::{Job, Modules, Running, Times},
    flusher::Output,
    head::HeadConnection,
    host_files::HostFiles,
    peers::Peers,
    profile::Profile,
    results::{Outcome, Results},
    settings::Settings,
    stored_values::StoredValues,
    tesserae::Tesserae,
};
use crate::{
    clock::now,
    code::CodeStore,
    failures::cancelled,
    id::Id,
    trim_memory::Trimmer,
    wire::{Acceptor, Frame, FromWorker, Sender},
};
use mosaic_abi::{Failure, Host, Kept};
use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    io,
    rc::Rc,
    sync::Arc,
    time::Duration,
};
use tokio::{sync::Notify, time::timeout};

/// How often a retiring worker looks whether its last results have been taken.
const RECHECK: Duration = Duration::from_millis(20);

/// A value of at most this many bytes is sent along with the message that it is there. A larger value is sent on
/// request.
const SMALL_VALUE: usize = 1 << 10;

/// Everything that a worker has.
///
/// One thread, the I/O thread, owns all of it, so that cells suffice. A borrow of a `RefCell` never lives across an
/// `await`. `modules` and `output` are shared with the threads that execute methods.
pub(crate) struct WorkerState {
    /// This worker's uid. It never changes.
    pub(super) uid: String,
    /// The code of tesserae and functions. Any thread may load code; a lock sees to it that an object is loaded once.
    pub(super) modules: Arc<Modules>,
    /// Flushes what methods write. Threads that execute methods register with it, under its lock.
    pub(crate) output: Arc<Output>,
    /// Decides when a constructor or method may begin.
    pub(crate) admission: Rc<Admission>,
    /// Accepts connections of other hosts.
    pub(super) acceptor: Acceptor,
    /// Asks for files of other hosts.
    pub(crate) host_files: HostFiles,
    /// The connections to other workers.
    pub(super) peers: Peers,
    /// The results of tasks, and who waits for them.
    pub(super) results: RefCell<Results>,
    /// The tesserae that may still be called, and their owners.
    pub(super) tesserae: RefCell<Tesserae<Job>>,
    /// The stored values at hand.
    pub(crate) stored_values: StoredValues,
    /// Told of all bytes that pass through or are freed here.
    pub(super) trimmer: Trimmer,
    /// The constructors, calls and functions that have begun and not ended.
    pub(super) running: Running,
    /// The profile of this process, if one is being taken.
    pub(super) profile: Profile,
    /// The number of connections of each head.
    heads: RefCell<HashMap<Id, usize>>,
    /// The connections of all heads, among them some that are closed.
    senders: RefCell<Vec<Sender<FromWorker>>>,
    /// Notified whenever a constructor or call has ended.
    jobs_ended: Notify,
    /// Notified whenever the last connection of a head has ended.
    departed: Notify,
    /// Set once, when this worker ends: jobs that have not begun never will.
    closing: Cell<bool>,
    /// Notified when `closing` is set.
    closed: Notify,
    /// The number of tesserae whose object may exist. A tessera may have left `tesserae` while it still counts here.
    alive: Cell<usize>,
    /// Notified whenever `alive` becomes zero.
    empty: Notify,
}

impl WorkerState {
    /// Makes the state of a worker with these settings, whose guests get `host`, and which asks for files
    /// of other hosts with `host_files`.
    ///
    /// # Errors
    ///
    /// The thread that flushes output cannot be started.
    pub(crate) fn new(settings: &Settings, host: &'static Host, host_files: HostFiles) -> io::Result<WorkerState> {
        let (uid, store_dirs) = (settings.uid.clone(), settings.store_dirs.clone());
        let trimmer = Trimmer::default();
        let network = settings.network();
        let store = CodeStore::in_run_dir(&network.run_dir);
        Ok(WorkerState {
            modules: Arc::new(Modules::new(host, store)),
            output: Output::start()?,
            admission: Rc::new(Admission::new(settings)),
            peers: Peers::new(uid.clone(), network.clone(), trimmer.clone()),
            acceptor: Acceptor::new(network),
            host_files,
            uid,
            results: RefCell::default(),
            tesserae: RefCell::default(),
            trimmer,
            stored_values: StoredValues::new(store_dirs),
            profile: Profile::default(),
            heads: RefCell::default(),
            senders: RefCell::default(),
            jobs_ended: Notify::new(),
            departed: Notify::new(),
            closing: Cell::new(false),
            alive: Cell::new(0),
            empty: Notify::new(),
            closed: Notify::new(),
            running: Running::default(),
        })
    }

    /// Notes that a head has connected.
    pub(super) fn head_connected(&self, id: Id, sender: Sender<FromWorker>) -> HeadConnection {
        *self.heads.borrow_mut().entry(id).or_default() += 1;
        let mut senders = self.senders.borrow_mut();
        senders.retain(|sender| !sender.is_closed());
        senders.push(sender.clone());
        HeadConnection { id, sender }
    }

    /// Notes that a head's connection has ended and that everything on it was read. What the head submitted is done all
    /// the same, and its tesserae stay.
    pub(super) fn head_disconnected(&self, head: &HeadConnection) {
        let mut heads = self.heads.borrow_mut();
        let left = heads.get_mut(&head.id).map_or(0, |connections| {
            *connections -= 1;
            *connections
        });
        if left == 0 {
            heads.remove(&head.id);
            self.tesserae.borrow_mut().leave(head.id);
            self.profile.leave(head.id);
            self.departed.notify_waiters();
        }
    }

    /// Waits until everything that a head had sent before it ended was read, and until other workers were asked for
    /// everything that this needs.
    pub(crate) async fn drain(&self, head: Id) {
        while self.heads.borrow().contains_key(&head) {
            self.departed.notified().await;
        }
        self.peers.fence().await;
    }

    /// Notes that whoever needs a task of a head that is gone has asked for it; see [`Results::settle`].
    pub(crate) fn head_settled(&self, head: Id) {
        self.results.borrow_mut().settle(head);
    }

    /// Returns whether this worker ends, so that nothing begins any more.
    pub(super) fn is_closing(&self) -> bool {
        self.closing.get()
    }

    /// Notes a tessera whose object may exist from now on.
    pub(super) fn tessera_began(&self) {
        self.alive.set(self.alive.get() + 1);
    }

    /// Notes that a tessera's object was dropped, or never came to be.
    pub(super) fn tessera_ended(&self) {
        self.alive.set(self.alive.get() - 1);
        if self.alive.get() == 0 {
            self.empty.notify_waiters();
        }
    }

    /// Waits until this worker ends.
    pub(super) async fn closed(&self) {
        if !self.is_closing() {
            self.closed.notified().await;
        }
    }

    /// Cancels a call or a function: it is told if it runs, and fails if it has not begun.
    pub(super) fn cancel(&self, head: &HeadConnection, task: Id) {
        if !self.running.cancel(task) {
            self.finish(head, task, Err(cancelled()), false);
        }
    }

    /// Keeps how a constructor or call ended and tells its head, the first time. Later endings of it are ignored.
    pub(super) fn finish(&self, head: &HeadConnection, id: Id, outcome: Outcome, unread_output: bool) {
        let Times { began, ended } = self.running.remove(id);
        let outcome = outcome.map_err(|failure| Failure {
            worker: self.uid.clone(),
            ..failure
        });
        match &outcome {
            Ok(value) => tracing::debug!("{id} is done: {} bytes", value.len()),
            Err(failure) => tracing::info!("{id} failed: {}", failure.message),
        }
        // The lines above are output, too, and belong before the end of the task.
        let unread_output = unread_output || tracing::enabled!(tracing::Level::DEBUG);
        let report = outcome.as_ref().map(|value| value.len() as u64);
        let report = report.map_err(|failure| Box::new(failure.clone()));
        let small = outcome
            .as_ref()
            .ok()
            .filter(|value| (1..=SMALL_VALUE).contains(&value.len()));
        let payloads = small.into_iter().cloned().collect();
        if self.results.borrow_mut().store(id, outcome) {
            let message = FromWorker::Finished {
                id,
                began,
                outcome: report,
                unread_output,
                at: ended.unwrap_or_else(now),
            };
            head.send(Frame { message, payloads });
        }
        self.jobs_ended.notify_waiters();
    }

    /// Waits until nothing is left to do, nobody waits for a result, and all messages to heads are written.
    pub(crate) async fn finish_all(&self) {
        loop {
            let ended = self.jobs_ended.notified();
            if !self.results.borrow().is_busy() {
                break;
            }
            // Nothing tells when a result has reached whoever waited for it.
            let _ = timeout(RECHECK, ended).await;
        }
        let senders = std::mem::take(&mut *self.senders.borrow_mut());
        for sender in senders {
            sender.flush().await;
        }
    }

    /// Frees the result of a task that its head wants no longer.
    pub(super) fn drop_task(&self, task: Id) {
        if let Some(size) = self.results.borrow_mut().remove(task) {
            self.trimmer.note(size);
        }
    }

    /// Counts what this worker keeps.
    pub(super) fn kept(&self) -> Kept {
        Kept {
            uid: self.uid.clone(),
            tesserae: self.tesserae.borrow().len() as u64,
            alive: self.alive.get() as u64,
            tasks: self.results.borrow().len() as u64,
            stored: self.stored_values.len() as u64,
        }
    }

    /// Forgets everything, and waits until all objects are dropped.
    pub(crate) async fn close(&self) {
        self.closing.set(true);
        self.closed.notify_waiters();
        self.tesserae.borrow_mut().clear();
        self.results.borrow_mut().clear();
        while self.alive.get() > 0 {
            self.empty.notified().await;
        }
    }
}
