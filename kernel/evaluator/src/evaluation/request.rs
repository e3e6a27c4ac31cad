//! Requests to the evaluation thread.

use crate::{errors::cell_error::CellError, mime_bundle::MimeBundle};
use std::path::PathBuf;
use tokio::sync::oneshot;

/// What an [`Evaluator`](crate::Evaluator) needs to know of the kernel.
#[derive(Clone, Debug)]
pub struct Options {
    /// A private directory with a short path, for the socket and the pipes of the cell process.
    pub run_dir: PathBuf,
    /// The socket of the runtime's monitor, which places and watches workers.
    pub monitor: PathBuf,
    /// What `:debug` says: how to use the debugger, or how to get one.
    pub debugger: String,
}

/// A request to the evaluation thread, with the channel for its reply.
#[derive(Debug)]
pub(crate) enum Request {
    /// Execute a cell.
    Execute {
        code: String,
        /// The number of the cell, as clients show it.
        number: u32,
        /// The number of the execution, by which an interrupt finds it.
        execution: u64,
        reply: oneshot::Sender<Result<Option<MimeBundle>, CellError>>,
    },
    /// End the cell process and remove the session's directory.
    Shutdown { reply: oneshot::Sender<()> },
}
