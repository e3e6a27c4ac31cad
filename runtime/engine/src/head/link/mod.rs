//! The link: the head's thread, which does all of its I/O. It carries out the state's actions, and reports to the state
//! what arrives.
//!
//! - `event`: everything that can happen to the link.
//! - `messages`: messages of the monitor and of the workers, and the ends of their connections.
//! - `listing`: the text that turning the runtime on prints.
//! - `warehouse`: writing and reading stored values.
//! - `send_later`: delayed messages, which travel together.
//! - `undelivered`: messages that cannot be sent to a worker that lives.
//! - `elsewhere`: workers on other hosts, and the code that they get.
//! - `panics`: a panic costs the command that it happened in.
//! - `idle_spin`: looking for the next event for some microseconds before the thread sleeps.

mod elsewhere;
mod event;
mod idle_spin;
mod listing;
mod messages;
mod panics;
mod send_later;
mod undelivered;
mod warehouse;

use super::{
    command::Command,
    process::Head,
    state::{Action, Ending},
};
use crate::{
    code::{CodeStore, Packer},
    failures::{cannot_connect, failure, is_shortage},
    id::Id,
    panics::caught_async,
    trim_memory::Trimmer,
    warehouse::StoreDirs,
    wire::{self, Frame, Payload, Peer, Sender, ToMonitor, ToWorker, WorkerAddress},
    worker::{HostFiles, Local},
};
use elsewhere::Hearing;
use event::{Event, Stamped};
use idle_spin::IdleSpin;
use mosaic_abi::{Failure, FailureKind, Handle, StartOptions};
use std::{
    collections::{HashMap, HashSet},
    io,
    path::PathBuf,
    sync::mpsc,
    thread,
    time::Duration,
};
use tokio::{
    net::UnixStream,
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    task::yield_now,
};
use undelivered::Asked;

/// How long the monitor may take to say how a worker ended, once the worker's connection closed.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// The largest number of messages that are entered into the state under one lock.
const MESSAGES_AT_ONCE: usize = 64;

/// The largest number of commands that are carried out before the sockets are written to.
const COMMANDS_AT_ONCE: usize = 1 << 10;

/// How long a reachable monitor may take to say what runs. It answers at once, unless its process is stopped.
const WELCOME: Duration = Duration::from_secs(5);

/// The connections of a head, and the requests to which there is no answer yet. Only the link's thread touches them.
struct Link {
    head: &'static Head,
    /// The monitor's socket.
    address: PathBuf,
    /// The connection to the monitor, while there is one.
    monitor: Option<Sender<ToMonitor>>,
    /// The connections to workers, by uid. A worker is connected to when something is first sent to it.
    workers: HashMap<String, Sender<ToWorker>>,
    /// The workers whose connection closed while the monitor has not said why.
    closed: HashSet<String>,
    /// The worker within this process, once a tessera is kept here.
    local: Option<Local>,
    /// Counts the runtimes that this head has used, so that events of a former one are known as such.
    run: u64,
    /// Waits for the runtime to be on, each with the number of workers that it wants.
    starting: Vec<(Handle, usize)>,
    /// Waits for the runtime to be off.
    stopping: Vec<Handle>,
    /// Objects and barriers for which the monitor was asked to have all output shown.
    syncing: HashSet<Handle>,
    /// Waits for answers of the monitor.
    querying: HashSet<Handle>,
    /// Asks for files of other hosts.
    host_files: HostFiles,
    /// Packs code for other hosts.
    packer: Packer,
    /// Told of all bytes that pass through this process.
    trimmer: Trimmer,
    /// The directories of stored values, once the monitor has named them.
    store_dirs: Option<StoreDirs>,
    /// Values that are written once the warehouse has said where.
    unwritten: HashMap<Id, Payload>,
    /// The time within which delayed messages are sent, while there are any.
    delayed: Option<Duration>,
    /// Whether this head has printed what the present runtime consists of.
    listed: bool,
    /// Dropped when the monitor has said what runs, or cannot be reached: [`start`] waits for that.
    welcomed: Option<mpsc::Sender<()>>,
    /// Reports events of tasks on this thread, and of others, to the loop in [`run`].
    events: UnboundedSender<Stamped>,
}

