//! The hub's loop: one event at a time, on one thread.

use super::{
    HubEvent, HubOptions,
    connections::{Connections, accept},
    departures::Departures,
    directory::Directory,
    lifecycle::Lifecycle,
    node::{Node, worker_address},
};
use crate::{
    id::Id,
    question::Question,
    wire::{Frame, FromHub, LostWorker, Payload, Peer, RuntimeInfo, Sender, ToHub},
};
use mosaic_abi::Buffer;
use std::{fs, thread::available_parallelism, time::Duration};
use tokio::{
    net::UnixListener,
    sync::mpsc::{UnboundedReceiver, UnboundedSender},
    time::sleep,
};

/// How long a worker that was asked to end may take before it is killed.
const GRACE: Duration = Duration::from_millis(500);
/// How long a worker may take to connect.
const START: Duration = Duration::from_secs(30);

/// Whatever can happen to the hub.
#[derive(Debug)]
pub(super) enum Event {
    Connected {
        session: u64,
        peer: Peer,
        sender: Sender<FromHub>,
    },
    Message {
        session: u64,
        frame: Frame<ToHub>,
    },
    /// The embedder has an answer to what a worker asked, or none.
    Answered {
        session: u64,
        uid: String,
        question: u64,
        answer: Result<Vec<u8>, String>,
    },
    Closed {
        session: u64,
        peer: Peer,
    },
    /// A worker process ended and was reaped.
    Exited {
        uid: String,
        status: String,
    },
    /// The embedder has shown all output, for a head's request.
    Drained {
        session: u64,
        request: u64,
    },
    /// The embedder has shown all output of the workers that were stopped.
    Emptied,
    /// The workers of this run had their time to connect.
    StartOver {
        run: u64,
    },
    /// The workers of this run had their time to end.
    GraceOver {
        run: u64,
    },
    Shutdown,
}

