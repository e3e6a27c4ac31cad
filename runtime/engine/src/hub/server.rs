//! The hub's loop: one event at a time, on one thread.

use super::{
    HubEvent, HubOptions,
    connections::{Connections, accept},
    departures::Departures,
    directory::Directory,
    event::Event,
    lifecycle::Lifecycle,
    loads::Loads,
    measure::Sample,
    node::Node,
    pressure::Pressure,
    replacing::Replacing,
    stores::Stores,
};
use crate::{
    id::Id,
    warehouse::{Keeper, Shelves},
    wire::{Frame, FromHub, Peer, Sender, TaskProgress, ToHub, Wish},
    worker::local_address,
};
use mosaic_abi::StartOptions;
use std::{collections::HashMap, fs, time::Duration};
use tokio::{
    net::UnixListener,
    sync::mpsc::{UnboundedReceiver, UnboundedSender},
    time::sleep,
};

/// The hub's books, and what it does with them; see also `workers`, `asking` and `storing`.
pub(super) struct Server {
    pub(super) options: HubOptions,
    pub(super) on_event: Box<dyn Fn(HubEvent) + Send + Sync>,
    pub(super) events: UnboundedSender<Event>,
    pub(super) connections: Connections,
    pub(super) directory: Directory,
    pub(super) departures: Departures,
    pub(super) node: Node,
    pub(super) loads: Loads,
    pub(super) pressure: Pressure,
    pub(super) replacing: Replacing,
    /// Tesserae to be placed on a worker that is on its way, and the sessions of their heads.
    pub(super) unplaced: Vec<(u64, Id, Wish)>,
    /// Who waits for workers that retire: sessions of heads, and their requests.
    pub(super) retiring: HashMap<String, Vec<(u64, u64)>>,
    /// What was measured of the workers' processes the last time.
    pub(super) samples: HashMap<u32, Sample>,
    pub(super) lifecycle: Lifecycle,
    /// Counts the starts, so that a timer of an earlier one is known as such.
    pub(super) run: u64,
    /// Requests to start that arrived while the runtime was stopping.
    pub(super) postponed: Vec<(u64, StartOptions)>,
    /// Where stored values lie.
    pub(super) shelves: Shelves,
    pub(super) stores: Stores,
    /// There while the runtime is not off.
    pub(super) keeper: Option<Keeper>,
    pub(super) shutting_down: bool,
}

impl Server {
    pub(super) fn new(
        options: HubOptions,
        on_event: Box<dyn Fn(HubEvent) + Send + Sync>,
        events: UnboundedSender<Event>,
    ) -> Server {
        Server {
            options,
            on_event,
            events,
            connections: Connections::default(),
            directory: Directory::default(),
            departures: Departures::default(),
            node: Node::default(),
            loads: Loads::default(),
            pressure: Pressure::default(),
            replacing: Replacing::default(),
            unplaced: Vec::new(),
            retiring: HashMap::new(),
            samples: HashMap::new(),
            lifecycle: Lifecycle::Off,
            run: 0,
            postponed: Vec::new(),
            shelves: Shelves::unused(),
            stores: Stores::default(),
            keeper: None,
            shutting_down: false,
        }
    }