/// Starts the link's thread, and waits until the state knows what runs.
pub(super) fn start(head: &'static Head, address: PathBuf, inbox: UnboundedReceiver<Command>) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (welcomed, welcome) = mpsc::channel();
    let run = move || runtime.block_on(run(head, address, inbox, welcomed));
    thread::Builder::new().name("mosaic-head".to_owned()).spawn(run)?;
    // While the monitor says nothing, the runtime counts as off.
    let _ = welcome.recv_timeout(WELCOME);
    Ok(())
}

async fn run(head: &'static Head, address: PathBuf, mut inbox: UnboundedReceiver<Command>, welcomed: mpsc::Sender<()>) {
    let (events, mut incoming) = unbounded_channel();
    let mut link = Link {
        head,
        address,
        monitor: None,
        workers: HashMap::new(),
        closed: HashSet::new(),
        local: None,
        run: 0,
        starting: Vec::new(),
        stopping: Vec::new(),
        syncing: HashSet::new(),
        host_files: HostFiles::default(),
        packer: Packer::new(CodeStore::in_run_dir(&head.network.run_dir)),
        trimmer: Trimmer::default(),
        store_dirs: None,
        unwritten: HashMap::new(),
        delayed: None,
        querying: HashSet::new(),
        listed: false,
        welcomed: Some(welcomed),
        events,
    };
    if let Err(error) = link.ensure_monitor().await {
        tracing::debug!(%error, "the monitor cannot be reached yet");
        link.welcomed = None;
    }
    let mut commands = Vec::with_capacity(COMMANDS_AT_ONCE);
    let mut idle = IdleSpin::default();
    loop {
        idle.spin(|| inbox.is_empty() && incoming.is_empty()).await;
        let event = tokio::select! {
            count = inbox.recv_many(&mut commands, COMMANDS_AT_ONCE) => {
                for command in commands.drain(..) {
                    link.run_or_fail(command).await;
                }
                if count == 0 {
                    return;
                }
                if count == COMMANDS_AT_ONCE {
                    yield_now().await;
                }
                continue;
            }
            stamped = incoming.recv() => match stamped {
                Some(Stamped { run, event })
                    if run == link.run || matches!(event, Event::Monitor(_) | Event::MonitorClosed) => event,
                Some(_) => continue,
                None => return,
            },
        };
        // Nobody waits for what an event brings. The panic has been printed.
        let _ = caught_async("head", link.handle_event(event)).await;
    }
}

impl Link {
    async fn run_command(&mut self, command: Command) {
        match command {
            Command::Start { wait, options } => self.turn_on(wait, *options).await,
            Command::Stop { wait } => self.turn_off(wait).await,
            Command::Act(action) => self.perform(action).await,
        }
    }

    async fn handle_event(&mut self, event: Event) {
        match event {
            Event::Monitor(message) => self.handle_monitor_message(*message).await,
            Event::MonitorClosed => self.monitor_closed().await,
            Event::Worker { uid, frames } => self.handle_worker_messages(&uid, frames),
            Event::WorkerClosed(uid) => self.worker_closed(uid),
            Event::TimeExpired { subject, after } => self.head.change(|state| state.time_expired(subject, after)),
            // The monitor has said meanwhile that the worker is lost.
            Event::WorkerGone(uid) if !self.closed.remove(&uid) => {}
            Event::WorkerGone(uid) => self.worker_gone(uid),
            Event::DelayOver => self.send_delayed(),
            Event::Written { ware, outcome } => self.written(ware, outcome),
        }
    }

