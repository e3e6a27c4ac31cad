//! The head's thread: carries out what the books ask for, and reports to them what arrives.

mod gathering;
mod hearing;
mod pause;

use self::pause::Pause;
use super::{ledger::Action, process::Head, storing::Storing};
use crate::{
    failures::failure,
    id::Id,
    trim::Trimmer,
    waits::Ending,
    warehouse::{Shelf, Shelves},
    wire::{self, Frame, FromHub, FromWorker, Payload, Peer, Place, Sender, ToHub, ToWorker},
    worker::Local,
};
use mosaic_abi::{Failure, FailureKind, Handle, StartOptions};
use std::{
    collections::{HashMap, HashSet},
    io,
    path::PathBuf,
    sync::{Arc, mpsc},
    thread,
    time::Duration,
};
use tokio::{
    net::UnixStream,
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    task::yield_now,
};

/// How long the node may take to say how a worker ended, once its connection closed.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// Of so many messages the books hear while they are locked once.
const HEARD_AT_ONCE: usize = 64;

/// So many commands are carried out before what follows from them is written.
const OBEYED_AT_ONCE: usize = 1 << 10;

/// How long a hub that can be reached may take to say what runs. It answers at once unless it is stopped.
const WELCOME: Duration = Duration::from_secs(5);

/// What the table asks of the link.
#[derive(Debug)]
pub(super) enum Command {
    Start { wait: Handle, options: Box<StartOptions> },
    Stop { wait: Handle },
    Act(Action),
}

/// Whatever can happen to the link.
pub(super) enum Event {
    Hub(Box<FromHub>),
    HubClosed,
    /// What a worker says, as far as it has been read.
    Worker {
        uid: Arc<str>,
        frames: Vec<Frame<FromWorker>>,
    },
    WorkerClosed(String),
    /// A wait, a task or a tessera had its time.
    TimeIsOver {
        subject: Handle,
        after: Duration,
    },
    /// The node had its time to say more about this worker.
    WorkerGone(String),
    /// Commands have gathered for long enough.
    Gathered,
    /// A value was written for the warehouse, or could not be.
    Written {
        ware: Id,
        outcome: Result<Shelf, String>,
    },
}

/// An [`Event`] of a connection, with the number of the runtime it belongs to: what a former one says no longer counts.
struct Stamped {
    run: u64,
    event: Event,
}

pub(super) struct Link {
    pub(super) head: &'static Head,
    address: PathBuf,
    hub: Option<Sender<ToHub>>,
    workers: HashMap<String, Sender<ToWorker>>,
    /// The workers whose connection closed, and of which the hub has said nothing yet.
    closed: HashSet<String>,
    /// The tesserae of this process.
    local: Option<Local>,
    /// Counts the runtimes that this head has used.
    run: u64,
    /// Waits for the runtime to be on, and how many workers each of them wants.
    starting: Vec<(Handle, usize)>,
    stopping: Vec<Handle>,
    /// Objects whose output is being shown.
    syncing: HashSet<Handle>,
    /// Told of all that passes through this process.
    pub(super) trimmer: Trimmer,
    pub(super) storing: Storing,
    /// Whether commands gather, and within what time they leave.
    gathering: Option<Duration>,
    /// Waits for what the hub was asked.
    querying: HashSet<Handle>,
    /// Whether this head has shown what the runtime that runs consists of.
    listed: bool,
    /// Whoever waits for the hub's first message, or for the news that there is none.
    welcomed: Option<mpsc::Sender<()>>,
    events: UnboundedSender<Stamped>,
}

/// Starts the link's thread, and waits until it knows what runs.
pub(super) fn start(head: &'static Head, address: PathBuf, inbox: UnboundedReceiver<Command>) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (welcomed, welcome) = mpsc::channel();
    let run = move || runtime.block_on(run(head, address, inbox, welcomed));
    thread::Builder::new().name("mosaic-head".to_owned()).spawn(run)?;
    // Without a word of the hub's the runtime is taken to be off, until the hub says otherwise.
    let _ = welcome.recv_timeout(WELCOME);
    Ok(())
}

