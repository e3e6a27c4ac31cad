//! The monitor's loop: one event at a time, on one thread.
//!
//! - `event`: everything that can happen.
//! - `connections`: accepts connections, and sends to heads and workers.
//! - `workers`: starts and stops the workers, and notices that they ended.
//! - `hosts`: other hosts, and the node processes there.
//! - `replace`: replaces lost workers, retires workers, and places tesserae.
//! - `queries`: answers queries of heads.
//! - `status`: what the workers do and use: the columns of `mosaic::status()`.
//! - `front_end`: what workers ask the front end.
//! - `warehouse`: stored values.
//! - `panics`: a panic of the loop costs one request.

mod connections;
mod event;
mod front_end;
mod hosts;
mod panics;
mod queries;
mod replace;
mod status;
mod warehouse;
mod workers;

pub(super) use event::Event;

use super::{
    events::MonitorEvent,
    options::{MonitorOptions, monitor_address},
    state::{Lifecycle, MonitorState},
};
use crate::{
    id::Id,
    node::{Node, Samples, WorkerPlan},
    warehouse::{Keeper, StoreDirs},
    wire::{FromMonitor, Peer, Received, TaskProgress, ToMonitor, only},
    worker::local_address,
};
use connections::{Connections, PeerSender, accept};
use hosts::Hosts;
use mosaic_abi::StartOptions;
use std::{fs, time::Duration};
use tokio::{
    net::UnixListener,
    sync::mpsc::{UnboundedReceiver, UnboundedSender},
    time::sleep,
};

/// How long a worker may take to connect.
const START: Duration = Duration::from_secs(30);

/// How long the workers of a node process that has ended may take to end. They notice it at once.
const SETTLE: Duration = Duration::from_millis(250);

/// The monitor's loop: what it knows, and everything with which it does I/O. Only the loop's thread touches it.
///
/// Tasks on the same thread, and threads of the embedder, report to the loop with [`Event`]s.
pub(super) struct EventLoop {
    options: MonitorOptions,
    /// Called on this thread for everything that the embedder has to know; it does not block.
    on_event: Box<dyn Fn(MonitorEvent) + Send + Sync>,
    /// Sends to this loop's own inbox.
    events: UnboundedSender<Event>,
    /// Everything that the monitor knows, without I/O.
    state: MonitorState,
    /// The connections of heads and workers that said who they are.
    connections: Connections,
    /// The worker processes of this host that were not reaped yet.
    node: Node,
    /// The hosts that were launched for the present run.
    hosts: Hosts,
    /// The options of a run on launched hosts.
    launched_options: StartOptions,
    /// How the workers of the present run are started.
    worker_plan: WorkerPlan,
    /// The last measurements of the workers' processes.
    samples: Samples,
    /// The directories of stored values; the same for every run.
    store_dirs: StoreDirs,
    /// Keeps the directories of stored values locked. Present while the runtime is not off.
    keeper: Option<Keeper>,
}

impl EventLoop {
    /// Makes the loop of a monitor whose runtime is off. `events` sends to the loop's own inbox.
    pub(super) fn new(
        options: MonitorOptions,
        on_event: Box<dyn Fn(MonitorEvent) + Send + Sync>,
        events: UnboundedSender<Event>,
    ) -> EventLoop {
        EventLoop {
            options,
            on_event,
            events,
            state: MonitorState::default(),
            connections: Connections::default(),
            node: Node::default(),
            worker_plan: WorkerPlan::default(),
            samples: Samples::new(),
            hosts: Hosts::default(),
            launched_options: StartOptions::default(),
            store_dirs: StoreDirs::unused(),
            keeper: None,
        }
    }

