//! The head's thread: carries out what the books ask for, and reports to them what arrives.

use super::{ledger::Action, table::Head, waits::Ending};
use crate::{
    failures::failure,
    wire::{self, Frame, FromHub, FromWorker, Payload, Peer, Place, RuntimeInfo, Sender, ToHub, ToWorker},
};
use mosaic_abi::{Buffer, FailureKind, Handle};
use std::{
    collections::{HashMap, HashSet},
    io,
    path::{Path, PathBuf},
    sync::Arc,
    thread,
    time::Duration,
};
use tokio::{
    net::UnixStream,
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
};

/// How long the node may take to say how a worker ended, once its connection closed.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// What the table asks of the link.
#[derive(Debug)]
pub(super) enum Command {
    Start { wait: Handle, num_workers: usize },
    Stop { wait: Handle },
    Act(Action),
}

/// Whatever can happen to the link.
enum Event {
    Command(Command),
    Hub(FromHub),
    HubClosed,
    Worker(Frame<FromWorker>),
    WorkerClosed(String),
    /// The node had its time to say more about this worker.
    WorkerGone(String),
}

/// An [`Event`] of a connection, with the number of the runtime it belongs to: what a former one says no longer counts.
struct Stamped {
    run: u64,
    event: Event,
}

struct Link {
    head: &'static Head,
    address: PathBuf,
    hub: Option<Sender<ToHub>>,
    workers: HashMap<String, Sender<ToWorker>>,
    /// Counts the runtimes that this head has used.
    run: u64,
    starting: Vec<Handle>,
    stopping: Vec<Handle>,
    /// Objects whose output is being shown.
    syncing: HashSet<Handle>,
    events: UnboundedSender<Stamped>,
}

/// Starts the link's thread.
pub(super) fn start(head: &'static Head, address: PathBuf, inbox: UnboundedReceiver<Command>) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let run = move || runtime.block_on(run(head, address, inbox));
    thread::Builder::new().name("mosaic-head".to_owned()).spawn(run)?;
    Ok(())
}

async fn run(head: &'static Head, address: PathBuf, mut inbox: UnboundedReceiver<Command>) {
    let (events, mut incoming) = unbounded_channel();
    let mut link = Link {
        head,
        address,
        hub: None,
        workers: HashMap::new(),
        run: 0,
        starting: Vec::new(),
        stopping: Vec::new(),
        syncing: HashSet::new(),
        events,
    };
    loop {
        let event = tokio::select! {
            command = inbox.recv() => match command {
                Some(command) => Event::Command(command),
                None => return,
            },
            stamped = incoming.recv() => match stamped {
                Some(Stamped { run, event }) if run == link.run || matches!(event, Event::Hub(_) | Event::HubClosed) => event,
                Some(_) => continue,
                None => return,
            },
        };
        link.handle(event).await;
    }
}

impl Link {
    async fn handle(&mut self, event: Event) {
        match event {
            Event::Command(Command::Start { wait, num_workers }) => self.turn_on(wait, num_workers).await,
            Event::Command(Command::Stop { wait }) => self.turn_off(wait).await,
            Event::Command(Command::Act(action)) => self.act(action).await,
            Event::Hub(message) => self.hear_hub(message),
            Event::HubClosed => self.hub_closed(),
            Event::Worker(frame) => self.hear_worker(frame),
            Event::WorkerClosed(uid) => self.worker_closed(uid),
            Event::WorkerGone(uid) => self.worker_lost(&uid, "its connection closed"),
        }
    }

    async fn turn_on(&mut self, wait: Handle, num_workers: usize) {
        if let Err(error) = self.ensure_hub().await {
            let message = format!(
                "the mosaic runtime at {} cannot be reached: {error}",
                self.address.display()
            );
            return self.end(wait, Err(failure(FailureKind::Runtime, message)));
        }
        self.starting.push(wait);
        self.to_hub(ToHub::Start { num_workers });
    }

