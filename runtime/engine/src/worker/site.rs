//! What a worker has, and what it does with it. All of this is on the I/O thread.

use super::{
    module::Modules,
    output::Output,
    peers::Peers,
    stock::{Outcome, Stock},
    tessera::{self, Inputs, Job},
};
use crate::{
    failures::{dependency_failed, failure, worker_lost},
    id::Id,
    wire::{Argument, FromWorker, Needs, Payload, Sender, Source, ToWorker},
};
use mosaic_abi::{Failure, FailureKind};
use std::{
    cell::{Cell, RefCell},
    collections::{HashMap, HashSet},
    io,
    rc::Rc,
    sync::Arc,
    vec,
};
use tokio::{
    sync::{Notify, mpsc::UnboundedSender, mpsc::unbounded_channel},
    task::spawn_local,
};

/// A head, and the way to tell it something.
#[derive(Clone, Debug)]
pub(super) struct Head {
    session: u64,
    sender: Sender<FromWorker>,
}

impl Head {
    pub(super) fn send(&self, message: FromWorker) {
        self.sender.send(message);
    }
}

/// A worker's books.
pub(super) struct Site {
    pub(super) uid: String,
    pub(super) modules: Arc<Modules>,
    pub(super) output: Arc<Output>,
    peers: Peers,
    pub(super) stock: RefCell<Stock>,
    tesserae: RefCell<HashMap<Id, (u64, UnboundedSender<Job>)>>,
    /// The heads that are there: what another one submitted no longer begins.
    sessions: RefCell<HashSet<u64>>,
    last_session: Cell<u64>,
    /// Tesserae whose object may still exist.
    alive: Cell<usize>,
    /// Told whenever `alive` becomes zero.
    empty: Notify,
}

impl Site {
    pub(super) fn new(uid: String) -> io::Result<Site> {
        Ok(Site {
            modules: Arc::new(Modules::new()),
            output: Output::start()?,
            peers: Peers::new(uid.clone()),
            uid,
            stock: RefCell::default(),
            tesserae: RefCell::default(),
            sessions: RefCell::default(),
            last_session: Cell::new(0),
            alive: Cell::new(0),
            empty: Notify::new(),
        })
    }

    /// A head has connected.
    pub(super) fn admit(&self, sender: Sender<FromWorker>) -> Head {
        let session = self.last_session.get() + 1;
        self.last_session.set(session);
        self.sessions.borrow_mut().insert(session);
        Head { session, sender }
    }

    /// Whether a head is still there.
    pub(super) fn serves(&self, head: &Head) -> bool {
        self.sessions.borrow().contains(&head.session)
    }