    pub(super) async fn run(mut self, listener: UnixListener, mut inbox: UnboundedReceiver<Event>) {
        tokio::spawn(accept(listener, self.events.clone()));
        while let Some(event) = inbox.recv().await {
            self.handle(event);
            if self.shutting_down && self.lifecycle == Lifecycle::Off {
                break;
            }
        }
        let _ = fs::remove_file(self.options.run_dir.join(super::SOCKET));
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::Connected { session, peer, sender } => self.connected(session, &peer, sender),
            Event::Message { session, frame } => self.message(session, frame),
            Event::Answered {
                session,
                uid,
                question,
                answer,
            } => self.answered(session, &uid, question, answer),
            Event::Closed { session, peer } => self.closed(session, &peer),
            Event::Exited { uid, status } => self.exited(&uid, status),
            Event::Drained { session, request } => self.connections.to_head(session, FromHub::Synced { request }),
            Event::Spilled { ware, outcome } => self.spilled(ware, outcome),
            Event::Removed { ware } => self.removed(ware),
            Event::Emptied => self.turned_off(),
            Event::StartOver { run } if run == self.run => self.start_over(),
            Event::JoinOver { uid } => self.join_over(&uid),
            Event::GraceOver { run } if run == self.run => self.kill_all(),
            Event::StartOver { .. } | Event::GraceOver { .. } => {}
            Event::Measured {
                session,
                request,
                usage,
                gpus,
            } => self.measured(session, request, &usage, gpus),
            Event::Shutdown => {
                self.shutting_down = true;
                if self.lifecycle != Lifecycle::Off {
                    self.stop(None, "the hub was shut down");
                }
            }
        }
    }

    fn connected(&mut self, session: u64, peer: &Peer, sender: Sender<FromHub>) {
        self.connections.add(session, peer, sender);
        let Peer::Worker(place) = peer else {
            return self.welcome(session);
        };
        if matches!(self.lifecycle, Lifecycle::Stopping { .. }) {
            return self.ask_to_exit(&place.uid);
        }
        self.directory.add(place.clone());
        match self.lifecycle.connected(&place.uid) {
            Some(waiting) => waiting.into_iter().for_each(|head| self.reply_started(head)),
            None if self.lifecycle == Lifecycle::On => self.joined(place),
            None => {}
        }
    }

    /// Tells a new head what runs already, also later where it is still being started.
    fn welcome(&mut self, head: u64) {
        if let Lifecycle::Starting { waiting, .. } = &mut self.lifecycle {
            waiting.push(head);
        }
        let running = (self.lifecycle == Lifecycle::On).then(|| self.running());
        let shelves = self.shelves.clone();
        self.connections.to_head(head, FromHub::Welcome { running, shelves });
    }

    fn message(&mut self, session: u64, frame: Frame<ToHub>) {
        match frame.message {
            ToHub::Start { options } => self.start(session, options),
            ToHub::Stop => match self.lifecycle {
                Lifecycle::Off => self.connections.to_head(session, FromHub::Stopped),
                _ => self.stop(Some(session), "the mosaic runtime was stopped while it was starting"),
            },
            ToHub::Place { tessera, wish, .. } => self.place(session, tessera, wish),
            ToHub::Forget { tessera } => self.directory.forget(tessera),
            ToHub::Find { tessera } => {
                let lost = self.directory.lost(tessera).cloned();
                self.connections.to_head(session, FromHub::Found { tessera, lost });
            }
            ToHub::Ask { question } => self.ask(session, question, frame.payloads),
            ToHub::Query { request, query } => self.query(session, request, query),
            ToHub::Progress(TaskProgress {
                uid,
                name,
                worker,
                progress,
            }) => (self.on_event)(HubEvent::Progress {
                uid,
                name,
                worker,
                progress,
            }),
            ToHub::Load(load) => self.reported(session, load),
            ToHub::Drained { head } => self.drained(session, head),
            ToHub::Warehouse(message) => self.hear_of_stores(session, message),
            ToHub::Sync { request } => self.drain(Event::Drained { session, request }),
            ToHub::Hello(peer) => tracing::warn!(?peer, "a connection said twice who it is"),
        }
    }

    fn closed(&mut self, session: u64, peer: &Peer) {
        match peer {
            Peer::Head(head) => {
                self.connections.remove_head(session);
                let hub = self.options.run_dir.join(super::SOCKET);
                let _ = fs::remove_file(local_address(&hub, *head));
                self.head_ended(*head);
            }
            // A worker without its lifeline is of no use, whatever it still does.
            Peer::Worker(place) if self.connections.is_worker(&place.uid, session) => {
                self.directory.withdraw(&place.uid);
                self.node.kill(&place.uid);
            }
            // It was reaped already, and another may have its name by now.
            Peer::Worker(_) => {}
        }
    }

    /// A head is gone. What it had lives on; the workers say when they have read all of it.
    fn head_ended(&mut self, head: Id) {
        if self.departures.begin(head, self.connections.worker_uids()) {
            return self.head_settled(head);
        }
        self.connections.to_workers(&FromHub::HeadEnded { head });
    }

    fn drained(&mut self, session: u64, head: Id) {
        let worker = self.connections.worker_of(session);
        if worker.is_some_and(|worker| self.departures.drained(head, worker)) {
            self.head_settled(head);
        }
    }

    /// Has the embedder show all output, and then lets `then` happen.
    pub(super) fn drain(&self, then: Event) {
        let events = self.events.clone();
        let done = Box::new(move || {
            let _ = events.send(then);
        });
        (self.on_event)(HubEvent::Drain { done });
    }

    pub(super) fn after(&self, delay: Duration, event: Event) {
        let events = self.events.clone();
        tokio::spawn(async move {
            sleep(delay).await;
            let _ = events.send(event);
        });
    }
}
