//! What the evaluation thread is asked, and what it answers.

use crate::{MimeBundle, errors::cell_error::CellError};
use std::path::PathBuf;
use tokio::sync::oneshot;

/// What an evaluator needs to know.
#[derive(Clone, Debug)]
pub struct Options {
    /// A private directory with a short path, for the socket and the pipes of the cell process.
    pub run_dir: PathBuf,
    /// The socket of the runtime's hub.
    pub hub: PathBuf,
}

/// One way to complete a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completion {
    /// The text that replaces what is between the cursors of [`Completions`].
    pub text: String,
    /// Jupyter's name for its kind, such as `function`.
    pub kind: String,
}

/// All ways to complete what is left of the cursor. Positions count code points.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Completions {
    /// The ways, best first.
    pub matches: Vec<Completion>,
    /// Where the replaced text begins.
    pub cursor_start: usize,
    /// Where it ends.
    pub cursor_end: usize,
}

impl Completions {
    /// No way to complete what is left of `cursor`.
    pub(crate) fn none(cursor: usize) -> Completions {
        Completions {
            matches: Vec::new(),
            cursor_start: cursor,
            cursor_end: cursor,
        }
    }
}

/// A request to the thread.
#[derive(Debug)]
pub(crate) enum Request {
    Execute {
        code: String,
        number: u32,
        execution: u64,
        reply: oneshot::Sender<Result<Option<MimeBundle>, CellError>>,
    },
    Shutdown {
        reply: oneshot::Sender<()>,
    },
}