    async fn turn_on(&mut self, wait: Handle, options: StartOptions) {
        if let Err(error) = self.ensure_monitor().await {
            return self.end(wait, Err(self.unreachable(&error)));
        }
        self.starting.push((wait, options.num_workers));
        self.to_monitor(ToMonitor::Start { options });
    }

    async fn turn_off(&mut self, wait: Handle) {
        match self.ensure_monitor().await {
            Ok(()) => {}
            Err(error) if is_shortage(&error) => return self.end(wait, Err(self.unreachable(&error))),
            Err(_) => {
                // Without a monitor there is no runtime to turn off.
                self.forget_runtime("the mosaic runtime was stopped").await;
                return self.end(wait, Ok(Payload::default()));
            }
        }
        self.forget_runtime("the mosaic runtime was stopped").await;
        self.stopping.push(wait);
        self.to_monitor(ToMonitor::Stop);
    }

    fn unreachable(&self, error: &io::Error) -> Failure {
        let address = self.address.display();
        let message = format!("the mosaic runtime at {address} cannot be reached: {error}");
        failure(FailureKind::Runtime, message)
    }

    /// Fails everything that the runtime had, and closes the connections to its workers.
    async fn forget_runtime(&mut self, reason: &str) {
        self.run += 1;
        self.workers.clear();
        self.closed.clear();
        self.delayed = None;
        if let Some(local) = self.local.take() {
            local.stop().await;
        }
        self.listed = false;
        self.unwritten.clear();
        self.head.change(|state| state.runtime_stopped(reason));
    }

    async fn perform(&mut self, action: Action) {
        match action {
            Action::Place {
                tessera,
                type_name,
                wish,
            } => self.to_monitor(ToMonitor::Place {
                tessera,
                type_name,
                wish,
            }),
            Action::PlaceHere { tessera } => {
                let place = self.local().map_err(|error| {
                    let message = format!("this process cannot have tesserae itself: {error}");
                    failure(FailureKind::Runtime, message)
                });
                self.head.change(|state| state.placed_here(tessera, place));
            }
            Action::Progress(progress) => self.to_monitor(ToMonitor::Progress(progress)),
            Action::FindLost { tessera } => self.to_monitor(ToMonitor::Find { tessera }),
            Action::Forget { tessera } => self.to_monitor(ToMonitor::Forget { tessera }),
            Action::Sync { object } if self.monitor.is_none() => self.head.change(|state| state.synced(object)),
            Action::Sync { object } => {
                self.syncing.insert(object);
                self.to_monitor(ToMonitor::Sync { request: object });
            }
            Action::Query { wait, query } => {
                if let Err(error) = self.ensure_monitor().await {
                    return self.end(wait, Err(self.unreachable(&error)));
                }
                self.querying.insert(wait);
                self.to_monitor(ToMonitor::Query { request: wait, query });
            }
            Action::Send { place, frame } => self.send(&place, frame, Sender::send).await,
            Action::SendWithin { place, frame, longest } => {
                self.send(&place, frame, Sender::send_later).await;
                self.delay(longest);
            }
            Action::SendDelayed => self.send_delayed(),
            Action::Store { ware, type_name, value } => self.store(ware, type_name, value),
            Action::Warehouse(message) => self.to_monitor(ToMonitor::Warehouse(message)),
            Action::Load { wait, ware, uid } => self.load(wait, ware, &uid),
            Action::Timer { subject, after } => {
                let (events, run) = (self.events.clone(), self.run);
                tokio::spawn(async move {
                    tokio::time::sleep(after).await;
                    let event = Event::TimeExpired { subject, after };
                    let _ = events.send(Stamped { run, event });
                });
            }
            // The head does these itself, after it has released the lock.
            Action::Wake(_) | Action::Discard(_) | Action::Say(_) => {}
        }
    }

