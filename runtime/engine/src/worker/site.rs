//! What a worker has, and what it does with it. All of this is on the I/O thread.

use super::{
    gate::Gate,
    inputs::{Inputs, Interest},
    module::Modules,
    output::Output,
    peers::Peers,
    pending::cancelled,
    residents::{Condition, Residents},
    run,
    running::{Running, Times},
    settings::Settings,
    stock::{Outcome, Stock},
    tessera::{self, Job},
    wares::Wares,
};
use crate::{
    clock::now,
    failures::failure,
    id::Id,
    trim::Trimmer,
    wire::{Frame, FromWorker, Payload, Sender, ToWorker},
};
use mosaic_abi::{Failure, FailureKind, Host, Kept};
use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    io,
    rc::Rc,
    sync::Arc,
    time::Duration,
};
use tokio::{
    sync::{Notify, mpsc::unbounded_channel},
    task::spawn_local,
    time::timeout,
};

/// How often a worker that retires looks whether its last results have been taken.
const RECHECK: Duration = Duration::from_millis(20);

/// A value of up to so many bytes goes with the news that it is there. A larger one stays until it is asked for.
const SMALL: usize = 1 << 10;

/// A head, and the way to tell it something.
#[derive(Clone, Debug)]
pub(super) struct Head {
    pub(super) id: Id,
    sender: Sender<FromWorker>,
}

impl Head {
    pub(super) fn send(&self, message: impl Into<Frame<FromWorker>>) {
        self.sender.send(message);
    }
}

/// A worker's books.
pub(super) struct Site {
    pub(super) uid: String,
    pub(super) modules: Arc<Modules>,
    pub(super) output: Arc<Output>,
    pub(super) gate: Rc<Gate>,
    pub(super) peers: Peers,
    pub(super) stock: RefCell<Stock>,
    pub(super) residents: RefCell<Residents>,
    pub(super) wares: Wares,
    /// Told of all that passes through or is freed here.
    pub(super) trimmer: Trimmer,
    /// How many connections each head has here.
    heads: RefCell<HashMap<Id, usize>>,
    /// The connections of all heads.
    senders: RefCell<Vec<Sender<FromWorker>>>,
    /// Told whenever a constructor or call has ended.
    jobs_ended: Notify,
    /// Told whenever a head's connection has ended.
    departed: Notify,
    /// This worker ends: what has not begun never will.
    closing: Cell<bool>,
    /// Tesserae whose object may still exist.
    alive: Cell<usize>,
    /// Told whenever `alive` becomes zero.
    empty: Notify,
    /// Told when `closing` is set.
    closed: Notify,
    /// The calls and functions that have begun and not ended.
    pub(super) running: Running,
}

