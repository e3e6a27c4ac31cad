//! The loop of a node process: one event at a time, on one thread.

use super::{greeting, lease::Lease, output::WorkerOutput, relay, workers::own_command};
use crate::{
    clock,
    files::{Fetcher, Waiting},
    gate::{self, Behind},
    id::Id,
    monitor::{MonitorOptions, monitor_address},
    node::{HostUsage, Node, Samples, Whereabouts, WorkerPlan},
    shared_memory,
    trim_memory::Trimmer,
    warehouse::{Keeper, StoreDir, StoreDirs, memory_limit},
    wire::{Frame, FromMonitor, FromNode, Host, Network, Peer, Received, Receiver, Sender, ToMonitor, ToNode},
    worker::WantedFile,
};
use mosaic_abi::StartOptions;
use mosaic_net::{Fingerprint, Gate};
use std::{collections::HashMap, future::ready, io, io::Read, net::SocketAddr, path::Path, thread, time::Duration};
use tokio::{
    net::UnixListener,
    signal::unix::{Signal, SignalKind, signal},
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    task::spawn_local,
    time::sleep,
};

/// How often the monitor is told that this host lives.
const BEAT: Duration = Duration::from_millis(500);

/// Everything that can happen to a node process.
pub(super) enum Event {
    Monitor(Received<ToNode>),
    MonitorGone(String),
    /// The launcher has closed standard input, or somebody asks this process to end.
    LauncherGone,
    /// It is time for a heartbeat.
    Beat,
    Exited {
        uid: String,
        status: String,
    },
    /// A worker has written something.
    OutputReadable {
        uid: String,
    },
    Connected {
        session: u64,
        peer: Peer,
        sender: Sender<FromMonitor>,
    },
    FromPeer {
        session: u64,
        frame: Received<ToMonitor>,
    },
    Closed {
        session: u64,
    },
    Fetched {
        file: WantedFile,
        outcome: Result<(), String>,
    },
    Spilled {
        ware: Id,
        outcome: Result<(), String>,
    },
    Measured {
        request: u64,
        usage: HostUsage,
        samples: Samples,
    },
}

/// The loop of a node process. Only its thread touches it.
pub(super) struct EventLoop {
    pub(super) monitor: Sender<FromNode>,
    pub(super) events: UnboundedSender<Event>,
    pub(super) network: Network,
    pub(super) fetcher: Fetcher,
    pub(super) store_dirs: StoreDirs,
    /// Keeps the directories of stored values locked.
    _keeper: Keeper,
    pub(super) waiting: Waiting,
    pub(super) credentials: mosaic_net::Credentials,
    pub(super) options: MonitorOptions,
    pub(super) worker_plan: WorkerPlan,
    pub(super) node: Node,
    pub(super) lease: Lease,
    /// The connections of this host's processes, by session.
    pub(super) sessions: HashMap<u64, (Peer, Sender<FromMonitor>)>,
    pub(super) output: HashMap<String, WorkerOutput>,
    /// What each worker had sent when a request to drain was answered.
    pub(super) drained: HashMap<u64, HashMap<String, u64>>,
    pub(super) samples: Samples,
}

impl EventLoop {
    /// Serves the monitor until it is gone. The host's values are stored in the given directories.
    ///
    /// # Errors
    ///
    /// The monitor is gone for another reason than that the launcher has closed standard input.
    pub(super) async fn start(
        run_dir: &Path,
        store_dirs: StoreDirs,
        monitor: greeting::Monitor,
        gate: Gate,
    ) -> io::Result<()> {
        let greeting::Monitor {
            sender,
            mut receiver,
            address,
            credentials,
            host,
        } = monitor;
        let welcome = Welcome::receive(&mut receiver, host).await?;
        for member in &welcome.members {
            credentials.add_member(*member)?;
        }
        let network = Network {
            own: welcome.own,
            monitor: Some(address),
            run_dir: run_dir.to_owned(),
        };
        let (events, inbox) = unbounded_channel();
        let listener = UnixListener::bind(monitor_address(run_dir))?;
        shared_memory::store_in(store_dirs.unstored_prefix(Id::unique()));
        let keeper = Keeper::of(store_dirs.clone());
        spawn_local(relay::accept(listener, events.clone()));
        let behind = Behind {
            credentials: credentials.clone(),
            run_dir: run_dir.to_owned(),
            store_dirs: store_dirs.clone(),
        };
        spawn_local(gate::accept(gate, behind, |_| ready(Err(no_monitor()))));
        spawn_local(hear_monitor(receiver, events.clone()));
        watch_for_the_end(&events)?;
        let spill_above = welcome.options.spill_above;
        let fetcher = Fetcher::new(network.clone(), store_dirs.clone(), spill_above, Trimmer::default());
        let node_loop = EventLoop {
            monitor: sender,
            fetcher,
            network,
            _keeper: keeper,
            store_dirs,
            waiting: Waiting::default(),
            credentials,
            options: MonitorOptions {
                run_dir: run_dir.to_owned(),
                worker: own_command()?,
                is_guarded: false,
            },
            worker_plan: WorkerPlan::new(&welcome.options).at(welcome.whereabouts(address)),
            node: Node::default(),
            lease: Lease::begin(clock::own()),
            sessions: HashMap::new(),
            output: HashMap::new(),
            drained: HashMap::new(),
            samples: Samples::new(),
            events,
        };
        node_loop.run(&welcome.options, inbox).await
    }

