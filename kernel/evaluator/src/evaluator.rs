//! [`Evaluator`], the handle of the kernel to the evaluation thread, the code help thread and the cell process.

use crate::{
    code_help::{completions::Completions, thread::CodeHelp},
    errors::cell_error::CellError,
    evaluation::{
        self, Evaluation, ToUser,
        commands::completion::complete_command,
        execution_state::ExecutionState,
        inbox::{Event, Inbox},
        interrupt,
        request::{Options, Request},
    },
    mime_bundle::MimeBundle,
    session::{
        build_progress::{self, BuildProgress},
        directory,
        link::{Instruction, Link, OnEvent, ProcessEvent, open_pipe},
        processes::KernelProcesses,
        run_directory::CellPaths,
    },
    source::nesting::STACK_SIZE,
};
use anyhow::Result;
use std::{
    os::fd::OwnedFd,
    path::PathBuf,
    process,
    sync::{Arc, mpsc},
    thread,
    time::{Duration, Instant},
};
use tokio::sync::oneshot;

/// The read ends of the pipes that cells print to. They stay open when the cell process is replaced.
#[derive(Debug)]
pub struct CellPipes {
    /// Standard output, non-blocking.
    pub stdout: OwnedFd,
    /// Standard error, non-blocking.
    pub stderr: OwnedFd,
}

/// A cheap handle to the thread in which evcxr evaluates cells, one after the other.
///
/// All clones lead to the same thread. Methods may be called at any time, from any thread.
///
/// ```no_run
/// # async fn cells(options: mosaic_evaluator::Options) -> anyhow::Result<()> {
/// use mosaic_evaluator::Evaluator;
///
/// let (evaluator, pipes) = Evaluator::start(options, |event| println!("{event:?}"), |progress| println!("{progress:?}"))?;
/// // What cells print can be read from `pipes`.
/// let shown = evaluator.execute("let x = 1; x + 1".to_owned(), 1).await;
/// match shown {
///     Ok(value) => println!("{value:?}"),
///     Err(error) => println!("{}", error.traceback.join("\n")),
/// }
/// evaluator.shutdown().await;
/// evaluator.clean_up();
/// # drop(pipes);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Evaluator {
    events: mpsc::Sender<Event>,
    code_help: CodeHelp,
    link: Link,
    processes: KernelProcesses,
    execution_state: Arc<ExecutionState>,
}

/// How long a client waits for a completion or for documentation. When rust-analyzer is first asked it reads for four
/// seconds, if nothing else runs.
const PATIENCE: Duration = Duration::from_secs(15);
/// How long a compilation may hold up the end of the kernel.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(2);
/// How long to wait between two attempts to end a compilation.
const SHUTDOWN_STEP: Duration = Duration::from_millis(50);

impl Evaluator {
    /// Starts the evaluation thread and returns at once, while evcxr starts. `on_event` is called with what happens in
    /// the cell process, and `on_build` with how far cargo is with the crates of a cell. Neither must block.
    ///
    /// # Errors
    ///
    /// A socket or the pipes cannot be made in `options.run_dir`, or a thread cannot be started.
    pub fn start(
        options: Options,
        on_event: impl Fn(ProcessEvent) + Send + Sync + 'static,
        on_build: impl Fn(BuildProgress) + Send + 'static,
    ) -> Result<(Evaluator, CellPipes)> {
        build_progress::listen(&options.run_dir, on_build)?;
        let paths = CellPaths::in_directory(&options.run_dir);
        let pipes = CellPipes {
            stdout: open_pipe(&paths.stdout)?,
            stderr: open_pipe(&paths.stderr)?,
        };
        let notices = pipes.stderr.try_clone()?;
        let (events, receiver) = mpsc::channel();
        let processes = KernelProcesses::of_run(&options.run_dir);
        let front_end: OnEvent = Arc::new(on_event);
        let link = Link::listen(
            &paths.socket,
            processes.of_cells(),
            events.clone(),
            Arc::clone(&front_end),
        )?;
        let inbox = Inbox::new(receiver);
        let execution_state = Arc::<ExecutionState>::default();
        let code_help = CodeHelp::start(complete_command)?;
        thread::Builder::new()
            .name("evaluation".into())
            .stack_size(STACK_SIZE)
            .spawn({
                let (code_help, link, state) = (code_help.clone(), link.clone(), Arc::clone(&execution_state));
                let to_user = ToUser { notices, front_end };
                move || evaluation::run(Evaluation::new(options, link, inbox, to_user, code_help, &state))
            })?;
        let evaluator = Evaluator {
            events,
            code_help,
            link,
            processes,
            execution_state,
        };
        Ok((evaluator, pipes))
    }