    /// Begins to construct a tessera.
    pub(super) fn create(self: &Rc<Site>, head: &Head, message: ToWorker, payloads: Vec<Payload>) {
        let ToWorker::Create { tessera, code, needs } = message else {
            return;
        };
        let (jobs, inbox) = unbounded_channel();
        self.alive.set(self.alive.get() + 1);
        self.stock.borrow_mut().declare(tessera, head.session);
        let inputs = self.inputs(head, tessera, needs, payloads);
        // The channel is new, and its other end is handed to the loop below.
        let _ = jobs.send(Job::Create { code, inputs });
        self.tesserae.borrow_mut().insert(tessera, (head.session, jobs));
        let (site, head) = (self.clone(), head.clone());
        spawn_local(async move {
            tessera::run(&site, tessera, &head, inbox).await;
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
            method,
            needs,
            ..
        } = message
        else {
            return;
        };
        self.stock.borrow_mut().declare(task, head.session);
        let inputs = self.inputs(head, task, needs, payloads);
        let job = Job::Call { task, method, inputs };
        let queued = match self.tesserae.borrow().get(&tessera) {
            Some((_, jobs)) => jobs.send(job).is_ok(),
            None => false,
        };
        if !queued {
            let message = "the tessera is not on this worker";
            self.finish(head, task, Err(failure(FailureKind::Runtime, message)), false);
        }
    }

    /// Begins at once to fetch what an operation needs, and fails the operation as soon as that fails.
    fn inputs(self: &Rc<Site>, head: &Head, operation: Id, needs: Needs, payloads: Vec<Payload>) -> Inputs {
        let mut payloads = payloads.into_iter();
        let needs_task = |argument: &Argument| matches!(argument, Argument::Task(_));
        if needs.after.is_empty() && !needs.arguments.iter().any(needs_task) {
            return Inputs::Ready(payloads.collect());
        }
        let (site, head) = (self.clone(), head.clone());
        Inputs::Fetching(spawn_local(async move {
            let fetched = site.gather(needs, &mut payloads).await;
            if let Err(failure) = &fetched {
                site.finish(&head, operation, Err(failure.clone()), false);
            }
            fetched
        }))
    }

    async fn gather(
        self: &Rc<Site>,
        needs: Needs,
        payloads: &mut vec::IntoIter<Payload>,
    ) -> Result<Vec<Payload>, Failure> {
        enum Slot {
            Here(Payload),
            Coming(tokio::task::JoinHandle<Outcome>),
        }
        let begin = |source: Source, value| {
            let site = self.clone();
            Slot::Coming(spawn_local(async move { site.obtain(source, value).await }))
        };
        let slots: Vec<Slot> = (needs.arguments.into_iter())
            .map(|argument| match argument {
                Argument::Value => Slot::Here(payloads.next().unwrap_or_default()),
                Argument::Task(source) => begin(source, true),
            })
            .collect();
        let after: Vec<Slot> = needs.after.into_iter().map(|source| begin(source, false)).collect();
        let arguments = slots.len();
        let mut values = Vec::with_capacity(arguments + after.len());
        for slot in slots.into_iter().chain(after) {
            values.push(match slot {
                Slot::Here(payload) => payload,
                Slot::Coming(fetching) => fetching
                    .await
                    .unwrap_or_else(|error| Err(failure(FailureKind::Runtime, error.to_string())))?,
            });
        }
        values.truncate(arguments);
        Ok(values)
    }

    /// Waits for a task, wherever it is, and gets its value if `value` is set.
    async fn obtain(&self, source: Source, value: bool) -> Outcome {
        let Source { task, uid, place } = source;
        let outcome = if place.uid == self.uid {
            self.outcome(task).await
        } else {
            self.peers.fetch(&place, task, value).await
        };
        outcome.map_err(|cause| dependency_failed(&uid, &cause))
    }

    /// Waits until a task of this worker has ended.
    pub(super) async fn outcome(&self, task: Id) -> Outcome {
        let mut watch = self.stock.borrow_mut().watch(task);
        match watch.wait_for(Option::is_some).await {
            Ok(outcome) => outcome.clone().expect("it was waited for until it is some"),
            Err(_) => Err(worker_lost(&self.uid, "it was told to forget the task")),
        }
    }

    /// Stores how a constructor or call ended and tells the head, the first time.
    pub(super) fn finish(&self, head: &Head, id: Id, outcome: Outcome, unread_output: bool) {
        let outcome = outcome.map_err(|failure| Failure {
            worker: self.uid.clone(),
            ..failure
        });
        let report = outcome.as_ref().map(|_| ()).map_err(Clone::clone);
        if self.stock.borrow_mut().store(id, outcome) {
            head.send(FromWorker::Finished {
                id,
                outcome: report,
                unread_output,
            });
        }
    }

    pub(super) fn drop_task(&self, task: Id) {
        self.stock.borrow_mut().remove(task);
    }

    /// Drops a tessera once its queued calls have ended.
    pub(super) fn drop_tessera(&self, tessera: Id) {
        self.tesserae.borrow_mut().remove(&tessera);
    }

    /// Forgets all that a head had here. What is being executed ends by itself, what is queued never begins.
    pub(super) fn forget(&self, head: &Head) {
        self.sessions.borrow_mut().remove(&head.session);
        self.tesserae.borrow_mut().retain(|_, (of, _)| *of != head.session);
        self.stock.borrow_mut().forget(head.session);
    }

    /// Forgets everything and waits until all objects are dropped.
    pub(super) async fn close(&self) {
        self.sessions.borrow_mut().clear();
        self.tesserae.borrow_mut().clear();
        self.stock.borrow_mut().clear();
        while self.alive.get() > 0 {
            self.empty.notified().await;
        }
    }
}