async fn run(head: &'static Head, address: PathBuf, mut inbox: UnboundedReceiver<Command>, welcomed: mpsc::Sender<()>) {
    let (events, mut incoming) = unbounded_channel();
    let mut link = Link {
        head,
        address,
        hub: None,
        workers: HashMap::new(),
        closed: HashSet::new(),
        local: None,
        run: 0,
        starting: Vec::new(),
        stopping: Vec::new(),
        syncing: HashSet::new(),
        trimmer: Trimmer::default(),
        storing: Storing::default(),
        gathering: None,
        querying: HashSet::new(),
        listed: false,
        welcomed: Some(welcomed),
        events,
    };
    if let Err(error) = link.ensure_hub().await {
        tracing::debug!(%error, "the hub cannot be reached yet");
        link.welcomed = None;
    }
    let mut commands = Vec::with_capacity(OBEYED_AT_ONCE);
    let mut pause = Pause::default();
    loop {
        pause.spin(|| inbox.is_empty() && incoming.is_empty()).await;
        let event = tokio::select! {
            count = inbox.recv_many(&mut commands, OBEYED_AT_ONCE) => {
                for command in commands.drain(..) {
                    link.obey(command).await;
                }
                if count == 0 {
                    return;
                }
                if count == OBEYED_AT_ONCE {
                    yield_now().await;
                }
                continue;
            }
            stamped = incoming.recv() => match stamped {
                Some(Stamped { run, event })
                    if run == link.run || matches!(event, Event::Hub(_) | Event::HubClosed) => event,
                Some(_) => continue,
                None => return,
            },
        };
        link.handle(event).await;
    }
}

impl Link {
    async fn obey(&mut self, command: Command) {
        match command {
            Command::Start { wait, options } => self.turn_on(wait, *options).await,
            Command::Stop { wait } => self.turn_off(wait).await,
            Command::Act(action) => self.act(action).await,
        }
    }

    async fn handle(&mut self, event: Event) {
        match event {
            Event::Hub(message) => self.hear_hub(*message).await,
            Event::HubClosed => self.hub_closed().await,
            Event::Worker { uid, frames } => self.hear_worker(&uid, frames),
            Event::WorkerClosed(uid) => self.worker_closed(uid),
            Event::TimeIsOver { subject, after } => self.head.change(|ledger| ledger.time_is_over(subject, after)),
            // Another one may have its name by now, where the hub has said that it is lost.
            Event::WorkerGone(uid) if !self.closed.remove(&uid) => {}
            Event::WorkerGone(uid) => {
                self.workers.remove(&uid);
                self.head.change(|ledger| ledger.worker_gone(&uid));
            }
            Event::Gathered => self.hurry(),
            Event::Written { ware, outcome } => self.written(ware, outcome),
        }
    }

    async fn turn_on(&mut self, wait: Handle, options: StartOptions) {
        if let Err(error) = self.ensure_hub().await {
            return self.end(wait, Err(self.unreachable(&error)));
        }
        self.starting.push((wait, options.num_workers));
        self.to_hub(ToHub::Start { options });
    }

    async fn turn_off(&mut self, wait: Handle) {
        self.forget_runtime("the mosaic runtime was stopped").await;
        if self.ensure_hub().await.is_err() {
            // Without a hub there is nothing to stop.
            return self.end(wait, Ok(Payload::default()));
        }
        self.stopping.push(wait);
        self.to_hub(ToHub::Stop);
    }

    fn unreachable(&self, error: &io::Error) -> Failure {
        let address = self.address.display();
        let message = format!("the mosaic runtime at {address} cannot be reached: {error}");
        failure(FailureKind::Runtime, message)
    }

    /// Fails whatever the runtime had, and stops listening to its workers.
    async fn forget_runtime(&mut self, reason: &str) {
        self.run += 1;
        self.workers.clear();
        self.closed.clear();
        self.gathering = None;
        if let Some(local) = self.local.take() {
            local.stop().await;
        }
        self.listed = false;
        self.forget_stores();
        self.head.change(|ledger| ledger.stopped(reason));
    }