    /// Handles events until the monitor is shut down and all workers have ended.
    pub(super) async fn run(mut self, listener: UnixListener, mut inbox: UnboundedReceiver<Event>) {
        tokio::spawn(accept(listener, self.events.clone()));
        while let Some(event) = inbox.recv().await {
            self.handle_or_refuse(event);
            if self.state.shutting_down && self.state.lifecycle == Lifecycle::Off {
                break;
            }
        }
        let _ = fs::remove_file(monitor_address(&self.options.run_dir));
    }

    /// Handles one event.
    fn handle_event(&mut self, event: Event) {
        match event {
            Event::Connected { session, peer, sender } => self.peer_connected(session, &peer, sender),
            Event::Message { session, frame } => self.handle_message(session, frame),
            Event::Answered {
                session,
                uid,
                question,
                answer,
            } => self.question_answered(session, &uid, question, answer),
            Event::Closed { session, peer } => self.connection_closed(session, &peer),
            Event::Exited { uid, status } => self.worker_exited(&uid, status),
            Event::Drained { session, request } => self.connections.to_head(session, FromMonitor::Synced { request }),
            Event::Spilled { ware, outcome } => self.value_spilled(ware, outcome),
            Event::Removed { ware } => self.value_removed(ware),
            Event::LeftEnded => self.drain(Event::Emptied),
            Event::Emptied => self.turned_off(),
            Event::StartTimedOut { run } if run == self.state.run => self.start_timed_out(),
            Event::JoinTimedOut { uid } => self.join_timed_out(&uid),
            Event::StopTimedOut { run } if run == self.state.run => self.kill_all(),
            Event::StartTimedOut { .. } | Event::StopTimedOut { .. } => {}
            Event::Measured {
                session,
                request,
                usage,
                samples,
            } => {
                self.samples = samples;
                self.answer_workers(session, request, &[(0, usage)].into());
            }
            Event::OutputTaken { request, then } => self.output_taken(request, then),
            Event::OutputShown { request, then } => self.output_shown(request, *then),
            Event::Launched { run, .. }
            | Event::HostTimedOut { run, .. }
            | Event::ReplacingHostTimedOut { run, .. }
            | Event::NodeConnected { run, .. }
            | Event::Node { run, .. }
            | Event::NodeClosed { run, .. }
            | Event::NodeGone { run, .. }
            | Event::LookForHosts { run }
            | Event::Fetched { run, .. }
                if run != self.state.run => {}
            Event::Launched { event, .. } => self.launcher_says(event),
            Event::HostTimedOut { host, .. } => self.host_timed_out(host),
            Event::ReplacingHostTimedOut { host, .. } => self.replacing_host_timed_out(host),
            Event::NodeConnected { connection, .. } => self.node_connected(*connection),
            Event::Node { host, frame, .. } => self.handle_node_message(host, frame),
            Event::NodeClosed { run, host, reason } => self.after(SETTLE, Event::NodeGone { run, host, reason }),
            Event::NodeGone { host, reason, .. } => self.host_lost(host, &reason),
            Event::LookForHosts { .. } => self.look_for_hosts(),
            Event::Fetched { file, outcome, .. } => self.file_fetched(&file, &outcome),
            Event::Shutdown => {
                self.state.shutting_down = true;
                if self.state.lifecycle != Lifecycle::Off {
                    self.stop(None, "the monitor was shut down");
                }
            }
        }
    }

    /// Deals with a head or a worker that has connected.
    fn peer_connected(&mut self, session: u64, peer: &Peer, sender: PeerSender) {
        self.connections.add(session, peer, sender);
        let Peer::Worker(place) = peer else {
            return self.welcome(session);
        };
        if matches!(self.state.lifecycle, Lifecycle::Stopping { .. }) {
            return self.ask_to_exit(&place.uid);
        }
        self.state.directory.add(place.clone());
        match self.state.lifecycle.connected(&place.uid) {
            Some(waiting) => waiting.into_iter().for_each(|head| self.reply_started(head)),
            None if self.state.lifecycle == Lifecycle::On => self.replacement_joined(place),
            None => {}
        }
    }