    async fn send(
        &mut self,
        place: &WorkerAddress,
        frame: Frame<ToWorker>,
        send: impl FnOnce(&Sender<ToWorker>, Frame<ToWorker>),
    ) {
        let size = frame.size();
        let frame = match self.for_host(place, frame) {
            Ok(frame) => frame,
            Err((asked, failure)) => return self.head.change(|state| asked.fail(state, failure)),
        };
        match self.worker(place).await {
            Ok(worker) => {
                send(worker, frame);
                self.trimmer.note(size);
            }
            Err(error) => {
                tracing::debug!(worker = place.uid, %error, "a worker cannot be reached");
                if !is_shortage(&error) {
                    return self.worker_closed(place.uid.clone());
                }
                let failure = cannot_connect(&place.uid, &error);
                self.head.change(|state| Asked::by(&frame.message).fail(state, failure));
            }
        }
    }

    /// Returns the address of the worker within this process, which is started the first time.
    fn local(&mut self) -> io::Result<WorkerAddress> {
        let local = match self.local.take() {
            Some(local) => local,
            None => {
                let store_dirs = self.store_dirs.clone().unwrap_or_else(StoreDirs::unused);
                let (head, host_files) = (self.head, self.host_files.clone());
                Local::start(&self.address, head.id, head.host(), store_dirs, host_files)?
            }
        };
        let place = local.place().clone();
        self.local = Some(local);
        Ok(place)
    }

    /// Sends a message to the monitor, if it is connected.
    fn to_monitor(&self, message: ToMonitor) {
        if let Some(monitor) = &self.monitor {
            monitor.send(message);
        }
    }

    /// Connects to the monitor, unless it is connected.
    async fn ensure_monitor(&mut self) -> io::Result<()> {
        if self.monitor.is_some() {
            return Ok(());
        }
        let (sender, mut receiver, _) = wire::connect(UnixStream::connect(&self.address).await?)?;
        sender.send(ToMonitor::Hello(Peer::Head(self.head.id)));
        self.host_files.ask_over(sender.clone());
        self.monitor = Some(sender);
        let (events, run) = (self.events.clone(), self.run);
        tokio::spawn(async move {
            while let Ok(Some(frame)) = receiver.receive().await {
                let event = Event::Monitor(Box::new(frame.message));
                let _ = events.send(Stamped { run, event });
            }
            let event = Event::MonitorClosed;
            let _ = events.send(Stamped { run, event });
        });
        Ok(())
    }

    /// Returns the connection to a worker, which is made the first time.
    async fn worker(&mut self, place: &WorkerAddress) -> io::Result<&Sender<ToWorker>> {
        if !self.workers.contains_key(&place.uid) {
            let sender = self.connect_worker(place).await?;
            self.workers.insert(place.uid.clone(), sender);
        }
        Ok(&self.workers[&place.uid])
    }

    async fn connect_worker(&self, place: &WorkerAddress) -> io::Result<Sender<ToWorker>> {
        let hello = ToWorker::Hello(Peer::Head(self.head.id));
        let hear = Hearing::of(place, self.events.clone(), self.run);
        if self.head.network.is_elsewhere(place) {
            elsewhere::check_descriptors()?;
            let (sender, unconnected) = wire::unconnected();
            sender.send(hello);
            tokio::spawn(hear.connect(unconnected, &self.head.network, place.clone()));
            return Ok(sender);
        }
        let (sender, receiver, _) = wire::connect(UnixStream::connect(&place.socket).await?)?;
        sender.send(hello);
        tokio::spawn(hear.hear(receiver));
        Ok(sender)
    }

    /// Returns a function that reports an event, which counts only while the present runtime is on.
    fn reporter(&self) -> impl FnOnce(Event) + Send + 'static {
        let (events, run) = (self.events.clone(), self.run);
        move |event| {
            let _ = events.send(Stamped { run, event });
        }
    }

    fn end(&self, wait: Handle, ending: Ending) {
        self.head.change(|state| state.end_wait(wait, ending));
    }
}
