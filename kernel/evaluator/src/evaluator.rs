//! The kernel's handle to the thread in which cells are evaluated.

use crate::{
    MimeBundle,
    code_help::thread::CodeHelp,
    errors::cell_error::CellError,
    evaluation::{
        self,
        execution_state::ExecutionState,
        inbox::{Event, Inbox},
        interrupt,
        request::{Completions, Options, Request},
    },
    session::{
        directory,
        link::{Instruction, Link, ProcessEvent, open_pipe},
        processes,
        run_directory::CellPaths,
    },
};
use anyhow::Result;
use std::{
    os::fd::OwnedFd,
    process,
    sync::{Arc, mpsc},
    thread,
    time::{Duration, Instant},
};
use tokio::sync::oneshot;

/// What cells print: the read ends of pipes that stay open when the cell process is replaced.
#[derive(Debug)]
pub struct CellPipes {
    /// Standard output, non-blocking.
    pub stdout: OwnedFd,
    /// Standard error, non-blocking.
    pub stderr: OwnedFd,
}

/// A cheap handle to the thread in which cells are evaluated, one after the other.
#[derive(Clone, Debug)]
pub struct Evaluator {
    events: mpsc::Sender<Event>,
    code_help: CodeHelp,
    link: Link,
    shared: Arc<ExecutionState>,
}

/// How long a client waits for a completion or a documentation. rust-analyzer has much to read when it is first asked:
/// four seconds' worth, where nothing else runs.
const PATIENCE: Duration = Duration::from_secs(15);
/// How long a compilation may hold up the end.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(2);
/// How often it is looked after meanwhile.
const SHUTDOWN_STEP: Duration = Duration::from_millis(50);

impl Evaluator {
    /// Starts the thread and returns at once; evcxr warms up meanwhile. `on_event` is told what happens in the cell
    /// process and must not block.
    ///
    /// # Errors
    ///
    /// The socket or the pipes cannot be made in `run_dir`.
    pub fn start(options: Options, on_event: impl Fn(ProcessEvent) + Send + 'static) -> Result<(Evaluator, CellPipes)> {
        let paths = CellPaths::in_directory(&options.run_dir);
        let pipes = CellPipes {
            stdout: open_pipe(&paths.stdout)?,
            stderr: open_pipe(&paths.stderr)?,
        };
        let notices = pipes.stderr.try_clone()?;
        let (events, receiver) = mpsc::channel();
        let link = Link::listen(&paths.socket, events.clone(), Box::new(on_event))?;
        let inbox = Inbox::new(receiver);
        let shared = Arc::<ExecutionState>::default();
        let code_help = CodeHelp::start()?;
        thread::Builder::new()
            .name("evaluation".into())
            .stack_size(64 << 20)
            .spawn({
                let (code_help, link, shared) = (code_help.clone(), link.clone(), Arc::clone(&shared));
                move || evaluation::run(options, link, inbox, notices, code_help, &shared)
            })?;
        let evaluator = Evaluator {
            events,
            code_help,
            link,
            shared,
        };
        Ok((evaluator, pipes))
    }

    /// Evaluates a cell. What it prints is in the pipes when this returns; its value, if it has one, is returned.
    ///
    /// # Errors
    ///
    /// The cell does not compile, panics, returns early with `?`, is interrupted, or ends its process.
    pub async fn execute(&self, code: String, number: u32) -> Result<Option<MimeBundle>, CellError> {
        let execution = self.shared.begin();
        let request = |reply| Request::Execute {
            code,
            number,
            execution,
            reply,
        };
        let result = self.request(request).await.unwrap_or_else(|| Err(CellError::ended()));
        self.shared.end(execution);
        result
    }

    /// Completes the name left of `cursor`, counted in code points; finds nothing where that takes too long.
    pub async fn complete(&self, code: String, cursor: usize) -> Completions {
        let found = tokio::time::timeout(PATIENCE, self.code_help.complete(code, cursor)).await;
        found.ok().flatten().unwrap_or_else(|| Completions::none(cursor))
    }

    /// The documentation of the name at `cursor`, counted in code points; nothing where that takes too long.
    pub async fn inspect(&self, code: String, cursor: usize) -> Option<MimeBundle> {
        let found = tokio::time::timeout(PATIENCE, self.code_help.inspect(code, cursor)).await;
        found.ok().flatten()
    }

    /// Hands a message to the code in the cell process; returns whether there is one.
    pub fn deliver(&self, message: Vec<u8>) -> bool {
        self.link.send(&Instruction::Deliver { message }).is_some()
    }

    /// Interrupts what is under way. A compilation ends; a cell that waits stops at once and keeps every variable; one
    /// that still runs after a few seconds, or after a second interrupt, loses its process.
    pub fn interrupt(&self) {
        interrupt::interrupt(&self.shared, &self.link);
    }

    /// Ends the cell process and removes the session's directory.
    pub async fn shutdown(&self) {
        let (reply, mut ended) = oneshot::channel();
        if self.events.send(Request::Shutdown { reply }.into()).is_err() {
            return;
        }
        if self.shared.is_busy() {
            self.shared.kill_cell_process();
        }
        let begun = Instant::now();
        while begun.elapsed() < SHUTDOWN_GRACE {
            // cargo, or a shell command: evcxr may start more before it looks up.
            processes::end_of(rustix::process::getpid());
            if tokio::time::timeout(SHUTDOWN_STEP, &mut ended).await.is_ok() {
                return;
            }
        }
    }

    /// Removes what the thread has left that could not be waited for. To be called last, since it is still at work.
    pub fn clean_up(&self) {
        // What was started meanwhile would write into the session again.
        let kernel = rustix::process::getpid();
        self.code_help.end(|| {
            processes::end_of(kernel);
        });
        processes::end_all_of(kernel);
        self.shared.remove_session();
        directory::remove_rust_analyzers_of(process::id());
    }

    async fn request<T>(&self, request: impl FnOnce(oneshot::Sender<T>) -> Request) -> Option<T> {
        let (reply, answer) = oneshot::channel();
        self.events.send(request(reply).into()).ok()?;
        answer.await.ok()
    }
}
