//! The server: one loop that takes an event and calls its handler.
//!
//! The loop never waits for a cell, for rustc or for a slow client. Work that takes time runs in a task of its own and
//! comes back as an event. Control messages and signals are taken before all others.
//!
//! | module | |
//! | --- | --- |
//! | `cell_evaluator` | the evaluator as a trait, which tests of the server fake |
//! | `context` | the parts of the kernel that handlers work with, and how they reply and publish |
//! | `execution`, `execution_queue` | runs cells one after the other; publishes their values and errors |
//! | `debugging` | what the debugger needs of the kernel |
//! | `interrupt` | what happens at an interrupt |
//! | `handlers`, `language_version` | requests that run no cell |
//! | `comm_delivery` | clients' messages through comms |
//! | `stdin` | asks users for input |
//! | `usage` | what the kernel uses of the machine |
//! | `history` | earlier inputs, in SQLite |

mod cell_evaluator;
mod comm_delivery;
mod context;
mod debugging;
mod execution;
mod execution_queue;
mod handlers;
mod history;
mod interrupt;
mod language_version;
mod stdin;
#[cfg(test)]
mod tests;
mod usage;

use mosaic_jupyter::{
    Channel, CommRequest, Connection, InterruptReply, Message, Reply, Request, ShutdownReply, ShutdownRequest,
};
use mosaic_message::CommKind;
use tokio::{sync::mpsc, task::JoinHandle};
use tracing::{debug, warn};

pub(crate) use context::Context;
pub(crate) use debugging::DebuggedNotebook;
pub(crate) use history::{History, default_file as default_history_file};

use crate::{front_end::PendingInput, parent_process, signals::SignalEvent};
use cell_evaluator::CellEvaluator;
use comm_delivery::IncomingComm;
use context::Incoming;
use execution::{FinishedCell, QueuedCell};
use execution_queue::ExecutionQueue;
use language_version::LanguageVersion;
use stdin::Stdin;
use usage::UsageMeter;

/// Everything that can happen to a kernel.
enum Event {
    /// A client's message has come on shell or control.
    Incoming(Incoming),
    /// A cell or worker asks its user for input.
    InputNeeded(PendingInput),
    /// A client's message has come on stdin.
    Stdin(Message),
    /// The task of the running cell reports.
    Cell(CellEvent),
    /// A signal has come.
    Signal(SignalEvent),
    /// The process that started the kernel has ended.
    ParentEnded,
    /// The connection is closed.
    Disconnected,
}

/// An event of the task that runs a cell.
enum CellEvent {
    /// The cell has run, and needs its reply.
    Finished(Box<FinishedCell>),
    /// The replies to the cell, and to those that it aborts, are sent.
    Replied,
}

/// Why the kernel ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EndReason {
    /// A client sent a `shutdown_request`.
    Shutdown,
    /// A signal asked the kernel to end.
    Signal,
    /// The process that started the kernel has ended.
    ParentEnded,
    /// The connection is closed, and no client can send any more.
    Disconnected,
}

/// The parts of a server that outlive it, and why it has ended.
pub(crate) struct Ended {
    /// Why it has ended.
    pub(crate) reason: EndReason,
    /// The connection, which is still open for last messages.
    pub(crate) connection: Connection,
    /// The history, which may still have to be written.
    pub(crate) history: History,
}

/// The state of the kernel, and the sources of its events.
pub(crate) struct Server<E> {
    context: Context<E>,
    connection: Connection,
    signals: mpsc::UnboundedReceiver<SignalEvent>,
    /// Ends with the process that started the kernel.
    parent_ended: JoinHandle<()>,
    queue: ExecutionQueue<QueuedCell>,
    /// Receives what the tasks of cells report.
    cell_events: mpsc::UnboundedReceiver<CellEvent>,
    /// Goes to each task that runs a cell.
    cell_reporter: mpsc::UnboundedSender<CellEvent>,
    history: History,
    language_version: LanguageVersion,
    stdin: Stdin,
    usage: UsageMeter,
    /// Receives the questions that cells and workers ask their user.
    inputs: mpsc::UnboundedReceiver<PendingInput>,
    /// Takes clients' comm messages to the task that delivers them.
    comms: mpsc::UnboundedSender<IncomingComm>,
}

