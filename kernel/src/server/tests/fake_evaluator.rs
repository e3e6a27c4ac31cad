//! An evaluator without a compiler and without processes, whose cells do what their lines say.

use std::{os::fd::OwnedFd, sync::Arc};

use mosaic_engine::Question;
use mosaic_evaluator::{Completion, ErrorName};
use mosaic_message::{Delivery, Line, decode};
use serde_json::json;
use tokio::{
    runtime::Handle,
    sync::{Notify, Semaphore, mpsc, oneshot},
};

use crate::{
    front_end::PendingInput,
    server::cell_evaluator::{CellError, CellEvaluator, Completeness, Completions, MimeBundle},
};

/// Something that the server has asked of the evaluator.
#[derive(Debug, PartialEq)]
pub(super) enum Called {
    /// A cell, or the analysis of the code `long`, has begun to wait.
    Waiting,
    /// The server has interrupted the evaluator.
    Interrupted,
    /// The server has delivered a comm message.
    Delivered(Delivery),
}

/// The evaluator. Each line of a cell is one of:
///
/// - `print TEXT`: prints a line.
/// - `value TEXT`: the value of the cell.
/// - `fail`: fails.
/// - `wait`: waits until the test releases it, and fails at an interrupt.
/// - `ask PROMPT`: asks the user for a line, which becomes the value of the cell.
#[derive(Clone)]
pub(super) struct FakeEvaluator(Arc<Shared>);

struct Shared {
    stdout: OwnedFd,
    inputs: mpsc::UnboundedSender<PendingInput>,
    called: mpsc::UnboundedSender<Called>,
    /// Cells that wait take a permit each.
    releases: Semaphore,
    interrupts: Notify,
}

impl FakeEvaluator {
    /// Makes an evaluator that prints to `stdout`, asks for input through `inputs`, and reports to `called`.
    pub(super) fn new(
        stdout: OwnedFd,
        inputs: mpsc::UnboundedSender<PendingInput>,
        called: mpsc::UnboundedSender<Called>,
    ) -> Self {
        FakeEvaluator(Arc::new(Shared {
            stdout,
            inputs,
            called,
            releases: Semaphore::new(0),
            interrupts: Notify::new(),
        }))
    }

    /// Lets one cell go on that waits.
    pub(super) fn release(&self) {
        self.0.releases.add_permits(1);
    }

    fn report(&self, called: Called) {
        // The test may have ended.
        let _ = self.0.called.send(called);
    }

    async fn wait(&self) -> Result<(), CellError> {
        let interrupted = self.0.interrupts.notified();
        tokio::pin!(interrupted);
        // From here on, no interrupt is missed.
        interrupted.as_mut().enable();
        self.report(Called::Waiting);
        tokio::select! {
            permit = self.0.releases.acquire() => {
                permit.unwrap().forget();
                Ok(())
            }
            () = interrupted => Err(error(ErrorName::Interrupted)),
        }
    }

    async fn ask(&self, prompt: &str) -> String {
        let (sender, answer) = oneshot::channel();
        let question = Question::new(Vec::new(), move |answer| {
            let line = decode::<Line>(&answer.unwrap()).unwrap();
            sender.send(line).unwrap();
        });
        let input = PendingInput::new(prompt.to_owned(), false, question);
        self.0.inputs.send(input).unwrap();
        match answer.await.unwrap() {
            Line::Entered(line) => line,
            Line::Interrupted => "interrupted".to_owned(),
            Line::Refused(reason) => format!("refused: {reason}"),
        }
    }
}

fn error(ename: ErrorName) -> CellError {
    CellError {
        ename,
        evalue: "it has ended".to_owned(),
        traceback: vec![format!("{ename}: it has ended")],
    }
}

fn plain_text(text: &str) -> Option<MimeBundle> {
    Some(MimeBundle::from([("text/plain".to_owned(), json!(text))]))
}

impl CellEvaluator for FakeEvaluator {
    async fn execute(&self, code: String, _number: u32) -> Result<Option<MimeBundle>, CellError> {
        let mut value = None;
        let code = code.trim_start_matches('(').trim_end_matches("\n)");
        for line in code.lines() {
            let (verb, text) = line.split_once(' ').unwrap_or((line, ""));
            match verb {
                "print" => {
                    let line = format!("{text}\n");
                    rustix::io::write(&self.0.stdout, line.as_bytes()).unwrap();
                }
                "value" => value = plain_text(text),
                "fail" => return Err(error(ErrorName::Returned)),
                "wait" => self.wait().await?,
                "ask" => value = plain_text(&self.ask(text).await),
                _ => panic!("the fake evaluator does not know {line:?}"),
            }
        }
        Ok(value)
    }

    async fn complete(&self, code: String, cursor: usize) -> Completions {
        Completions {
            matches: vec![Completion {
                text: format!("{code}_completed"),
                kind: "function".to_owned(),
            }],
            cursor_start: 0,
            cursor_end: cursor,
        }
    }

    async fn inspect(&self, code: String, _cursor: usize) -> Option<MimeBundle> {
        match code.as_str() {
            "unknown" => None,
            name => plain_text(&format!("about {name}")),
        }
    }

    fn is_complete(&self, code: &str) -> Completeness {
        match code {
            "{" => Completeness::Incomplete {
                indent: "    ".to_owned(),
            },
            "}" => Completeness::Invalid,
            "long" => {
                self.report(Called::Waiting);
                let permit = Handle::current().block_on(self.0.releases.acquire()).unwrap();
                permit.forget();
                Completeness::Complete
            }
            _ => Completeness::Complete,
        }
    }

    fn language_version(&self) -> Option<String> {
        Some("1.99.0".to_owned())
    }

    fn deliver(&self, delivery: Vec<u8>) -> bool {
        self.report(Called::Delivered(decode(&delivery).unwrap()));
        true
    }

    fn interrupt(&self) {
        self.report(Called::Interrupted);
        self.0.interrupts.notify_waiters();
    }

    fn set_debugging(&self, _is_on: bool) {}

    fn cell_process(&self) -> Option<u32> {
        None
    }

    fn source_directory(&self) -> Option<std::path::PathBuf> {
        None
    }

    fn variables(&self) -> Vec<(String, String)> {
        vec![("x".to_owned(), "i32".to_owned())]
    }
}
