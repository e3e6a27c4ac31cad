//! The kernel's handle to the thread in which cells are evaluated.

use crate::{
    MimeBundle, evaluation,
    link::{Link, Order, Paths, open_pipe},
    report::CellError,
    request::{Completions, Options, Request},
    shared::Shared,
};
use anyhow::Result;
use std::{
    os::fd::OwnedFd,
    sync::{Arc, mpsc},
    thread,
    time::Duration,
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
    requests: mpsc::Sender<Request>,
    link: Link,
    shared: Arc<Shared>,
}

/// How long an interrupted cell may go on before its process is replaced.
const INTERRUPT_GRACE: Duration = Duration::from_secs(3);
/// How long a compilation may hold up the end.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(2);

impl Evaluator {
    /// Starts the thread and returns at once; evcxr warms up meanwhile.
    ///
    /// # Errors
    ///
    /// The socket or the pipes cannot be made in `run_dir`.
    pub fn start(options: Options) -> Result<(Evaluator, CellPipes)> {
        let paths = Paths::in_directory(&options.run_dir);
        let pipes = CellPipes {
            stdout: open_pipe(&paths.stdout)?,
            stderr: open_pipe(&paths.stderr)?,
        };
        let notices = pipes.stderr.try_clone()?;
        let (link, reports) = Link::listen(&paths.socket)?;
        let (requests, receiver) = mpsc::channel();
        let shared = Arc::<Shared>::default();
        thread::Builder::new()
            .name("evaluation".into())
            .stack_size(64 << 20)
            .spawn({
                let (link, shared) = (link.clone(), Arc::clone(&shared));
                move || evaluation::run(options, link, reports, notices, &shared, &receiver)
            })?;
        Ok((Evaluator { requests, link, shared }, pipes))
    }

    /// Evaluates a cell. What it prints is in the pipes when this returns; its value, if it has one, is returned.
    ///
    /// # Errors
    ///
    /// The cell does not compile, panics, returns early with `?`, is interrupted, or ends its process.
    pub async fn execute(&self, code: String, number: u32) -> Result<Option<MimeBundle>, CellError> {
        self.request(|reply| Request::Execute { code, number, reply })
            .await
            .unwrap_or_else(|| Err(CellError::ended()))
    }

    /// Completes the name left of `cursor`, counted in code points.
    pub async fn complete(&self, code: String, cursor: usize) -> Completions {
        // The thread is the cell's until that has ended; nobody waits that long for a completion.
        if self.shared.running().is_some() {
            return Completions::none(cursor);
        }
        self.request(|reply| Request::Complete { code, cursor, reply })
            .await
            .unwrap_or_else(|| Completions::none(cursor))
    }

    /// The documentation of the name at `cursor`, counted in code points.
    pub async fn inspect(&self, code: String, cursor: usize) -> Option<MimeBundle> {
        if self.shared.running().is_some() {
            return None;
        }
        self.request(|reply| Request::Inspect { code, cursor, reply })
            .await
            .flatten()
    }

    /// Interrupts the running cell. A cell that waits stops at once and keeps every variable; one that still runs after
    /// a few seconds loses its process.
    pub fn interrupt(&self) {
        let Some(execution) = self.shared.running() else { return };
        self.link.send(&Order::Interrupt);
        let (shared, link) = (Arc::clone(&self.shared), self.link.clone());
        let watch = move || {
            // One that is still being compiled will not be run.
            if !shared.wait_for_end(execution, INTERRUPT_GRACE) && link.began() {
                shared.kill_cell_process();
            }
        };
        if let Err(error) = thread::Builder::new().name("interrupt".into()).spawn(watch) {
            tracing::error!("cannot watch over an interrupt: {error}");
        }
    }

    /// Ends the cell process and removes the session's directory.
    pub async fn shutdown(&self) {
        let (reply, ended) = oneshot::channel();
        if self.requests.send(Request::Shutdown { reply }).is_err() {
            return;
        }
        if self.shared.running().is_some() {
            self.shared.kill_cell_process();
        }
        if tokio::time::timeout(SHUTDOWN_GRACE, ended).await.is_err() {
            self.shared.remove_session();
        }
    }

    async fn request<T>(&self, request: impl FnOnce(oneshot::Sender<T>) -> Request) -> Option<T> {
        let (reply, answer) = oneshot::channel();
        self.requests.send(request(reply)).ok()?;
        answer.await.ok()
    }
}
