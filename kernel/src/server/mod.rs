//! The server: one loop that takes an event and calls its handler.
//!
//! The loop itself never waits for a cell, for rustc or for a slow client: what may take time runs in a task of its own
//! and comes back as an event. Control and signals are looked at first.

mod context;
mod execution;
mod handlers;
mod history;

use mosaic_jupyter::{Channel, CommOpen, Connection, Message, Request, ShutdownRequest};
use serde_json::{Value, json};
use tokio::{sync::mpsc, task::JoinHandle};
use tracing::{debug, warn};

pub(crate) use context::Context;

use crate::watch::{self, Signals};
use context::{Asked, error_reply};
use execution::{Cell, Executed, Executions};
use handlers::RustVersion;
use history::History;

/// All that can happen to a kernel.
enum Event {
    /// A client asks.
    Request(Asked),
    /// A user has answered a question of a cell.
    Input(Message),
    /// The running cell has been run.
    Executed(Executed),
    /// And its reply, or those of cells that it aborts, are on their way.
    Finished,
    /// A signal has come.
    Signal(watch::Asked),
    /// The process that started the kernel is gone.
    ParentEnded,
    /// The sockets are gone.
    Disconnected,
}

/// Why the kernel ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reason {
    /// A client asked.
    Shutdown,
    /// A signal asked.
    Signal,
    /// Nobody is left who could ask.
    ParentEnded,
    /// There is no way left to ask.
    Disconnected,
}

/// What is left of a server that has ended.
pub(crate) struct Ended {
    /// Why.
    pub(crate) reason: Reason,
    /// Still open, for last words.
    pub(crate) connection: Connection,
    /// What may not have been written yet.
    pub(crate) history: History,
}

/// The kernel's state, and where its events come from.
pub(crate) struct Server {
    context: Context,
    connection: Connection,
    signals: Signals,
    parent_ended: JoinHandle<()>,
    executions: Executions,
    /// What the tasks of cells report.
    cell_events: mpsc::UnboundedReceiver<Event>,
    report: mpsc::UnboundedSender<Event>,
    history: History,
    rust: RustVersion,
}

impl Server {
    /// A server that has not run anything yet.
    pub(crate) fn new(context: Context, connection: Connection, signals: Signals) -> Self {
        let (report, cell_events) = mpsc::unbounded_channel();
        let rust = RustVersion::default();
        rust.ask();
        Server {
            context,
            connection,
            signals,
            parent_ended: tokio::spawn(watch::parent_ended()),
            executions: Executions::default(),
            cell_events,
            report,
            history: History::start(),
            rust,
        }
    }

    /// Serves until something ends the kernel.
    pub(crate) async fn run(mut self) -> Ended {
        loop {
            let event = self.next_event().await;
            if let Some(reason) = self.handle(event).await {
                return Ended {
                    reason,
                    connection: self.connection,
                    history: self.history,
                };
            }
        }
    }

    async fn next_event(&mut self) -> Event {
        let request = |channel| {
            move |message: Option<Message>| {
                message.map_or(Event::Disconnected, |message| {
                    Event::Request(Asked::new(channel, message))
                })
            }
        };
        tokio::select! {
            biased;
            message = self.connection.control.recv() => request(Channel::Control)(message),
            signal = self.signals.next() => Event::Signal(signal),
            _ = &mut self.parent_ended => Event::ParentEnded,
            Some(message) = self.connection.stdin.recv() => Event::Input(message),
            // Before the end of a cell: requests that came while a cell ran are aborted when it fails.
            message = self.connection.shell.recv() => request(Channel::Shell)(message),
            Some(event) = self.cell_events.recv() => event,
        }
    }

    async fn handle(&mut self, event: Event) -> Option<Reason> {
        match event {
            Event::Request(asked) => return self.dispatch(asked).await,
            Event::Input(message) => debug!("nobody has asked for a {}", message.header.msg_type),
            Event::Executed(executed) => self.executed(executed),
            Event::Finished => {
                self.executions.end();
                self.start_next();
            }
            Event::Signal(watch::Asked::Interrupt) => self.interrupt(),
            Event::Signal(watch::Asked::End) => return Some(Reason::Signal),
            Event::ParentEnded => return Some(Reason::ParentEnded),
            Event::Disconnected => return Some(Reason::Disconnected),
        }
        None
    }

