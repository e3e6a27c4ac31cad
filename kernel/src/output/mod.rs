//! The output: everything that cells and workers say, as one ordered stream to iopub.
//!
//! A [thread](output_thread) of its own reads the pipes of all processes. Since it reads them directly, it knows when
//! it has read everything that was written; an executor's readiness would be a guess. The steps are:
//!
//! 1. [`pipe`] and [`utf8_decoder`] turn bytes into text.
//! 2. [`display_blocks`] finds evcxr's display blocks in the text.
//! 3. [`worker_lines`] puts the worker's name before each line of a worker, and keeps the lines of writers apart.
//! 4. [`attribution`] decides under which cell text and messages are shown.
//!
//! Displays and comm messages ([`output_message`]) pass through the thread too, so that they keep their place among the
//! text.

mod attribution;
mod command;
mod display_blocks;
mod output_message;
mod output_thread;
mod pipe;
mod utf8_decoder;
mod worker_lines;

use std::{
    io,
    os::fd::OwnedFd,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread,
};

use mosaic_evaluator::CellPipes;
use mosaic_jupyter::{Header, IoPub};
use mosaic_message::MimeBundle;
use rustix::pipe::{PipeFlags, pipe_with};
use tokio::sync::oneshot;

pub(crate) use command::Timing;
use command::{Command, Done};
pub(crate) use output_message::{OutputMessage, mime_data};
use output_thread::OutputThread;
use pipe::Source;

/// A handle to the thread; cheap to clone. The thread ends with the last handle.
///
/// Functions passed to its methods are called on the thread, and must not block.
#[derive(Clone)]
pub(crate) struct Output {
    commands: mpsc::Sender<Command>,
    /// Wakes the thread: it looks at its commands when a byte comes, and when the pipe is closed.
    wake: Arc<OwnedFd>,
    /// Set at an interrupt. The thread looks at it between two texts, however many commands wait.
    interrupted: Arc<AtomicBool>,
}

impl Output {
    /// Starts the thread.
    ///
    /// # Errors
    /// When the system has no more pipes or threads.
    pub(crate) fn start(iopub: IoPub) -> io::Result<Self> {
        let (woken, wake) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?;
        let (commands, received) = mpsc::channel();
        let interrupted = Arc::<AtomicBool>::default();
        let output_thread = OutputThread::new(received, woken, iopub, interrupted.clone());
        thread::Builder::new()
            .name("output".to_owned())
            .spawn(move || output_thread.run())?;
        Ok(Output {
            commands,
            wake: Arc::new(wake),
            interrupted,
        })
    }

    /// Shows what the cell process writes from now on.
    pub(crate) fn add_cell_process(&self, CellPipes { stdout, stderr }: CellPipes) {
        self.send(Command::AddProcess {
            source: Source::CellProcess,
            stdout,
            stderr,
        });
    }

    /// Shows what a new worker writes.
    pub(crate) fn add_worker(&self, uid: String, stdout: OwnedFd, stderr: OwnedFd) {
        self.send(Command::AddProcess {
            source: Source::Worker(uid),
            stdout,
            stderr,
        });
    }

    /// Shows text in the name of a worker, behind everything that the worker wrote before.
    pub(crate) fn note(&self, uid: String, text: String) {
        self.send(Command::Note { uid, text });
    }

    /// Shows everything that follows under this cell. Without one, the cell that starts is silent, and what it writes
    /// is not shown.
    pub(crate) fn begin_cell(&self, cell: Option<Arc<Header>>) {
        self.send(match cell {
            Some(cell) => Command::BeginCell(cell),
            None => Command::BeginSilentCell,
        });
    }

    /// Publishes a message behind everything written before, and calls `done` when the message has its place.
    pub(crate) fn show(&self, message: OutputMessage, timing: Timing, done: impl FnOnce() + Send + 'static) {
        let done = Box::new(done);
        self.send(Command::Show { message, timing, done });
    }

    /// Takes display blocks that the cell process prints for displays, until the next cell begins. Otherwise they are
    /// text.
    pub(crate) fn allow_blocks(&self, done: impl FnOnce() + Send + 'static) {
        self.send(Command::AllowBlocks(Box::new(done)));
    }

    /// Takes display blocks that the running cell prints from now on as its result.
    pub(crate) fn begin_result(&self, done: impl FnOnce() + Send + 'static) {
        self.send(Command::BeginResult(Box::new(done)));
    }

    /// Keeps the running cell's result, or one more format of it.
    pub(crate) fn keep_result(&self, bundle: MimeBundle, done: impl FnOnce() + Send + 'static) {
        self.send(Command::KeepResult(bundle, Box::new(done)));
    }

    /// Takes the result of the code that has just run, if it came through the output.
    pub(crate) async fn take_result(&self) -> Option<MimeBundle> {
        let (sender, result) = oneshot::channel();
        self.send(Command::TakeResult(sender));
        // An error means that the thread has ended.
        result.await.unwrap_or_default()
    }

    /// Publishes everything written before, and tells `receive` under which cell.
    pub(crate) fn parent_then(&self, receive: impl FnOnce(Option<Arc<Header>>) + Send + 'static) {
        self.send(Command::Parent(Box::new(receive)));
    }

    /// Drops text that clients cannot take at once, until the running cell has ended. Then shows how much that was.
    pub(crate) fn interrupt(&self) {
        self.interrupted.store(true, Ordering::Relaxed);
    }

    /// Calls `done` when everything written before is queued for iopub.
    pub(crate) fn drain_then(&self, done: Done) {
        self.send(Command::Drain(done));
    }

    /// Notes that the cell has ended, and waits until everything written before is queued for iopub. Text that comes
    /// later is held for a moment, for the next cell.
    pub(crate) async fn end_cell(&self) {
        self.wait_for(Command::EndCell).await;
    }

    /// Waits until everything written before is queued for iopub, also text that is held for the next cell.
    pub(crate) async fn release(&self) {
        self.wait_for(Command::Release).await;
    }

    async fn wait_for(&self, command: impl FnOnce(Done) -> Command) {
        let (done, finished) = oneshot::channel();
        self.send(command(Box::new(move || {
            // The task that waits may have been cancelled.
            let _ = done.send(());
        })));
        // An error means that the thread has ended, and then there is nothing to wait for.
        let _ = finished.await;
    }

    fn send(&self, command: Command) {
        if self.commands.send(command).is_ok() {
            // A pipe that is full wakes the thread as well.
            let _ = rustix::io::write(&*self.wake, &[0]);
        }
    }
}
