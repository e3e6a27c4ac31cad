//! A server with a fake evaluator, and the one client that it has.

use std::{os::fd::OwnedFd, sync::Arc, time::Duration};

use mosaic_evaluator::CellPipes;
use mosaic_jupyter::{Channel, Connection, MemoryClient, Message};
use rustix::pipe::{PipeFlags, pipe_with};
use serde_json::{Value, json};
use tokio::{sync::mpsc, task::JoinHandle, time::timeout};

use super::fake_evaluator::{Called, FakeEvaluator};
use crate::{
    comm_registry::CommRegistry,
    output::Output,
    server::{Context, DebuggedNotebook, EndReason, Ended, History, Server},
    signals::SignalEvent,
};

/// How long a test waits for a message before it fails.
const PATIENCE: Duration = Duration::from_secs(20);

/// A published message: its type and content.
pub(super) type Publication = (String, Value);

/// A server and its client, in one process and without sockets.
pub(super) struct World {
    pub(super) client: MemoryClient,
    pub(super) evaluator: FakeEvaluator,
    pub(super) comms: Arc<CommRegistry>,
    pub(super) signals: mpsc::UnboundedSender<SignalEvent>,
    called: mpsc::UnboundedReceiver<Called>,
    server: JoinHandle<Ended>,
    /// Everything published so far.
    published: Vec<Message>,
}

impl World {
    /// Starts a server.
    pub(super) fn start() -> World {
        let (connection, client) = Connection::memory();
        let output = Output::start(connection.iopub.clone()).unwrap();
        let (stdout, stdout_writer) = pipe();
        // Nobody writes to standard error.
        let (stderr, _) = pipe();
        output.add_cell_process(CellPipes { stdout, stderr });
        let (input_sender, inputs) = mpsc::unbounded_channel();
        let (called_sender, called) = mpsc::unbounded_channel();
        let (signals, signal_events) = mpsc::unbounded_channel();
        let evaluator = FakeEvaluator::new(stdout_writer, input_sender, called_sender);
        let comms = Arc::<CommRegistry>::default();
        let debugging = DebuggedNotebook::new(evaluator.clone(), connection.iopub.clone());
        let options = mosaic_debugger::Options {
            adapter: None,
            run_dir: "/nowhere".into(),
            sysroot: None,
            workers: mosaic_debugger::Workers::default(),
        };
        let context = Context {
            replies: connection.replies.clone(),
            iopub: connection.iopub.clone(),
            session: connection.session.clone(),
            evaluator: evaluator.clone(),
            output,
            comms: comms.clone(),
            debugger: mosaic_debugger::Debugger::new(options, debugging.clone()),
            debugging,
        };
        let history = History::start(None);
        let server = Server::new(context, connection, signal_events, inputs, history);
        World {
            client,
            evaluator,
            comms,
            signals,
            called,
            server: tokio::spawn(server.run()),
            published: Vec::new(),
        }
    }

    /// Sends a request on shell.
    pub(super) async fn send(&self, msg_type: &str, content: Value) -> Message {
        self.client.send(Channel::Shell, msg_type, content).await
    }

    /// Sends a cell, with the protocol's defaults for everything but its code.
    pub(super) async fn submit(&self, code: &str) -> Message {
        self.send("execute_request", json!({ "code": code })).await
    }

    /// Receives the next reply on shell. It has to answer `request`.
    pub(super) async fn reply(&mut self, request: &Message) -> Value {
        let reply = next(self.client.shell_replies.recv()).await;
        check_reply(request, reply)
    }

    /// Receives the next reply on control. It has to answer `request`.
    pub(super) async fn control_reply(&mut self, request: &Message) -> Value {
        let reply = next(self.client.control_replies.recv()).await;
        check_reply(request, reply)
    }

    /// Receives what is published until `request` is idle; returns what `request` caused.
    pub(super) async fn published(&mut self, request: &Message) -> Vec<Publication> {
        self.published_until(request, idle()).await
    }

    /// Receives what is published until `request` has caused `last`; returns what `request` caused.
    pub(super) async fn published_until(&mut self, request: &Message, last: Publication) -> Vec<Publication> {
        while !self.caused_by(request).contains(&last) {
            let message = next(self.client.published.recv()).await;
            self.published.push(message);
        }
        self.caused_by(request)
    }

    /// Returns what `request` has caused so far.
    pub(super) fn caused_by(&mut self, request: &Message) -> Vec<Publication> {
        while let Ok(message) = self.client.published.try_recv() {
            self.published.push(message);
        }
        let caused = |message: &&Message| message.parent_header.as_deref() == Some(&request.header);
        let publication = |message: &Message| (message.header.msg_type.clone(), message.content.clone());
        self.published.iter().filter(caused).map(publication).collect()
    }

    /// Sends a request on shell, and returns its reply. It publishes nothing but busy and idle.
    pub(super) async fn request(&mut self, msg_type: &str, content: Value) -> Value {
        let request = self.send(msg_type, content).await;
        let reply = self.reply(&request).await;
        assert_eq!(self.published(&request).await, [busy(), idle()]);
        reply
    }

    /// Runs a cell; returns its reply and what it published between busy and idle.
    pub(super) async fn run(&mut self, content: Value) -> (Value, Vec<Publication>) {
        let request = self.send("execute_request", content).await;
        let reply = self.reply(&request).await;
        let mut published = self.published(&request).await;
        assert_eq!(published.remove(0), busy());
        assert_eq!(published.pop(), Some(idle()));
        (reply, published)
    }

    /// Waits until the server has read everything that the client sent on shell before.
    pub(super) async fn everything_has_arrived(&mut self) {
        self.request("is_complete_request", json!({ "code": "" })).await;
    }

    /// Receives the next call of the evaluator.
    pub(super) async fn called(&mut self) -> Called {
        next(self.called.recv()).await
    }

    /// Waits until the server ends; returns why.
    pub(super) async fn ended(self) -> EndReason {
        reason(self.server).await
    }

    /// Closes the connection, and waits until the server ends; returns why.
    pub(super) async fn disconnected(self) -> EndReason {
        let World { client, server, .. } = self;
        drop(client);
        reason(server).await
    }
}

/// The `status` that says busy.
pub(super) fn busy() -> Publication {
    ("status".to_owned(), json!({ "execution_state": "busy" }))
}

/// The `status` that says idle.
pub(super) fn idle() -> Publication {
    ("status".to_owned(), json!({ "execution_state": "idle" }))
}

async fn reason(server: JoinHandle<Ended>) -> EndReason {
    let ended = timeout(PATIENCE, server).await.expect("the server does not end");
    ended.unwrap().reason
}

fn check_reply(request: &Message, reply: Message) -> Value {
    assert_eq!(reply.parent_header.as_deref(), Some(&request.header));
    assert_eq!(reply.identities, request.identities);
    let reply_type = request.header.msg_type.replace("_request", "_reply");
    assert_eq!(reply.header.msg_type, reply_type);
    reply.content
}

/// Waits for the next message of a queue.
pub(super) async fn next<T>(message: impl Future<Output = Option<T>>) -> T {
    let message = timeout(PATIENCE, message).await.expect("no message comes");
    message.expect("the kernel has closed the queue")
}

fn pipe() -> (OwnedFd, OwnedFd) {
    pipe_with(PipeFlags::CLOEXEC).unwrap()
}