    async fn run(mut self, options: &StartOptions, mut inbox: UnboundedReceiver<Event>) -> io::Result<()> {
        self.monitor.send(FromNode::Ready {
            workers: self.worker_plan.count(),
            store_limit: memory_limit(options.spill_above, self.store_dirs.directory(StoreDir::Memory)),
        });
        self.beat();
        while let Some(event) = inbox.recv().await {
            match event {
                Event::LauncherGone => return Ok(()),
                Event::MonitorGone(reason) => return Err(io::Error::other(reason)),
                Event::Beat if self.lease.is_over(clock::own()) => {
                    return Err(io::Error::other("nothing was heard of the monitor"));
                }
                Event::Beat => self.beat(),
                event => self.handle_event(event),
            }
        }
        Ok(())
    }

    fn beat(&self) {
        self.monitor.send(FromNode::Beat { sent: clock::own() });
        let events = self.events.clone();
        spawn_local(async move {
            sleep(BEAT).await;
            let _ = events.send(Event::Beat);
        });
    }

    fn handle_event(&mut self, event: Event) {
        match event {
            Event::Monitor(frame) => self.handle_monitor_message(frame),
            Event::Exited { uid, status } => self.worker_exited(&uid, status),
            Event::OutputReadable { uid } => {
                if let Some(output) = self.output.get_mut(&uid) {
                    output.forward(&self.monitor);
                }
            }
            Event::Connected { session, peer, sender } => {
                if let Peer::Worker(_) = peer {
                    let until = self.lease.until();
                    sender.send(FromMonitor::Lease { until });
                }
                self.sessions.insert(session, (peer.clone(), sender));
                self.monitor.send(FromNode::Connected { session, peer });
            }
            Event::FromPeer { session, frame } => self.handle_peer_message(session, frame),
            Event::Closed { session } => {
                self.sessions.remove(&session);
                self.monitor.send(FromNode::Closed { session });
            }
            Event::Fetched { file, outcome } => self.file_fetched(&file, &outcome),
            Event::Spilled { ware, outcome } => self.monitor.send(FromNode::Spilled { ware, outcome }),
            Event::Measured {
                request,
                usage,
                samples,
            } => {
                self.samples = samples;
                self.monitor.send(FromNode::Measured { request, usage });
            }
            Event::Beat | Event::LauncherGone | Event::MonitorGone(_) => {}
        }
    }

    /// Sends a message to a process of this host, if it is connected.
    pub(super) fn to_peer(&self, session: u64, frame: impl Into<Frame<FromMonitor>>) {
        if let Some((_, sender)) = self.sessions.get(&session) {
            sender.send(frame);
        }
    }
}

/// Returns the error of a node process that takes this host for the monitor's.
fn no_monitor() -> io::Error {
    io::Error::other("the monitor is on another host")
}

/// What the monitor says first.
struct Welcome {
    own: Host,
    members: Vec<Fingerprint>,
    options: StartOptions,
    /// The number of nanoseconds by which the monitor's clock is ahead of this host's.
    clock_offset: i64,
}

impl Welcome {
    /// Returns where the workers of this host are, if the monitor's gate is at `monitor`.
    fn whereabouts(&self, monitor: SocketAddr) -> Whereabouts {
        Whereabouts {
            host: self.own,
            monitor_host: Some(monitor),
            clock_offset: self.clock_offset,
        }
    }

    /// Waits for the welcome of the monitor.
    ///
    /// # Errors
    ///
    /// The monitor does not expect this host.
    async fn receive(receiver: &mut Receiver, host: u32) -> io::Result<Welcome> {
        let asked = clock::own();
        let Some(Received {
            message:
                ToNode::Welcome {
                    own,
                    now,
                    members,
                    options,
                },
            ..
        }) = receiver.receive::<ToNode>().await?
        else {
            return Err(io::Error::other(format!("the monitor does not expect host {host}")));
        };
        // The message was under way for less than the time since this process began to wait for it.
        let middle = asked + (clock::own() - asked) / 2;
        let nanoseconds = |time: u64| i64::try_from(time).unwrap_or_default();
        Ok(Welcome {
            own,
            members,
            options,
            clock_offset: nanoseconds(now) - nanoseconds(middle),
        })
    }
}

/// Reports what the monitor says, until the connection ends.
async fn hear_monitor(mut receiver: Receiver, events: UnboundedSender<Event>) {
    let reason = loop {
        match receiver.receive().await {
            Ok(Some(frame)) => {
                let _ = events.send(Event::Monitor(frame));
            }
            Ok(None) => break "the monitor has ended".to_owned(),
            Err(error) => break format!("the connection to the monitor broke: {error}"),
        }
    };
    let _ = events.send(Event::MonitorGone(reason));
}

/// Reports when this process is to end: when the launcher has gone, or when a signal says so.
fn watch_for_the_end(events: &UnboundedSender<Event>) -> io::Result<()> {
    for kind in [SignalKind::terminate(), SignalKind::hangup()] {
        spawn_local(watch_signal(signal(kind)?, events.clone()));
    }
    watch_launcher(events.clone())
}

/// Reports a request to end, such as that of a batch system.
async fn watch_signal(mut signal: Signal, events: UnboundedSender<Event>) {
    if signal.recv().await.is_some() {
        let _ = events.send(Event::LauncherGone);
    }
}

/// Reports the end of standard input, on a thread of its own: reading it blocks.
fn watch_launcher(events: UnboundedSender<Event>) -> io::Result<()> {
    let watch = move || {
        let mut bytes = [0; 64];
        while io::stdin().lock().read(&mut bytes).is_ok_and(|len| len > 0) {}
        let _ = events.send(Event::LauncherGone);
    };
    thread::Builder::new().name("mosaic-launcher".to_owned()).spawn(watch)?;
    Ok(())
}
