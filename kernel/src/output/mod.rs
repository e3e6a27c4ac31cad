//! Everything that cells and workers say, as one ordered stream to iopub.
//!
//! A [thread](output_thread) of its own reads the pipes directly: only then is "all that was written has been read" a fact, and
//! not a guess about readiness that some executor may have noted or not. It turns bytes into text ([`utf8_decoder`]), keeps
//! the lines of many writers apart ([`worker_lines`]), finds what is no text ([`display_blocks`]), and decides under which cell it all
//! appears ([`attribution`]). Displays and comms ([`display`]) pass through it too, so that they keep their place.

mod attribution;
mod display;
mod display_blocks;
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

pub(crate) use display::{Shown, mime_data};
use output_thread::Pump;
use pipe::Source;

type Done = Box<dyn FnOnce() + Send>;

/// When a message is published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum When {
    /// As text is: where no cell runs, not before it is clear that none starts. A silent cell shows none.
    LikeText,
    /// At once, with all that was said before.
    Now,
}

/// What the rest of the kernel tells the thread.
enum Command {
    /// A process has started.
    Add {
        source: Source,
        stdout: OwnedFd,
        stderr: OwnedFd,
    },
    /// Say something in the name of a worker.
    Note { uid: String, text: String },
    /// A cell starts: what follows is shown under it. Without one it is silent: what it says is not shown.
    Begin(Option<Arc<Header>>),
    /// Publish this behind all that has been written.
    Show { shown: Shown, when: When, done: Done },
    /// Blocks that the cell prints from now on are its result.
    BeginResult(Done),
    /// The cell's result, or one more format of it.
    Result(MimeBundle, Done),
    /// Read all that has been written, and give back the result that came with it.
    TakeResult(oneshot::Sender<Option<MimeBundle>>),
    /// Publish all that has been said, and tell under which cell.
    Parent(Box<dyn FnOnce(Option<Arc<Header>>) + Send>),
    /// Read and publish all that has been written.
    Drain(Done),
    /// The same, and the cell has ended.
    End(Done),
    /// The same, and nothing is held back any more: the kernel ends.
    Release(Done),
}

/// A handle to the thread; cheap to clone. The thread ends with the last handle.
#[derive(Clone)]
pub(crate) struct Output {
    commands: mpsc::Sender<Command>,
    /// One byte makes the thread look at its commands; closing it as well.
    wake: Arc<OwnedFd>,
    /// Looked at by the thread between two texts, however many commands wait.
    interrupted: Arc<AtomicBool>,
}

impl Output {
    /// Starts the thread.
    ///
    /// # Errors
    /// When there are no more pipes or threads to be had.
    pub(crate) fn start(iopub: IoPub) -> io::Result<Self> {
        let (woken, wake) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?;
        let (commands, received) = mpsc::channel();
        let interrupted = Arc::<AtomicBool>::default();
        let pump = Pump::new(received, woken, iopub, interrupted.clone());
        thread::Builder::new()
            .name("output".to_owned())
            .spawn(move || pump.run())?;
        Ok(Output {
            commands,
            wake: Arc::new(wake),
            interrupted,
        })
    }

    /// Shows what cells say.
    pub(crate) fn add_cell(&self, CellPipes { stdout, stderr }: CellPipes) {
        self.send(Command::Add {
            source: Source::Cell,
            stdout,
            stderr,
        });
    }

    /// Shows what a new worker says.
    pub(crate) fn add_worker(&self, uid: String, stdout: OwnedFd, stderr: OwnedFd) {
        self.send(Command::Add {
            source: Source::Worker(uid),
            stdout,
            stderr,
        });
    }

    /// Says something in the name of a worker, behind all that it said itself.
    pub(crate) fn note(&self, uid: String, text: String) {
        self.send(Command::Note { uid, text });
    }

    /// Shows what follows under this cell, or, where there is none, does not show what cells say.
    pub(crate) fn begin_cell(&self, cell: Option<Arc<Header>>) {
        self.send(Command::Begin(cell));
    }

    /// Publishes a message behind all that was written before, and calls `done` when it has its place. `done` must not
    /// block, here and below.
    pub(crate) fn show(&self, shown: Shown, when: When, done: impl FnOnce() + Send + 'static) {
        let done = Box::new(done);
        self.send(Command::Show { shown, when, done });
    }

    /// Makes blocks that the running cell prints its result, from where it has got to.
    pub(crate) fn begin_result(&self, done: impl FnOnce() + Send + 'static) {
        self.send(Command::BeginResult(Box::new(done)));
    }

    /// Keeps the running cell's result.
    pub(crate) fn keep_result(&self, bundle: MimeBundle, done: impl FnOnce() + Send + 'static) {
        self.send(Command::Result(bundle, Box::new(done)));
    }

    /// The result of the code that has just run, if it came this way.
    pub(crate) async fn take_result(&self) -> Option<MimeBundle> {
        let (sender, result) = oneshot::channel();
        self.send(Command::TakeResult(sender));
        // An error means that the thread has ended.
        result.await.unwrap_or_default()
    }

    /// Publishes all that was said, and tells `receive` under which cell.
    pub(crate) fn parent_then(&self, receive: impl FnOnce(Option<Arc<Header>>) + Send + 'static) {
        self.send(Command::Parent(Box::new(receive)));
    }

    /// The cell is to stop: until it has, what cannot be shown at once is dropped, and how much that was is shown.
    pub(crate) fn interrupt(&self) {
        self.interrupted.store(true, Ordering::Relaxed);
    }

    /// Calls `done` when all that was written before is queued to iopub, in order. `done` must not block.
    pub(crate) fn drain_then(&self, done: Done) {
        self.send(Command::Drain(done));
    }

    /// Waits until all that was written before is queued to iopub, in order; the cell has ended then, and what comes
    /// later waits for the next one for a moment.
    pub(crate) async fn end_cell(&self) {
        self.wait_for(Command::End).await;
    }

    /// The same at the end of the kernel: nothing waits any more.
    pub(crate) async fn release(&self) {
        self.wait_for(Command::Release).await;
    }

    async fn wait_for(&self, command: impl FnOnce(Done) -> Command) {
        let (done, finished) = oneshot::channel();
        self.send(command(Box::new(move || {
            // Who asked may have been cancelled.
            let _ = done.send(());
        })));
        // An error means that the thread has ended, and then there is nothing to wait for.
        let _ = finished.await;
    }

    fn send(&self, command: Command) {
        if self.commands.send(command).is_ok() {
            // A full pipe wakes as well.
            let _ = rustix::io::write(&*self.wake, &[0]);
        }
    }
}