impl<E: CellEvaluator> Server<E> {
    /// Makes a server that has run no cell yet, and starts its background tasks.
    pub(crate) fn new(
        context: Context<E>,
        connection: Connection,
        signals: mpsc::UnboundedReceiver<SignalEvent>,
        inputs: mpsc::UnboundedReceiver<PendingInput>,
        history: History,
    ) -> Self {
        let (cell_reporter, cell_events) = mpsc::unbounded_channel();
        Server {
            stdin: Stdin::new(context.replies.clone(), context.session.clone()),
            inputs,
            comms: comm_delivery::start(context.clone()),
            language_version: LanguageVersion::ask(context.evaluator.clone()),
            context,
            connection,
            signals,
            parent_ended: tokio::spawn(parent_process::ended()),
            queue: ExecutionQueue::default(),
            cell_events,
            cell_reporter,
            history,
            usage: UsageMeter::default(),
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
        let incoming = |channel, message: Option<Message>| {
            message.map_or(Event::Disconnected, |message| {
                Event::Incoming(Incoming::new(channel, message))
            })
        };
        tokio::select! {
            biased;
            message = self.connection.control.recv() => incoming(Channel::Control, message),
            Some(signal) = self.signals.recv() => Event::Signal(signal),
            _ = &mut self.parent_ended => Event::ParentEnded,
            Some(message) = self.connection.stdin.recv() => Event::Stdin(message),
            Some(input) = self.inputs.recv() => Event::InputNeeded(input),
            // Before the end of a cell: a cell that fails aborts the requests that came while it ran.
            message = self.connection.shell.recv() => incoming(Channel::Shell, message),
            Some(event) = self.cell_events.recv() => Event::Cell(event),
        }
    }

    async fn handle(&mut self, event: Event) -> Option<EndReason> {
        match event {
            Event::Incoming(incoming) => return self.dispatch(incoming).await,
            Event::InputNeeded(input) => self.stdin.ask(input).await,
            Event::Stdin(message) => self.stdin.receive(&message),
            Event::Cell(CellEvent::Finished(cell)) => self.finish_cell(*cell),
            Event::Cell(CellEvent::Replied) => {
                self.queue.end();
                self.start_next_cell();
            }
            Event::Signal(SignalEvent::Interrupt) => self.interrupt(),
            Event::Signal(SignalEvent::Terminate) => return Some(EndReason::Signal),
            Event::ParentEnded => return Some(EndReason::ParentEnded),
            Event::Disconnected => return Some(EndReason::Disconnected),
        }
        None
    }

    /// Handles a message of a client by its type: the table of requests.
    async fn dispatch(&mut self, incoming: Incoming) -> Option<EndReason> {
        let request = match Request::read(&incoming.message) {
            Ok(request) => request,
            Err(error) => {
                warn!("{error}");
                self.answer_with(incoming, Reply::error("InvalidRequest", error.to_string()));
                return None;
            }
        };
        let evaluator = self.context.evaluator.clone();
        match request {
            Request::KernelInfo => {
                let debugs = self.context.debugger.is_available();
                self.answer(incoming, handlers::kernel_info(self.language_version.clone(), debugs));
            }
            Request::Execute(request) => {
                self.queue.push(QueuedCell { incoming, request });
                self.start_next_cell();
            }
            Request::Complete(request) => self.answer(incoming, handlers::complete(evaluator, request)),
            Request::Inspect(request) => self.answer(incoming, handlers::inspect(evaluator, request)),
            Request::IsComplete(request) => self.answer(incoming, handlers::is_complete(evaluator, request)),
            Request::History(request) => {
                let reply = self.history.reply(request);
                self.answer(incoming, reply);
            }
            Request::CommInfo(request) => {
                let reply = comm_delivery::info(&self.context, request.target_name.as_deref());
                self.answer_with(incoming, reply);
            }
            Request::CommOpen { target_name, comm } => {
                self.deliver(incoming, CommKind::Open { target: target_name }, comm);
            }
            Request::CommMessage(comm) => self.deliver(incoming, CommKind::Message, comm),
            Request::CommClose(comm) => self.deliver(incoming, CommKind::Close, comm),
            Request::Interrupt => {
                self.interrupt();
                self.answer_with(incoming, Reply::Interrupt(InterruptReply {}));
            }
            Request::Shutdown(request) => return Some(self.shut_down(incoming, request).await),
            Request::Usage => self.answer(incoming, self.usage.clone().reply()),
            Request::Debug(request) => {
                self.context.debugging.set_parent(incoming.header.clone());
                let reply = self.context.debugger.request(request);
                self.answer(incoming, async { Reply::Debug(reply.await) });
            }
            Request::Unknown => self.unknown(incoming),
        }
        None
    }

    /// Answers in a task of its own.
    fn answer(&self, incoming: Incoming, reply: impl Future<Output = Reply> + Send + 'static) {
        tokio::spawn(self.context.clone().answer(incoming, reply));
    }

    fn answer_with(&self, incoming: Incoming, reply: Reply) {
        self.answer(incoming, async { reply });
    }

    /// Runs the next cell, unless a cell runs already.
    fn start_next_cell(&mut self) {
        let Some(cell) = self.queue.start_next() else {
            return;
        };
        let is_counted = cell.request.stores_history();
        self.stdin.begin_cell(&cell);
        let number = self.queue.number(is_counted);
        if is_counted {
            self.history.add(number, &cell.request.code);
        }
        let (context, reporter) = (self.context.clone(), self.cell_reporter.clone());
        tokio::spawn(async move {
            let finished = execution::execute(context, cell, number).await;
            // The receiver is dropped only when the kernel ends.
            let _ = reporter.send(CellEvent::Finished(Box::new(finished)));
        });
    }

    /// Sends the reply of a cell, and aborts the cells behind it if it says so.
    fn finish_cell(&mut self, mut cell: FinishedCell) {
        self.stdin.end_cell();
        if let Some(plain_text) = cell.plain_text.take() {
            self.history.add_output(cell.number, plain_text);
        }
        // Before the reply: a client that has seen it may send the next cell, and that cell is to run.
        let aborted = if cell.aborts_queue {
            self.queue.abort()
        } else {
            Vec::new()
        };
        let (context, reporter) = (self.context.clone(), self.cell_reporter.clone());
        tokio::spawn(async move {
            execution::finish(context, cell, aborted).await;
            // The receiver is dropped only when the kernel ends.
            let _ = reporter.send(CellEvent::Replied);
        });
    }

    fn interrupt(&mut self) {
        interrupt::interrupt(&self.context, self.queue.is_running(), &mut self.stdin);
    }

    /// Sends a client's comm message to the cells.
    fn deliver(&self, incoming: Incoming, kind: CommKind, comm: CommRequest) {
        // The receiver is dropped only when the kernel ends.
        let _ = self.comms.send(IncomingComm::new(incoming, kind, comm));
    }

    async fn shut_down(&mut self, incoming: Incoming, request: ShutdownRequest) -> EndReason {
        let reply = Reply::Shutdown(ShutdownReply {
            restart: request.restart,
        });
        self.context.clone().answer(incoming, async { reply }).await;
        EndReason::Shutdown
    }

    /// Replies to a request of an unknown type that the kernel does not support it. Other unknown messages get no
    /// reply.
    fn unknown(&self, incoming: Incoming) {
        let msg_type = incoming.message.header.msg_type.clone();
        if msg_type.ends_with("_request") {
            let evalue = format!("this kernel does not support {msg_type}");
            self.answer_with(incoming, Reply::error("UnsupportedRequest", evalue));
        } else {
            debug!("not a request: {msg_type}");
            self.context.busy(&incoming);
            self.context.idle(&incoming);
        }
    }
}