    async fn turn_off(&mut self, wait: Handle) {
        self.forget_runtime("the mosaic runtime was stopped");
        if self.ensure_hub().await.is_err() {
            // Without a hub there is nothing to stop.
            return self.end(wait, Ok(Payload::default()));
        }
        self.stopping.push(wait);
        self.to_hub(ToHub::Stop);
    }

    /// Fails whatever the runtime had, and stops listening to its workers.
    fn forget_runtime(&mut self, reason: &str) {
        self.run += 1;
        self.workers.clear();
        self.head.change(|ledger| ledger.stopped(reason));
    }

    async fn act(&mut self, action: Action) {
        match action {
            Action::Place { tessera, type_name } => self.to_hub(ToHub::Place { tessera, type_name }),
            Action::Forget { tessera } => self.to_hub(ToHub::Forget { tessera }),
            Action::Sync { object } if self.hub.is_none() => self.head.change(|ledger| ledger.synced(object)),
            Action::Sync { object } => {
                self.syncing.insert(object);
                self.to_hub(ToHub::Sync { request: object });
            }
            Action::Send { place, frame } => match self.worker(&place).await {
                Ok(worker) => worker.send(frame),
                Err(error) => {
                    tracing::debug!(worker = place.uid, %error, "a worker cannot be reached");
                    self.worker_closed(place.uid);
                }
            },
            // Both are done where the ledger was changed.
            Action::Wake(_) | Action::Discard(_) => {}
        }
    }

    fn to_hub(&self, message: ToHub) {
        if let Some(hub) = &self.hub {
            hub.send(message);
        }
    }

    async fn ensure_hub(&mut self) -> io::Result<()> {
        if self.hub.is_some() {
            return Ok(());
        }
        let (sender, mut receiver, _) = wire::connect(UnixStream::connect(&self.address).await?);
        sender.send(ToHub::Hello(Peer::Head));
        self.hub = Some(sender);
        let (events, run) = (self.events.clone(), self.run);
        tokio::spawn(async move {
            while let Ok(Some(frame)) = receiver.receive().await {
                let event = Event::Hub(frame.message);
                let _ = events.send(Stamped { run, event });
            }
            let event = Event::HubClosed;
            let _ = events.send(Stamped { run, event });
        });
        Ok(())
    }

    async fn worker(&mut self, place: &Place) -> io::Result<&Sender<ToWorker>> {
        if !self.workers.contains_key(&place.uid) {
            let sender = self.connect_worker(place).await?;
            self.workers.insert(place.uid.clone(), sender);
        }
        Ok(&self.workers[&place.uid])
    }

    async fn connect_worker(&self, place: &Place) -> io::Result<Sender<ToWorker>> {
        let (sender, mut receiver, _) = wire::connect(UnixStream::connect(&place.address).await?);
        sender.send(ToWorker::Hello(Peer::Head));
        let (events, run, uid) = (self.events.clone(), self.run, place.uid.clone());
        tokio::spawn(async move {
            while let Ok(Some(frame)) = receiver.receive().await {
                let event = Event::Worker(frame);
                let _ = events.send(Stamped { run, event });
            }
            let event = Event::WorkerClosed(uid);
            let _ = events.send(Stamped { run, event });
        });
        Ok(sender)
    }

    fn hear_hub(&mut self, message: FromHub) {
        match message {
            FromHub::Started { fresh, runtimes } => self.started(fresh, runtimes),
            FromHub::Stopped => {
                if self.head.change(|ledger| ledger.is_on()) {
                    self.forget_runtime("the mosaic runtime was stopped");
                }
                for wait in std::mem::take(&mut self.stopping) {
                    self.end(wait, Ok(Payload::default()));
                }
            }
            FromHub::Placed { tessera, place } => self.head.change(|ledger| ledger.placed(tessera, place)),
            FromHub::Synced { request } => {
                self.syncing.remove(&request);
                self.head.change(|ledger| ledger.synced(request));
            }
            FromHub::WorkerLost { uid, status } => self.worker_lost(&uid, &status),
            FromHub::Exit => tracing::warn!("the hub told a head to exit, which is for workers"),
        }
    }