    async fn act(&mut self, action: Action) {
        match action {
            Action::Place {
                tessera,
                type_name,
                wish,
            } => self.to_hub(ToHub::Place {
                tessera,
                type_name,
                wish,
            }),
            Action::PlaceHere { tessera } => {
                let place = self.local().map_err(|error| {
                    let message = format!("this process cannot have tesserae itself: {error}");
                    failure(FailureKind::Runtime, message)
                });
                self.head.change(|ledger| ledger.placed_here(tessera, place));
            }
            Action::Progress(progress) => self.to_hub(ToHub::Progress(progress)),
            Action::Find { tessera } => self.to_hub(ToHub::Find { tessera }),
            Action::Forget { tessera } => self.to_hub(ToHub::Forget { tessera }),
            Action::Sync { object } if self.hub.is_none() => self.head.change(|ledger| ledger.synced(object)),
            Action::Sync { object } => {
                self.syncing.insert(object);
                self.to_hub(ToHub::Sync { request: object });
            }
            Action::Query { wait, query } => {
                if let Err(error) = self.ensure_hub().await {
                    return self.end(wait, Err(self.unreachable(&error)));
                }
                self.querying.insert(wait);
                self.to_hub(ToHub::Query { request: wait, query });
            }
            Action::Send { place, frame } => self.send(&place, frame, Sender::send).await,
            Action::SendWithin { place, frame, longest } => {
                self.send(&place, frame, Sender::send_later).await;
                self.gathers(longest);
            }
            Action::Hurry => self.hurry(),
            Action::Store { ware, type_name, value } => self.store(ware, type_name, value),
            Action::Warehouse(message) => self.to_hub(ToHub::Warehouse(message)),
            Action::Load { wait, ware, uid } => self.load(wait, ware, &uid),
            Action::Timer { subject, after } => {
                let (events, run) = (self.events.clone(), self.run);
                tokio::spawn(async move {
                    tokio::time::sleep(after).await;
                    let event = Event::TimeIsOver { subject, after };
                    let _ = events.send(Stamped { run, event });
                });
            }
            // Both are done where the ledger was changed.
            Action::Wake(_) | Action::Discard(_) => {}
        }
    }

    async fn send(
        &mut self,
        place: &Place,
        frame: Frame<ToWorker>,
        send: impl FnOnce(&Sender<ToWorker>, Frame<ToWorker>),
    ) {
        let size = frame.size();
        match self.worker(place).await {
            Ok(worker) => {
                send(worker, frame);
                self.trimmer.note(size);
            }
            Err(error) => {
                tracing::debug!(worker = place.uid, %error, "a worker cannot be reached");
                self.worker_closed(place.uid.clone());
            }
        }
    }

    /// Where the tesserae of this process live.
    fn local(&mut self) -> io::Result<Place> {
        let local = match self.local.take() {
            Some(local) => local,
            None => {
                let shelves = self.storing.shelves.clone().unwrap_or_else(Shelves::unused);
                Local::start(&self.address, self.head.id, self.head.host(), shelves)?
            }
        };
        let place = local.place().clone();
        self.local = Some(local);
        Ok(place)
    }

    pub(super) fn to_hub(&self, message: ToHub) {
        if let Some(hub) = &self.hub {
            hub.send(message);
        }
    }

    async fn ensure_hub(&mut self) -> io::Result<()> {
        if self.hub.is_some() {
            return Ok(());
        }
        let (sender, mut receiver, _) = wire::connect(UnixStream::connect(&self.address).await?)?;
        sender.send(ToHub::Hello(Peer::Head(self.head.id)));
        self.hub = Some(sender);
        let (events, run) = (self.events.clone(), self.run);
        tokio::spawn(async move {
            while let Ok(Some(frame)) = receiver.receive().await {
                let event = Event::Hub(Box::new(frame.message));
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
        let (sender, mut receiver, _) = wire::connect(UnixStream::connect(&place.address).await?)?;
        sender.send(ToWorker::Hello(Peer::Head(self.head.id)));
        let (events, run, uid) = (self.events.clone(), self.run, Arc::from(&*place.uid));
        tokio::spawn(async move {
            while let Ok(Some(frame)) = receiver.receive().await {
                let mut frames = vec![frame];
                while frames.len() < HEARD_AT_ONCE
                    && let Ok(Some(frame)) = receiver.received()
                {
                    frames.push(frame);
                }
                let uid = Arc::clone(&uid);
                let event = Event::Worker { uid, frames };
                let _ = events.send(Stamped { run, event });
            }
            let event = Event::WorkerClosed(uid.to_string());
            let _ = events.send(Stamped { run, event });
        });
        Ok(sender)
    }

    /// A way to report something that happens elsewhere, while the same runtime is on.
    pub(super) fn reporter(&self) -> impl FnOnce(Event) + Send + 'static {
        let (events, run) = (self.events.clone(), self.run);
        move |event| {
            let _ = events.send(Stamped { run, event });
        }
    }

    fn end(&self, wait: Handle, ending: Ending) {
        self.head.change(|ledger| ledger.end_wait(wait, ending));
    }
}