impl Site {
    pub(super) fn new(settings: &Settings, host: &'static Host) -> io::Result<Site> {
        let (uid, shelves) = (settings.uid.clone(), settings.shelves.clone());
        let trimmer = Trimmer::default();
        Ok(Site {
            modules: Arc::new(Modules::new(host)),
            output: Output::start()?,
            gate: Rc::new(Gate::new(settings)),
            peers: Peers::new(uid.clone(), trimmer.clone()),
            uid,
            stock: RefCell::default(),
            residents: RefCell::default(),
            trimmer,
            wares: Wares::new(shelves),
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

    /// A head has connected.
    pub(super) fn admit(&self, id: Id, sender: Sender<FromWorker>) -> Head {
        *self.heads.borrow_mut().entry(id).or_default() += 1;
        let mut senders = self.senders.borrow_mut();
        senders.retain(|sender| !sender.is_closed());
        senders.push(sender.clone());
        Head { id, sender }
    }

    /// A head's connection has ended, and all that came by it was read. What it submitted is done all the same, and its
    /// tesserae stay.
    pub(super) fn leave(&self, head: &Head) {
        let mut heads = self.heads.borrow_mut();
        let left = heads.get_mut(&head.id).map_or(0, |connections| {
            *connections -= 1;
            *connections
        });
        if left == 0 {
            heads.remove(&head.id);
            self.residents.borrow_mut().leave(head.id);
            self.departed.notify_waiters();
        }
    }

    /// Waits until all that a head that is gone had sent was read, and all that it needs from other workers was asked for.
    pub(super) async fn drain(&self, head: Id) {
        while self.heads.borrow().contains_key(&head) {
            self.departed.notified().await;
        }
        self.peers.fence().await;
    }

    /// Whether what has not begun never will.
    pub(super) fn is_closing(&self) -> bool {
        self.closing.get()
    }

    /// Waits until this worker ends.
    pub(super) async fn closed(&self) {
        if !self.is_closing() {
            self.closed.notified().await;
        }
    }

    /// Cancels a call or function: one that runs is told, and one that has not begun fails.
    pub(super) fn cancel(&self, head: &Head, task: Id) {
        if !self.running.cancel(task) {
            self.finish(head, task, Err(cancelled()), false);
        }
    }

    /// Begins to construct a tessera.
    pub(super) fn create(self: &Rc<Site>, head: &Head, message: ToWorker, payloads: Vec<Payload>) {
        let ToWorker::Create {
            tessera,
            code,
            maker,
            needs,
            max_retries,
        } = message
        else {
            return;
        };
        let (jobs, inbox) = unbounded_channel();
        let condition = Condition::new();
        self.alive.set(self.alive.get() + 1);
        self.stock.borrow_mut().declare(tessera, head.id);
        let type_name = code.name.clone();
        let inputs = Inputs::begin(self, head, tessera, needs, payloads);
        let head = head.clone();
        // The channel is new, and its other end is handed to the loop below.
        let _ = jobs.send(Job::Create {
            head: head.clone(),
            code,
            maker,
            inputs,
            max_retries,
        });
        (self.residents.borrow_mut()).add(tessera, &type_name, head.id, jobs, condition.clone());
        let site = self.clone();
        spawn_local(async move {
            tessera::run(&site, tessera, &condition, inbox).await;
            site.stock.borrow_mut().remove(tessera);
            site.alive.set(site.alive.get() - 1);
            if site.alive.get() == 0 {
                site.empty.notify_waiters();
            }
        });
    }

    /// Queues a call behind the others of its tessera.
    pub(super) fn call(self: &Rc<Site>, head: &Head, message: ToWorker, payloads: Vec<Payload>) {
        let ToWorker::Call {
            task,
            tessera,
            callee,
            needs,
            max_retries,
        } = message
        else {
            return;
        };
        self.stock.borrow_mut().declare(task, head.id);
        let job = Job::Call {
            head: head.clone(),
            task,
            callee,
            inputs: Inputs::begin(self, head, task, needs, payloads),
            max_retries,
        };
        if !self.residents.borrow().queue(tessera, job) {
            let message = "the tessera is not on this worker";
            self.finish(head, task, Err(failure(FailureKind::Runtime, message)), false);
        }
    }

    /// Runs a function by itself.
    pub(super) fn run(self: &Rc<Site>, head: &Head, message: ToWorker, payloads: Vec<Payload>) {
        let ToWorker::Run {
            task,
            code,
            needs,
            max_retries,
        } = message
        else {
            return;
        };
        self.stock.borrow_mut().declare(task, head.id);
        let inputs = Inputs::begin(self, head, task, needs, payloads);
        let (site, head) = (self.clone(), head.clone());
        spawn_local(async move { run::function(&site, &head, task, code, (inputs, max_retries)).await });
    }

    /// Has a head own a tessera that is here, and tells it when that is constructed.
    pub(super) fn attach(self: &Rc<Site>, head: &Head, tessera: Id) {
        let condition = self.residents.borrow_mut().share(tessera, head.id);
        let head = head.clone();
        spawn_local(async move {
            let constructed = match condition.map(|condition| condition.watch()) {
                Some(mut watch) => watch
                    .wait_for(Option::is_some)
                    .await
                    .ok()
                    .and_then(|outcome| outcome.clone()),
                None => None,
            };
            let gone = || Err(failure(FailureKind::Runtime, "the tessera is gone"));
            let outcome = constructed.unwrap_or_else(gone).map_err(Box::new);
            head.send(FromWorker::Attached { tessera, outcome });
        });
    }

    /// Sends a task's outcome when it has ended, with its value if `value` is set.
    pub(super) fn fetch(self: &Rc<Site>, message: &ToWorker, sender: &Sender<FromWorker>) {
        let ToWorker::Fetch {
            request,
            task,
            head,
            value,
        } = *message
        else {
            return;
        };
        // From here on, the task's result is waited for.
        let interest = Interest::new(self, task, head);
        let sender = sender.clone();
        spawn_local(async move {
            let (outcome, payloads) = match interest.outcome().await {
                Ok(payload) if value => (Ok(()), vec![payload]),
                Ok(_) => (Ok(()), Vec::new()),
                Err(failure) => (Err(Box::new(failure)), Vec::new()),
            };
            let message = FromWorker::Fetched { request, outcome };
            sender.send(Frame { message, payloads });
        });
    }

    /// Stores how a constructor or call ended and tells the head, the first time.
    pub(super) fn finish(&self, head: &Head, id: Id, outcome: Outcome, unread_output: bool) {
        let Times { began, ended } = self.running.remove(id);
        let outcome = outcome.map_err(|failure| Failure {
            worker: self.uid.clone(),
            ..failure
        });
        match &outcome {
            Ok(value) => tracing::debug!("{id} is done: {} bytes", value.len()),
            Err(failure) => tracing::info!("{id} failed: {}", failure.message),
        }
        // What this says is read before it is known that the task is done.
        let unread_output = unread_output || tracing::enabled!(tracing::Level::DEBUG);
        let report = outcome.as_ref().map(|value| value.len() as u64);
        let report = report.map_err(|failure| Box::new(failure.clone()));
        let small = outcome.as_ref().ok().filter(|value| (1..=SMALL).contains(&value.len()));
        let payloads = small.into_iter().cloned().collect();
        if self.stock.borrow_mut().store(id, outcome) {
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

    /// Waits until nothing is left to do, nobody waits for a result, and all heads have been told.
    pub(super) async fn finish_all(&self) {
        loop {
            let ended = self.jobs_ended.notified();
            if !self.stock.borrow().is_busy() {
                break;
            }
            // A result that has reached who waited for it tells nobody.
            let _ = timeout(RECHECK, ended).await;
        }
        let senders = std::mem::take(&mut *self.senders.borrow_mut());
        for sender in senders {
            sender.flush().await;
        }
    }

    /// A head wants a task's result no longer.
    pub(super) fn drop_task(&self, task: Id) {
        if let Some(size) = self.stock.borrow_mut().remove(task) {
            self.trimmer.note(size);
        }
    }

    /// How much is kept here.
    pub(super) fn kept(&self) -> Kept {
        Kept {
            uid: self.uid.clone(),
            tesserae: self.residents.borrow().len() as u64,
            alive: self.alive.get() as u64,
            tasks: self.stock.borrow().len() as u64,
            stored: self.wares.len() as u64,
        }
    }

    /// Forgets everything and waits until all objects are dropped.
    pub(super) async fn close(&self) {
        self.closing.set(true);
        self.closed.notify_waiters();
        self.residents.borrow_mut().clear();
        self.stock.borrow_mut().clear();
        while self.alive.get() > 0 {
            self.empty.notified().await;
        }
    }
}
