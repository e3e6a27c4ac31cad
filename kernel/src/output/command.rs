//! What the rest of the kernel tells the output thread.

use std::{os::fd::OwnedFd, sync::Arc};

use mosaic_jupyter::Header;
use mosaic_message::MimeBundle;
use tokio::sync::oneshot;

use super::{output_message::OutputMessage, pipe::Source};

/// A function that the thread calls when a command is carried out. It must not block.
pub(super) type Done = Box<dyn FnOnce() + Send>;

/// When a message is published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Timing {
    /// As text is: while no cell runs, the message is held for the next one. A silent cell shows no message.
    LikeText,
    /// At once, together with all text that was written before.
    Immediate,
}

/// A command to the thread. Except for `AddProcess` and `BeginCell`, the thread first reads everything written before.
pub(super) enum Command {
    /// Reads the pipes of a new process from now on.
    AddProcess {
        source: Source,
        stdout: OwnedFd,
        stderr: OwnedFd,
    },
    /// Shows text in the name of a worker.
    Note { uid: String, text: String },
    /// Shows everything that follows under a cell.
    BeginCell(Arc<Header>),
    /// Shows nothing that the cell writes from now on.
    BeginSilentCell,
    /// Publishes a message.
    Show {
        message: OutputMessage,
        timing: Timing,
        done: Done,
    },
    /// Takes display blocks that the cell process prints for displays, until the next cell begins.
    AllowBlocks(Done),
    /// Takes display blocks that the cell prints from now on as its result.
    BeginResult(Done),
    /// Keeps the cell's result, or one more format of it.
    KeepResult(MimeBundle, Done),
    /// Gives back the result that was kept.
    TakeResult(oneshot::Sender<Option<MimeBundle>>),
    /// Publishes everything, and tells under which cell.
    Parent(Box<dyn FnOnce(Option<Arc<Header>>) + Send>),
    /// Publishes everything that belongs to the running cell.
    Drain(Done),
    /// Publishes everything that belongs to the running cell, which has ended.
    EndCell(Done),
    /// Publishes everything, also text that is held for the next cell.
    Release(Done),
}