    /// Tells a new head what runs already. If the runtime is starting, the head is told again once it is on.
    fn welcome(&mut self, head: u64) {
        if let Lifecycle::Starting { waiting, .. } = &mut self.state.lifecycle {
            waiting.push(head);
        }
        let running = (self.state.lifecycle == Lifecycle::On).then(|| self.running());
        let store_dirs = self.store_dirs.clone();
        self.connections
            .to_head(head, FromMonitor::Welcome { running, store_dirs });
    }

    /// Does what a message asks for.
    fn handle_message(&mut self, session: u64, frame: Received<ToMonitor>) {
        match frame.message {
            ToMonitor::Start { options } => self.start(session, options),
            ToMonitor::Stop => match self.state.lifecycle {
                Lifecycle::Off => self.connections.to_head(session, FromMonitor::Stopped),
                _ => self.stop(Some(session), "the mosaic runtime was stopped while it was starting"),
            },
            ToMonitor::Place { tessera, wish, .. } => self.place(session, tessera, wish),
            ToMonitor::Forget { tessera } => self.state.directory.forget(tessera),
            ToMonitor::Find { tessera } => {
                let lost = self.state.directory.lost(tessera).cloned();
                self.connections.to_head(session, FromMonitor::Found { tessera, lost });
            }
            ToMonitor::Ask { question } => self.pass_question(session, question, frame.payloads.map(only)),
            ToMonitor::Query { request, query } => self.query(session, request, query),
            ToMonitor::Progress(TaskProgress {
                uid,
                name,
                worker,
                progress,
            }) => (self.on_event)(MonitorEvent::Progress {
                uid,
                name,
                worker,
                progress,
            }),
            ToMonitor::Load(load) => self.load_reported(session, load),
            ToMonitor::Drained { head } => self.messages_drained(session, head),
            ToMonitor::Warehouse(message) => self.handle_warehouse_message(session, message),
            ToMonitor::Sync { request } => self.drain(Event::Drained { session, request }),
            ToMonitor::Obtain { request, file } => self.obtain(session, request, file),
            ToMonitor::Unreachable { worker } => self.worker_unreachable(session, &worker),
            ToMonitor::Hello(peer) => tracing::warn!(?peer, "a connection introduced itself twice"),
        }
    }

    /// Deals with a connection that has ended.
    fn connection_closed(&mut self, session: u64, peer: &Peer) {
        match peer {
            Peer::Head(head) => {
                self.connections.remove_head(session);
                let monitor = monitor_address(&self.options.run_dir);
                let _ = fs::remove_file(local_address(&monitor, *head));
                self.head_ended(*head);
            }
            // A worker without this connection is of no use, whatever it still does.
            Peer::Worker(place) if self.connections.is_worker(&place.uid, session) => {
                self.state.directory.withdraw(&place.uid);
                self.kill(&place.uid);
            }
            // The worker was reaped already, and another one may have its uid by now.
            Peer::Worker(_) => {}
        }
    }

    /// Deals with a head that is gone. What it submitted lives on. The workers say when they have read all its
    /// messages.
    fn head_ended(&mut self, head: Id) {
        if self.state.departed_heads.begin(head, self.connections.worker_uids()) {
            return self.head_settled(head);
        }
        self.connections.to_workers(&FromMonitor::HeadEnded { head });
    }

    /// Notes that a worker has read all messages of a head that is gone.
    fn messages_drained(&mut self, session: u64, head: Id) {
        let worker = self.connections.worker_of(session);
        if worker.is_some_and(|worker| self.state.departed_heads.drained(head, worker)) {
            self.head_settled(head);
        }
    }

    /// Lets an event happen after a delay.
    fn after(&self, delay: Duration, event: Event) {
        let events = self.events.clone();
        tokio::spawn(async move {
            sleep(delay).await;
            let _ = events.send(event);
        });
    }
}