    fn started(&mut self, fresh: bool, runtimes: Result<Vec<RuntimeInfo>, String>) {
        let waits = std::mem::take(&mut self.starting);
        let runtimes = match runtimes {
            Ok(runtimes) => runtimes,
            Err(message) => {
                for wait in waits {
                    self.end(wait, Err(failure(FailureKind::Runtime, message.clone())));
                }
                return;
            }
        };
        let workers = runtimes.iter().map(|runtime| runtime.uid.clone());
        let workers: Vec<String> = workers.filter(|uid| uid.starts_with("worker:")).collect();
        let attached = self.head.change(|ledger| {
            let attached = !ledger.is_on();
            ledger.started(workers);
            attached
        });
        let mut text = match fresh || attached {
            true => listing(&self.address, &runtimes),
            false => String::new(),
        };
        for wait in waits {
            // A text always encodes; the first wait shows the listing, the others have nothing to add.
            let text = mosaic_abi::encode(&std::mem::take(&mut text)).unwrap_or_default();
            self.end(wait, Ok(Arc::new(Buffer::from(text))));
        }
    }

    fn hub_closed(&mut self) {
        self.hub = None;
        self.forget_runtime("the connection to the mosaic runtime closed");
        for object in std::mem::take(&mut self.syncing) {
            self.head.change(|ledger| ledger.synced(object));
        }
        for wait in std::mem::take(&mut self.starting) {
            let failure = failure(FailureKind::Runtime, "the mosaic runtime ended while it was starting");
            self.end(wait, Err(failure));
        }
        for wait in std::mem::take(&mut self.stopping) {
            self.end(wait, Ok(Payload::default()));
        }
    }

    fn hear_worker(&mut self, frame: Frame<FromWorker>) {
        self.head.change(|ledger| match frame.message {
            FromWorker::Started { id } => ledger.began(id),
            FromWorker::Finished {
                id,
                outcome,
                unread_output,
            } => ledger.finished(id, outcome, unread_output),
            FromWorker::Fetched { request, outcome } => {
                let value = frame.payloads.into_iter().next().unwrap_or_default();
                ledger.fetched(request, outcome.map(|()| value));
            }
        });
    }

    /// The node will say how the worker ended; if it does not, it ended all the same.
    fn worker_closed(&mut self, uid: String) {
        let (events, run) = (self.events.clone(), self.run);
        tokio::spawn(async move {
            tokio::time::sleep(LAST_WORDS).await;
            let event = Event::WorkerGone(uid);
            let _ = events.send(Stamped { run, event });
        });
    }

    fn worker_lost(&mut self, uid: &str, status: &str) {
        self.workers.remove(uid);
        self.head.change(|ledger| ledger.worker_lost(uid, status));
    }

    fn end(&self, wait: Handle, ending: Ending) {
        self.head.change(|ledger| ledger.end_wait(wait, ending));
    }
}

/// The text that turning the runtime on prints: a line for each part, in columns.
fn listing(hub: &Path, runtimes: &[RuntimeInfo]) -> String {
    let head = format!(
        "{:<16}Connected to <CommsManager object, uid=head, address={}, pid={}, state=connected>",
        "HEAD",
        hub.display(),
        std::process::id()
    );
    let others = runtimes.iter().map(|runtime| {
        format!(
            "{:<16}Listening at <CommsManager object, uid={}, address={}, pid={}, state=listening>",
            runtime.uid.to_uppercase(),
            runtime.uid,
            runtime.address.display(),
            runtime.pid
        )
    });
    let lines: Vec<String> = std::iter::once(head).chain(others).collect();
    lines.join("\n")
}
