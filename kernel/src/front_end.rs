//! The front end as cells and workers see it: takes what they ask, and sees to it that they get an answer.
//!
//! Nothing here waits. Displays and comm messages have a place among the text of cells, and go to the
//! [output](crate::output), which answers when it has them. Questions to a user go to the [server](crate::server).

use std::sync::Arc;

use mosaic_engine::Question;
use mosaic_evaluator::ProcessEvent;
use mosaic_jupyter::{CommData, CommOpen, Header, IoPubMessage};
use mosaic_message::{Ask, CommKind, CommMessage, Line, decode, encode};
use serde_json::{Map, Value, json};
use tokio::sync::mpsc;
use tracing::warn;

use crate::{
    comm_registry::CommRegistry,
    output::{Output, OutputMessage, Timing},
};

/// A line of input that a cell or worker waits for. Everything that it said before is published.
#[derive(Debug)]
pub(crate) struct PendingInput {
    /// Text that the user sees.
    pub(crate) prompt: String,
    /// Whether the front end hides what the user types.
    pub(crate) password: bool,
    question: Question,
}

impl PendingInput {
    /// Makes a line of input whose outcome answers `question`.
    pub(crate) fn new(prompt: String, password: bool, question: Question) -> Self {
        PendingInput {
            prompt,
            password,
            question,
        }
    }

    /// Tells the cell or worker how the user answered.
    pub(crate) fn answer(self, line: &Line) {
        self.question.answer(encode(line));
    }
}

/// The process that asks the front end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asker {
    /// The process in which the cells run.
    CellProcess,
    /// A worker.
    Worker,
}

/// Takes what cells and workers ask, on any thread; cheap to clone.
#[derive(Clone)]
pub(crate) struct FrontEnd {
    output: Output,
    comms: Arc<CommRegistry>,
    inputs: mpsc::UnboundedSender<PendingInput>,
}

impl FrontEnd {
    /// Makes a front end that shows in `output`, keeps comms in `comms`, and sends questions to the user to `inputs`.
    pub(crate) fn new(output: Output, comms: Arc<CommRegistry>, inputs: mpsc::UnboundedSender<PendingInput>) -> Self {
        FrontEnd { output, comms, inputs }
    }

    /// Takes an event of the cell process.
    pub(crate) fn take_event(&self, event: ProcessEvent) {
        match event {
            ProcessEvent::Asked(question) => self.take(question, Asker::CellProcess),
            ProcessEvent::Ended => {
                for comm_id in self.comms.process_ended() {
                    let data = json!({});
                    let close = IoPubMessage::CommClose(CommData { comm_id, data });
                    self.output.show(OutputMessage::new(close), Timing::Immediate, || {});
                }
            }
        }
    }

    /// Calls `act` if a cell runs, behind everything that was written before.
    pub(crate) fn with_cell(&self, act: impl FnOnce() + Send + 'static) {
        self.output.parent_then(|cell| {
            if cell.is_some() {
                act();
            }
        });
    }

    /// Takes a question and sees to it that it is answered.
    pub(crate) fn take(&self, question: Question, asker: Asker) {
        let ask = match decode::<Ask>(question.message()) {
            Ok(ask) => ask,
            Err(error) => {
                warn!("cannot read what a cell or worker asks: {error}");
                return question.refuse("the kernel is of another version than the cells' crates: restart it");
            }
        };
        match ask {
            Ask::Display { bundle, display_id } => self.show(OutputMessage::display(bundle, display_id), question),
            Ask::Update { bundle, display_id } => self.show(OutputMessage::update(bundle, display_id), question),
            Ask::Clear { wait } => self.show(OutputMessage::clear(wait), question),
            Ask::Parent => self
                .output
                .parent_then(|parent| question.answer(encode(&message_id(parent)))),
            Ask::Input { prompt, password } => {
                let inputs = self.inputs.clone();
                let input = PendingInput::new(prompt, password, question);
                // The queue is closed when the kernel ends. The input is then dropped, and thereby refused.
                self.output.drain_then(Box::new(move || drop(inputs.send(input))));
            }
            _ if asker != Asker::CellProcess => question.refuse("only cells can do this, and no worker"),
            Ask::PrintsDisplays => self.output.allow_blocks(confirm(question)),
            Ask::ResultBegins => self.output.begin_result(confirm(question)),
            Ask::Result(bundle) => self.output.keep_result(bundle, confirm(question)),
            Ask::Comm(message) => {
                self.comms.note_sent(&message);
                let message = comm_message(message);
                self.output.show(message, Timing::Immediate, confirm(question));
            }
            Ask::RegisterTarget(target) => {
                self.comms.register_target(target);
                question.answer(Vec::new());
            }
            Ask::UnregisterTarget(target) => {
                self.comms.unregister_target(&target);
                question.answer(Vec::new());
            }
            Ask::Handled(number) => {
                self.comms.note_handled(number);
                question.answer(Vec::new());
            }
        }
    }

    fn show(&self, message: OutputMessage, question: Question) {
        self.output.show(message, Timing::LikeText, confirm(question));
    }
}

/// Answers a question with nothing, as soon as what it asked for has its place.
fn confirm(question: Question) -> impl FnOnce() + Send + 'static {
    move || question.answer(Vec::new())
}

fn message_id(parent: Option<Arc<Header>>) -> String {
    parent.map(|header| header.msg_id.clone()).unwrap_or_default()
}

/// Converts a cell's comm message to Jupyter's form.
fn comm_message(message: CommMessage) -> OutputMessage {
    let CommMessage {
        kind,
        comm_id,
        data,
        metadata,
        buffers,
    } = message;
    let data: Value = serde_json::from_str(&data).unwrap_or_else(|_| json!({}));
    let metadata: Map<String, Value> = serde_json::from_str(&metadata).unwrap_or_default();
    let content = match kind {
        CommKind::Open { target } => IoPubMessage::CommOpen(CommOpen {
            comm_id,
            target_name: target,
            data,
        }),
        CommKind::Message => IoPubMessage::CommMessage(CommData { comm_id, data }),
        CommKind::Close => IoPubMessage::CommClose(CommData { comm_id, data }),
    };
    OutputMessage {
        content,
        metadata,
        buffers,
    }
}