    /// The table of requests.
    async fn dispatch(&mut self, asked: Asked) -> Option<Reason> {
        let request = match Request::read(&asked.message) {
            Ok(request) => request,
            Err(error) => {
                warn!("{error}");
                self.answer_with(asked, error_reply("InvalidRequest", &error.to_string(), &[]));
                return None;
            }
        };
        let evaluator = self.context.evaluator.clone();
        match request {
            Request::KernelInfo => self.answer(asked, handlers::kernel_info(self.rust.clone())),
            Request::Execute(request) => {
                self.executions.push(Cell { asked, request });
                self.start_next();
            }
            Request::Complete(request) => self.answer(asked, handlers::complete(evaluator, request)),
            Request::Inspect(request) => self.answer(asked, handlers::inspect(evaluator, request)),
            Request::IsComplete(request) => self.answer(asked, handlers::is_complete(request)),
            Request::History(request) => {
                let answer = self.history.answer(request);
                self.answer(asked, answer);
            }
            Request::CommInfo => self.answer(asked, handlers::comm_info()),
            Request::CommOpen(comm) => self.refuse_comm(asked, comm),
            Request::CommMessage(comm) | Request::CommClose(comm) => self.unknown_comm(&asked, &comm.comm_id),
            Request::Interrupt => {
                self.interrupt();
                self.answer_with(asked, json!({ "status": "ok" }));
            }
            Request::Shutdown(request) => return Some(self.shut_down(asked, request).await),
            Request::Unknown => self.unknown(asked),
        }
        None
    }

    /// Answers in a task of its own.
    fn answer(&self, asked: Asked, reply: impl Future<Output = Value> + Send + 'static) {
        tokio::spawn(self.context.clone().answer(asked, reply));
    }

    fn answer_with(&self, asked: Asked, content: Value) {
        self.answer(asked, async { content });
    }

    /// Runs the next cell, unless one runs already.
    fn start_next(&mut self) {
        let Some(cell) = self.executions.start_next() else {
            return;
        };
        let counted = cell.request.stores_history();
        let number = self.executions.number(counted);
        if counted {
            self.history.add(number, &cell.request.code);
        }
        let (context, report) = (self.context.clone(), self.report.clone());
        tokio::spawn(async move {
            let executed = execution::execute(context, cell, number).await;
            // The receiver goes only with the kernel.
            let _ = report.send(Event::Executed(executed));
        });
    }

    /// Stops the running cell, and a flood of its output.
    fn interrupt(&self) {
        if self.executions.running() {
            self.context.output.interrupt();
        }
        self.context.evaluator.interrupt();
    }

    /// A cell has been run: its reply, the end of those that it aborts, and then the next.
    fn executed(&mut self, mut executed: Executed) {
        if let Some(output) = executed.output.take() {
            self.history.add_output(executed.number, output);
        }
        // Before the reply: who has seen that may send the next cell, and that one is to run.
        let aborted = if executed.aborts {
            self.executions.abort()
        } else {
            Vec::new()
        };
        let (context, report) = (self.context.clone(), self.report.clone());
        tokio::spawn(async move {
            execution::finish(context, executed, aborted).await;
            let _ = report.send(Event::Finished);
        });
    }

    /// No target is registered, so each comm that a client opens is closed at once.
    fn refuse_comm(&self, asked: Asked, comm: CommOpen) {
        warn!("no target {:?} for the comm {}", comm.target_name, comm.comm_id);
        let context = self.context.clone();
        tokio::spawn(async move {
            context.busy(&asked);
            let close = json!({ "comm_id": comm.comm_id, "data": {} });
            context.publish(&asked, "comm_close", close).await;
            context.idle(&asked);
        });
    }

    fn unknown_comm(&self, asked: &Asked, comm_id: &str) {
        debug!("{} for the unknown comm {comm_id}", asked.message.header.msg_type);
        self.context.busy(asked);
        self.context.idle(asked);
    }

    async fn shut_down(&self, asked: Asked, request: ShutdownRequest) -> Reason {
        let content = json!({ "status": "ok", "restart": request.restart });
        self.context.clone().answer(asked, async { content }).await;
        Reason::Shutdown
    }

    /// A request that is not supported gets a reply that says so; anything else has none.
    fn unknown(&self, asked: Asked) {
        let msg_type = asked.message.header.msg_type.clone();
        if msg_type.ends_with("_request") {
            let evalue = format!("this kernel does not support {msg_type}");
            self.answer_with(asked, error_reply("UnsupportedRequest", &evalue, &[]));
        } else {
            debug!("no request: {msg_type}");
            self.context.busy(&asked);
            self.context.idle(&asked);
        }
    }
}
