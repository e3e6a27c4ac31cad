//! The events that a monitor reports to the process that embeds it.

use crate::question::Question;
use mosaic_abi::{LiveDisplay, Progress};
use std::{fmt, os::fd::OwnedFd};

/// An event that the monitor reports to the process that embeds it.
pub enum MonitorEvent {
    /// A worker process was started. The embedder reads both pipes until they end: they carry everything that the
    /// worker writes, even if it dies.
    WorkerStarted {
        /// The worker's uid, such as `worker:0:1`.
        uid: String,
        /// The worker's process.
        pid: u32,
        /// The read end of the worker's standard output; blocking.
        stdout: OwnedFd,
        /// The read end of the worker's standard error; blocking.
        stderr: OwnedFd,
    },
    /// A worker process ended and was reaped.
    WorkerEnded {
        /// The worker's uid, such as `worker:0:1`.
        uid: String,
        /// How the process ended, such as `signal: 9 (SIGKILL)`.
        status: String,
        /// Whether the monitor had asked the worker to end.
        asked: bool,
    },
    /// A worker asks the front end. What the worker wrote before is in its pipes, and is to be shown first.
    Ask {
        /// The worker's uid, such as `worker:0:1`.
        uid: String,
        /// The question, to be answered or refused; dropping it refuses. Answering does not block.
        question: Question,
    },
    /// The user has to be told something, once.
    Notice {
        /// The part of the runtime that the text is about, such as `monitor`.
        uid: String,
        /// A sentence without a newline.
        text: String,
    },
    /// A method says how far it has got: at the beginning, at intervals, and when all its steps are done.
    Progress {
        /// The uid of the task or tessera.
        uid: String,
        /// The type and the method, such as `Solver1::solve`.
        name: String,
        /// The uid of the worker that executes the method, such as `worker:0:1`.
        worker: String,
        /// How far the method has got.
        progress: Progress,
    },
    /// The user's code shows a display. A later display with the same id replaces it.
    Shown(LiveDisplay),
    /// The embedder is to read and show everything that is in the workers' pipes now, together with what it has read
    /// before and not shown yet, and then to call `done`.
    Drain {
        /// Call this on any thread. If it is never called, those who wait for it wait for ever.
        done: Box<dyn FnOnce() + Send>,
    },
}

impl fmt::Debug for MonitorEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            MonitorEvent::WorkerStarted { uid, pid, .. } => write!(f, "WorkerStarted({uid}, {pid})"),
            MonitorEvent::WorkerEnded { uid, status, asked } => {
                write!(f, "WorkerEnded({uid}, {status}, asked: {asked})")
            }
            MonitorEvent::Ask { uid, question } => write!(f, "Ask({uid}, {question:?})"),
            MonitorEvent::Progress { uid, progress, .. } => write!(f, "Progress({uid}, {progress:?})"),
            MonitorEvent::Notice { uid, text } => write!(f, "Notice({uid}, {text})"),
            MonitorEvent::Shown(display) => write!(f, "Shown({})", display.id),
            MonitorEvent::Drain { .. } => f.write_str("Drain"),
        }
    }
}
