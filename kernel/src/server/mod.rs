//! The server: one loop that takes an event and calls its handler.
//!
//! The loop itself never waits for a cell, for rustc or for a slow client: what may take time runs in a task of its own
//! and comes back as an event. Control and signals are looked at first.

mod comm_delivery;
mod context;
mod evaluate;
mod execution;
mod handlers;
mod history;
mod stdin;

use mosaic_jupyter::{
    Channel, CommRequest, Connection, InterruptReply, Message, Reply, Request, ShutdownReply, ShutdownRequest,
};
use mosaic_message::CommKind;
use tokio::{sync::mpsc, task::JoinHandle};
use tracing::{debug, warn};

pub(crate) use context::Context;

use crate::{
    front_end::InputQuestion,
    signals::{self, Signals},
};
use context::Asked;
use execution::{Cell, Executed, Executions};
use handlers::RustVersion;
use history::History;
use stdin::Stdin;

/// All that can happen to a kernel.
enum Event {
    /// A client asks.
    Request(Asked),
    /// A cell asks its user.
    Question(InputQuestion),
    /// The user has answered.
    Input(Message),
    /// The running cell has been run.
    Executed(Executed),
    /// And its reply, or those of cells that it aborts, are on their way.
    Finished,
    /// A signal has come.
    Signal(signals::Asked),
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
    stdin: Stdin,
    questions: mpsc::UnboundedReceiver<InputQuestion>,
    comms: mpsc::UnboundedSender<comm_delivery::Received>,
}

impl Server {
    /// A server that has not run anything yet.
    pub(crate) fn new(
        context: Context,
        connection: Connection,
        signals: Signals,
        questions: mpsc::UnboundedReceiver<InputQuestion>,
    ) -> Self {
        let (report, cell_events) = mpsc::unbounded_channel();
        let rust = RustVersion::default();
        rust.ask();
        Server {
            stdin: Stdin::new(context.replies.clone(), context.session.clone()),
            questions,
            comms: comm_delivery::start(context.clone()),
            context,
            connection,
            signals,
            parent_ended: tokio::spawn(signals::parent_ended()),
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
            Some(question) = self.questions.recv() => Event::Question(question),
            // Before the end of a cell: requests that came while a cell ran are aborted when it fails.
            message = self.connection.shell.recv() => request(Channel::Shell)(message),
            Some(event) = self.cell_events.recv() => event,
        }
    }

    async fn handle(&mut self, event: Event) -> Option<Reason> {
        match event {
            Event::Request(asked) => return self.dispatch(asked).await,
            Event::Question(question) => self.stdin.ask(question).await,
            Event::Input(message) => self.stdin.answered(&message),
            Event::Executed(executed) => self.executed(executed),
            Event::Finished => {
                self.executions.end();
                self.start_next();
            }
            Event::Signal(signals::Asked::Interrupt) => self.interrupt(),
            Event::Signal(signals::Asked::End) => return Some(Reason::Signal),
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
                self.answer_with(asked, Reply::error("InvalidRequest", error.to_string()));
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
            Request::CommInfo(of) => {
                let reply = comm_delivery::info(&self.context, of.target_name.as_deref());
                self.answer_with(asked, reply);
            }
            Request::CommOpen { target_name, comm } => {
                self.deliver(asked, CommKind::Open { target: target_name }, comm);
            }
            Request::CommMessage(comm) => self.deliver(asked, CommKind::Message, comm),
            Request::CommClose(comm) => self.deliver(asked, CommKind::Close, comm),
            Request::Interrupt => {
                self.interrupt();
                self.answer_with(asked, Reply::Interrupt(InterruptReply {}));
            }
            Request::Shutdown(request) => return Some(self.shut_down(asked, request).await),
            Request::Unknown => self.unknown(asked),
        }
        None
    }

    /// Answers in a task of its own.
    fn answer(&self, asked: Asked, reply: impl Future<Output = Reply> + Send + 'static) {
        tokio::spawn(self.context.clone().answer(asked, reply));
    }

    fn answer_with(&self, asked: Asked, reply: Reply) {
        self.answer(asked, async { reply });
    }

    /// Runs the next cell, unless one runs already.
    fn start_next(&mut self) {
        let Some(cell) = self.executions.start_next() else {
            return;
        };
        let counted = cell.request.stores_history();
        self.stdin.begin(&cell);
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

    /// Stops the running cell, what it asks its user, and a flood of its output.
    fn interrupt(&mut self) {
        if self.executions.running() {
            self.context.output.interrupt();
        }
        // In this order: who is told that the user does not answer can tell why.
        self.context.evaluator.interrupt();
        self.stdin.interrupt();
    }

    /// Sends what came through a comm to the cells.
    fn deliver(&self, asked: Asked, kind: CommKind, comm: CommRequest) {
        // The task ends with the kernel.
        let _ = self.comms.send(comm_delivery::Received::new(asked, kind, comm));
    }

    /// A cell has been run: its reply, the end of those that it aborts, and then the next.
    fn executed(&mut self, mut executed: Executed) {
        self.stdin.end();
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

    async fn shut_down(&self, asked: Asked, request: ShutdownRequest) -> Reason {
        let reply = Reply::Shutdown(ShutdownReply {
            restart: request.restart,
        });
        self.context.clone().answer(asked, async { reply }).await;
        Reason::Shutdown
    }

    /// A request that is not supported gets a reply that says so; anything else has none.
    fn unknown(&self, asked: Asked) {
        let msg_type = asked.message.header.msg_type.clone();
        if msg_type.ends_with("_request") {
            let evalue = format!("this kernel does not support {msg_type}");
            self.answer_with(asked, Reply::error("UnsupportedRequest", evalue));
        } else {
            debug!("no request: {msg_type}");
            self.context.busy(&asked);
            self.context.idle(&asked);
        }
    }
}