pub(super) struct Server {
    options: HubOptions,
    on_event: Box<dyn Fn(HubEvent) + Send + Sync>,
    events: UnboundedSender<Event>,
    connections: Connections,
    directory: Directory,
    departures: Departures,
    node: Node,
    lifecycle: Lifecycle,
    /// Counts the starts, so that a timer of an earlier one is known as such.
    run: u64,
    /// Requests to start that arrived while the runtime was stopping.
    postponed: Vec<(u64, usize)>,
    shutting_down: bool,
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
            lifecycle: Lifecycle::Off,
            run: 0,
            postponed: Vec::new(),
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
            Event::Emptied => self.turned_off(),
            Event::StartOver { run } if run == self.run => self.start_over(),
            Event::GraceOver { run } if run == self.run => self.kill_all(),
            Event::StartOver { .. } | Event::GraceOver { .. } => {}
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
        if let Some(waiting) = self.lifecycle.connected(&place.uid) {
            for head in waiting {
                self.reply_started(head);
            }
        }
    }

    /// Tells a new head what runs already, also later where it is still being started.
    fn welcome(&mut self, head: u64) {
        if let Lifecycle::Starting { waiting, .. } = &mut self.lifecycle {
            waiting.push(head);
        }
        let runtimes = (self.lifecycle == Lifecycle::On).then(|| self.runtimes());
        self.connections.to_head(head, FromHub::Welcome { runtimes });
    }

    fn message(&mut self, session: u64, frame: Frame<ToHub>) {
        match frame.message {
            ToHub::Start { num_workers } => self.start(session, num_workers),
            ToHub::Stop => match self.lifecycle {
                Lifecycle::Off => self.connections.to_head(session, FromHub::Stopped),
                _ => self.stop(Some(session), "the mosaic runtime was stopped while it was starting"),
            },
            ToHub::Place { tessera, .. } => {
                let place = self.directory.place(tessera);
                let place = place.ok_or_else(crate::failures::no_worker_left);
                self.connections.to_head(session, FromHub::Placed { tessera, place });
            }
            ToHub::Forget { tessera } => self.directory.forget(tessera),
            ToHub::Find { tessera } => {
                let lost = self.directory.lost(tessera).cloned();
                self.connections.to_head(session, FromHub::Found { tessera, lost });
            }
            ToHub::Ask { question } => self.ask(session, question, frame.payloads),
            ToHub::Drained { head } => self.drained(session, head),
            ToHub::Sync { request } => self.drain(Event::Drained { session, request }),
            ToHub::Hello(peer) => tracing::warn!(?peer, "a connection said twice who it is"),
        }
    }

    fn start(&mut self, head: u64, num_workers: usize) {
        match &mut self.lifecycle {
            Lifecycle::On if !self.directory.workers().is_empty() => self.reply_started(head),
            Lifecycle::Starting { waiting, .. } => waiting.push(head),
            Lifecycle::Stopping { .. } => self.postponed.push((head, num_workers)),
            Lifecycle::Off | Lifecycle::On => self.spawn_workers(head, num_workers),
        }
    }

    fn spawn_workers(&mut self, head: u64, num_workers: usize) {
        let count = match num_workers {
            0 => available_parallelism().map_or(1, usize::from),
            count => count,
        };
        self.run += 1;
        let uids: Vec<String> = (0..count).map(|number| format!("worker:0:{number}")).collect();
        self.lifecycle = Lifecycle::Starting {
            waiting: vec![head],
            missing: uids.iter().cloned().collect(),
        };
        for uid in uids {
            if let Err(error) = self.node.spawn(&self.options, &uid, &self.events, &self.on_event) {
                let program = self.options.worker.program.display();
                return self.stop(None, &format!("{uid} could not be started as {program}: {error}"));
            }
        }
        self.after(START, Event::StartOver { run: self.run });
    }

    fn reply_started(&self, head: u64) {
        let runtimes = Ok(self.runtimes());
        self.connections.to_head(head, FromHub::Started { runtimes });
    }

    /// The monitor, the node and the workers.
    fn runtimes(&self) -> Vec<RuntimeInfo> {
        let address = self.options.run_dir.join(super::SOCKET);
        let here = |uid: &str| RuntimeInfo {
            uid: uid.to_owned(),
            address: address.clone(),
            pid: std::process::id(),
        };
        let workers = self.directory.workers().iter().map(|place| RuntimeInfo {
            uid: place.uid.clone(),
            address: place.address.clone(),
            pid: self.node.pid(&place.uid).unwrap_or_default(),
        });
        [here("monitor"), here("node:0")].into_iter().chain(workers).collect()
    }

    fn closed(&mut self, session: u64, peer: &Peer) {
        match peer {
            Peer::Head(head) => {
                self.connections.remove_head(session);
                self.head_ended(*head);
            }
            // A worker without its lifeline is of no use, whatever it still does.
            Peer::Worker(place) if self.connections.is_worker(&place.uid, session) => self.node.kill(&place.uid),
            // It was reaped already, and another may have its name by now.
            Peer::Worker(_) => {}
        }
    }

    /// A head is gone. What it had lives on; the workers say when they have read all of it.
    fn head_ended(&mut self, head: Id) {
        if self.departures.begin(head, self.connections.worker_uids()) {
            return;
        }
        self.connections.to_workers(&FromHub::HeadEnded { head });
    }

    /// Passes on what a worker asks the front end.
    fn ask(&self, session: u64, question: u64, payloads: Vec<Payload>) {
        let Some(uid) = self.connections.worker_of(session).map(str::to_owned) else {
            return;
        };
        let message = payloads.first().map(|message| message.to_vec()).unwrap_or_default();
        let (events, worker) = (self.events.clone(), uid.clone());
        let respond = move |answer| {
            let _ = events.send(Event::Answered {
                session,
                uid: worker,
                question,
                answer,
            });
        };
        (self.on_event)(HubEvent::Ask {
            uid,
            question: Question::new(message, respond),
        });
    }

    fn answered(&self, session: u64, uid: &str, question: u64, answer: Result<Vec<u8>, String>) {
        // Another worker may have its name by now.
        if !self.connections.is_worker(uid, session) {
            return;
        }
        let (outcome, payloads) = match answer {
            Ok(answer) => (Ok(()), vec![Payload::new(Buffer::from(answer))]),
            Err(reason) => (Err(reason), Vec::new()),
        };
        let message = FromHub::Answer { question, outcome };
        self.connections.to_worker(uid, Frame { message, payloads });
    }

    fn drained(&mut self, session: u64, head: Id) {
        let worker = self.connections.worker_of(session);
        if worker.is_some_and(|worker| self.departures.drained(head, worker)) {
            self.connections.to_workers(&FromHub::HeadSettled { head });
        }
    }

    fn exited(&mut self, uid: &str, status: String) {
        let asked = self.node.ended(uid);
        let lost = LostWorker {
            uid: uid.to_owned(),
            status: status.clone(),
        };
        self.directory.remove(&lost);
        self.connections.remove_worker(uid);
        for head in self.departures.lose(uid) {
            self.connections.to_workers(&FromHub::HeadSettled { head });
        }
        let _ = fs::remove_file(worker_address(&self.options, uid));
        (self.on_event)(HubEvent::WorkerEnded {
            uid: uid.to_owned(),
            status: status.clone(),
            asked,
        });
        match self.lifecycle {
            Lifecycle::Starting { .. } => self.stop(None, &format!("{uid} ended before it was ready: {status}")),
            Lifecycle::Stopping { .. } if self.node.is_empty() => self.drain(Event::Emptied),
            Lifecycle::On => self.connections.to_heads(&FromHub::WorkerLost(lost)),
            Lifecycle::Off | Lifecycle::Stopping { .. } => {}
        }
    }

    /// Begins to end all workers.
    fn stop(&mut self, head: Option<u64>, reason: &str) {
        let already = matches!(self.lifecycle, Lifecycle::Stopping { .. });
        self.lifecycle.stop(head, reason);
        if already {
            return;
        }
        self.directory.clear();
        self.departures.clear();
        for uid in self.node.uids() {
            self.ask_to_exit(&uid);
        }
        if self.node.is_empty() {
            return self.drain(Event::Emptied);
        }
        self.after(GRACE, Event::GraceOver { run: self.run });
    }

    fn ask_to_exit(&mut self, uid: &str) {
        self.node.asked(uid);
        // Before it has connected it has nothing to tidy up.
        if !self.connections.to_worker(uid, FromHub::Exit) {
            self.node.kill(uid);
        }
    }

    fn kill_all(&mut self) {
        if matches!(self.lifecycle, Lifecycle::Stopping { .. }) {
            for uid in self.node.uids() {
                self.node.kill(&uid);
            }
        }
    }

    fn start_over(&mut self) {
        if let Lifecycle::Starting { missing, .. } = &self.lifecycle {
            let missing: Vec<&str> = missing.iter().map(String::as_str).collect();
            let reason = format!("not ready after {START:?}: {}", missing.join(", "));
            self.stop(None, &reason);
        }
    }

    /// All workers are reaped and their output shown.
    fn turned_off(&mut self) {
        let Lifecycle::Stopping { waiting, failed } = std::mem::take(&mut self.lifecycle) else {
            return;
        };
        if let Some((heads, reason)) = failed {
            for head in heads {
                let runtimes = Err(reason.clone());
                self.connections.to_head(head, FromHub::Started { runtimes });
            }
        }
        for head in waiting {
            self.connections.to_head(head, FromHub::Stopped);
        }
        for (head, num_workers) in std::mem::take(&mut self.postponed) {
            match self.shutting_down {
                true => {
                    let runtimes = Err("the hub was shut down".to_owned());
                    self.connections.to_head(head, FromHub::Started { runtimes });
                }
                false => self.start(head, num_workers),
            }
        }
    }

    /// Has the embedder show all output, and then lets `then` happen.
    fn drain(&self, then: Event) {
        let events = self.events.clone();
        let done = Box::new(move || {
            let _ = events.send(then);
        });
        (self.on_event)(HubEvent::Drain { done });
    }

    fn after(&self, delay: Duration, event: Event) {
        let events = self.events.clone();
        tokio::spawn(async move {
            sleep(delay).await;
            let _ = events.send(event);
        });
    }
}