    /// Evaluates a cell and returns its value, if it has one, or what its commands show. When this returns, everything
    /// that the cell printed is in the pipes.
    ///
    /// # Errors
    ///
    /// The cell does not compile, panics, returns early with `?`, is interrupted, or ends its process; or evcxr cannot
    /// be started.
    pub async fn execute(&self, code: String, number: u32) -> Result<Option<MimeBundle>, CellError> {
        let execution = self.execution_state.begin();
        let request = |reply| Request::Execute {
            code,
            number,
            execution,
            reply,
        };
        let result = self.request(request).await.unwrap_or_else(|| Err(CellError::ended()));
        self.execution_state.end(execution);
        result
    }

    /// Completes the name left of `cursor`, counted in code points. Returns no completion after 15 seconds without an
    /// answer.
    pub async fn complete(&self, code: String, cursor: usize) -> Completions {
        let found = tokio::time::timeout(PATIENCE, self.code_help.complete(code, cursor)).await;
        found.ok().flatten().unwrap_or_else(|| Completions::none(cursor))
    }

    /// Returns the documentation of the name at `cursor`, counted in code points. Returns nothing after 15 seconds
    /// without an answer.
    pub async fn inspect(&self, code: String, cursor: usize) -> Option<MimeBundle> {
        let found = tokio::time::timeout(PATIENCE, self.code_help.inspect(code, cursor)).await;
        found.ok().flatten()
    }

    /// Delivers a message to the code in the cell process. Returns whether a cell process is there to take it.
    pub fn deliver(&self, message: Vec<u8>) -> bool {
        self.link.send(&Instruction::Deliver { message }).is_some()
    }

    /// Has cells compiled for a debugger from now on, with debug information and without optimisation; or no longer.
    pub fn set_debugging(&self, is_on: bool) {
        self.execution_state.set_debugs(is_on);
    }

    /// Returns the process id of the cell process, if one is connected.
    pub fn cell_process(&self) -> Option<u32> {
        self.link.process_id()
    }

    /// Returns the directory in which the cells are compiled. The debug information has their sources there.
    pub fn session_directory(&self) -> Option<PathBuf> {
        self.execution_state.session()
    }

    /// Returns the notebook's variables after the last cell, each a name and a type.
    pub fn variables(&self) -> Vec<(String, String)> {
        self.execution_state.variables()
    }

    /// Interrupts the execution that is under way, and returns at once.
    ///
    /// A compilation ends. A cell that waits stops, and all variables are kept. A cell that still runs after three
    /// seconds, or shortly after a second interrupt, loses its process and with it all variables.
    pub fn interrupt(&self) {
        interrupt::interrupt(&self.execution_state, &self.link, &self.processes);
    }

    /// Ends the cell process and removes the session's directory. Waits for the evaluation thread for two seconds at
    /// most.
    pub async fn shutdown(&self) {
        let (reply, mut ended) = oneshot::channel();
        if self.events.send(Request::Shutdown { reply }.into()).is_err() {
            return;
        }
        if self.execution_state.is_busy() {
            self.execution_state.kill_cell_process();
        }
        let begun = Instant::now();
        while begun.elapsed() < SHUTDOWN_GRACE {
            // Repeated, since evcxr may start another cargo or shell command before it takes the request.
            self.processes.compilers().kill();
            self.processes.all().part("shell").kill();
            if tokio::time::timeout(SHUTDOWN_STEP, &mut ended).await.is_ok() {
                return;
            }
        }
    }

    /// Ends the processes and removes the files that [`shutdown`](Evaluator::shutdown) could not wait for. To be called
    /// last, right before the kernel exits: the threads may still be at work.
    pub fn clean_up(&self) {
        // Processes go before files: they would write into the session again.
        self.code_help.end(|| {
            self.processes.all().kill();
        });
        self.processes.all().end();
        self.execution_state.remove_session();
        directory::remove_rust_analyzers_of(process::id());
    }

    async fn request<T>(&self, request: impl FnOnce(oneshot::Sender<T>) -> Request) -> Option<T> {
        let (reply, answer) = oneshot::channel();
        self.events.send(request(reply).into()).ok()?;
        answer.await.ok()
    }
}
