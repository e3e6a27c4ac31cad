//! Answers what cells and workers ask of the front end.
//!
//! Nothing here waits: what has a place among the text goes to the [output](crate::output), which answers when it has
//! it, and what needs a user goes to the [server](crate::server).

use std::sync::Arc;

use mosaic_engine::Question;
use mosaic_evaluator::ProcessEvent;
use mosaic_jupyter::{CommData, CommOpen, Header, IoPubMessage};
use mosaic_message::{Ask, CommKind, CommMessage, Line, decode, encode};
use serde_json::{Map, Value, json};
use tokio::sync::mpsc;
use tracing::warn;

use crate::{
    comm_registry::Comms,
    output::{Output, Shown, When},
};

/// A line that the user is to be asked for. Everything said before it is published.
#[derive(Debug)]
pub(crate) struct InputQuestion {
    /// What to ask.
    pub(crate) prompt: String,
    /// Whether what the user types is not to be seen.
    pub(crate) password: bool,
    question: Question,
}

impl InputQuestion {
    /// Tells whoever asked what came of it.
    pub(crate) fn answer(self, line: &Line) {
        self.question.answer(encode(line));
    }
}

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asker {
    /// The process in which the cells run.
    Cells,
    /// A worker.
    Worker,
}

/// Takes questions, on any thread; cheap to clone.
#[derive(Clone)]
pub(crate) struct Questions {
    output: Output,
    comms: Arc<Comms>,
    inputs: mpsc::UnboundedSender<InputQuestion>,
}

impl Questions {
    /// Sends what it takes on to these.
    pub(crate) fn new(output: Output, comms: Arc<Comms>, inputs: mpsc::UnboundedSender<InputQuestion>) -> Self {
        Questions { output, comms, inputs }
    }

    /// Something has happened in the cell process.
    pub(crate) fn process_event(&self, event: ProcessEvent) {
        match event {
            ProcessEvent::Asked(question) => self.take(question, Asker::Cells),
            ProcessEvent::Ended => {
                for comm_id in self.comms.process_ended() {
                    let data = json!({});
                    let content = IoPubMessage::CommClose(CommData { comm_id, data });
                    self.output.show(Shown::new(content), When::Now, || {});
                }
            }
        }
    }

    /// Sees to it that a question is answered.
    pub(crate) fn take(&self, question: Question, asker: Asker) {
        let ask = match decode::<Ask>(question.message()) {
            Ok(ask) => ask,
            Err(error) => {
                warn!("a question that cannot be read: {error}");
                return question.refuse("the kernel is of another version than the cells' crates: restart it");
            }
        };
        let output = &self.output;
        let done = |question: Question| move || question.answer(Vec::new());
        match ask {
            Ask::Display { bundle, display_id } => {
                output.show(Shown::display(bundle, display_id), When::LikeText, done(question));
            }
            Ask::Update { bundle, display_id } => {
                output.show(Shown::update(bundle, display_id), When::LikeText, done(question));
            }
            Ask::Clear { wait } => output.show(Shown::clear(wait), When::LikeText, done(question)),
            Ask::Parent => output.parent_then(|parent| question.answer(encode(&message_id(parent)))),
            Ask::Input { prompt, password } => {
                let inputs = self.inputs.clone();
                let input = InputQuestion {
                    prompt,
                    password,
                    question,
                };
                // A question that cannot be sent is dropped, and thereby refused: the kernel ends.
                output.drain_then(Box::new(move || drop(inputs.send(input))));
            }
            _ if asker != Asker::Cells => question.refuse("only cells can do this, and no worker"),
            Ask::ResultBegins => output.begin_result(done(question)),
            Ask::Result(bundle) => output.keep_result(bundle, done(question)),
            Ask::Comm(message) => {
                self.comms.sent(&message);
                output.show(comm_message(message), When::Now, done(question));
            }
            Ask::RegisterTarget(target) => {
                self.comms.register(target);
                question.answer(Vec::new());
            }
            Ask::UnregisterTarget(target) => {
                self.comms.unregister(&target);
                question.answer(Vec::new());
            }
            Ask::Handled(number) => {
                self.comms.handled(number);
                question.answer(Vec::new());
            }
        }
    }
}

fn message_id(parent: Option<Arc<Header>>) -> String {
    parent.map(|header| header.msg_id.clone()).unwrap_or_default()
}

/// A message through a comm, as the protocol has it.
fn comm_message(message: CommMessage) -> Shown {
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
    Shown {
        metadata,
        buffers,
        ..Shown::new(content)
    }
}
