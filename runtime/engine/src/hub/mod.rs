//! The hub: monitor and node 0, in the process that lives longest.
//!
//! - `departures`: heads that ended, and what the workers have not read of theirs; no I/O.
//! - `directory`: which workers there are and which tessera is where; no I/O.
//! - `loads`, `pressure`: how busy the workers are, and what follows where memory is short; no I/O.
//! - `gpus`: what the machine's GPUs do, for whoever asks.
//! - `measure`: what the workers' processes use, for whoever asks.
//! - `placement`: where the next tessera goes; no I/O.
//! - `replacing`: workers in the place of others.
//! - `node`: spawns and reaps worker processes.
//! - `server`: one loop over everything that can happen (`event`), on a thread of its own; `workers`, `asking`, `storing`,
//!   `queries`: parts of it.
//! - `stores`: what is stored, and where; no I/O.

mod asking;
mod connections;
mod departures;
mod directory;
mod event;
mod gpus;
mod lifecycle;
mod loads;
mod measure;
mod node;
mod placement;
mod pressure;
mod queries;
mod replacing;
mod server;
mod stores;
mod storing;
mod workers;

use crate::question::Question;
use event::Event;
use mosaic_abi::{LiveDisplay, Progress};
use std::{
    ffi::OsString,
    fmt, fs, io,
    os::{fd::OwnedFd, unix::fs::PermissionsExt},
    path::{Path, PathBuf},
    thread::JoinHandle,
};
use tempfile::TempDir;
use tokio::{net::UnixListener, sync::mpsc::UnboundedSender};

/// The name of the hub's socket in the run directory.
pub(crate) const SOCKET: &str = "hub.sock";

/// How to start a worker: a program that ends in [`crate::worker_main`].
#[derive(Clone, Debug)]
pub struct WorkerCommand {
    /// The executable.
    pub program: PathBuf,
    /// Its arguments.
    pub args: Vec<OsString>,
    /// Variables that are different in its environment, or absent, from this process's.
    pub env: Vec<(OsString, Option<OsString>)>,
}

/// What [`Hub::start`] needs to know.
#[derive(Clone, Debug)]
pub struct HubOptions {
    /// Where the sockets go: see [`run_dir`]. It must exist and be closed to other users.
    pub run_dir: PathBuf,
    /// How to start a worker.
    pub worker: WorkerCommand,
}

/// What the hub tells the process that embeds it.
pub enum HubEvent {
    /// A worker process was spawned. The embedder reads both pipes until they end: they hold all that the worker writes,
    /// also where it dies.
    WorkerStarted {
        /// Such as `worker:0:1`.
        uid: String,
        /// Its process.
        pid: u32,
        /// The read end of its standard output; blocking.
        stdout: OwnedFd,
        /// The read end of its standard error; blocking.
        stderr: OwnedFd,
    },
    /// A worker process ended and was reaped.
    WorkerEnded {
        /// Such as `worker:0:1`.
        uid: String,
        /// Such as `signal: 9 (SIGKILL)`.
        status: String,
        /// Whether the hub had asked it to end.
        asked: bool,
    },
    /// A worker asks the front end. What it had written before is in its pipes, and belongs before it.
    Ask {
        /// Such as `worker:0:1`.
        uid: String,
        /// The message, to be answered or refused; dropping it refuses. Answering does not block.
        question: Question,
    },
    /// Something that the user has to be told, once.
    Notice {
        /// The part of the runtime that it is about, such as `monitor`.
        uid: String,
        /// A sentence without a newline.
        text: String,
    },
    /// A method says how far it has got: at first, now and then, and when all its steps are done.
    Progress {
        /// The task or tessera.
        uid: String,
        /// Such as `Solver1::solve`.
        name: String,
        /// Where it is executed, such as `worker:0:1`.
        worker: String,
        /// How far it is.
        progress: Progress,
    },
    /// A process of the user's shows something that will change in its place.
    Shown(LiveDisplay),
    /// The embedder reads what is in the workers' pipes now, shows it, and then calls `done`. What was read before but
    /// not yet shown must be shown too.
    Drain {
        /// May be called on any thread; dropping it uncalled makes whoever waits for it wait for ever.
        done: Box<dyn FnOnce() + Send>,
    },
}

impl fmt::Debug for HubEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HubEvent::WorkerStarted { uid, pid, .. } => write!(f, "WorkerStarted({uid}, {pid})"),
            HubEvent::WorkerEnded { uid, status, asked } => write!(f, "WorkerEnded({uid}, {status}, asked: {asked})"),
            HubEvent::Ask { uid, question } => write!(f, "Ask({uid}, {question:?})"),
            HubEvent::Progress { uid, progress, .. } => write!(f, "Progress({uid}, {progress:?})"),
            HubEvent::Notice { uid, text } => write!(f, "Notice({uid}, {text})"),
            HubEvent::Shown(display) => write!(f, "Shown({})", display.id),
            HubEvent::Drain { .. } => f.write_str("Drain"),
        }
    }
}

/// The monitor and node 0. No worker runs before a head turns the runtime on; dropping the hub ends all of them.
///
/// ```no_run
/// use mosaic_engine::{Hub, HubEvent, HubOptions, WorkerCommand};
///
/// let run_dir = mosaic_engine::run_dir()?;
/// let worker = WorkerCommand {
///     program: std::env::current_exe()?,
///     args: vec!["worker".into()],
///     env: vec![],
/// };
/// let options = HubOptions { run_dir: run_dir.path().to_owned(), worker };
/// let hub = Hub::start(options, |event| match event {
///     HubEvent::Drain { done } => done(),
///     event => eprintln!("{event:?}"),
/// })?;
/// println!("heads connect to {}", hub.address().display());
/// hub.shutdown();
/// # std::io::Result::Ok(())
/// ```
#[derive(Debug)]
pub struct Hub {
    address: PathBuf,
    events: UnboundedSender<Event>,
    thread: Option<JoinHandle<()>>,
}

impl Hub {
    /// Starts the hub's thread, which calls `on_event` and must not be blocked by it.
    ///
    /// # Errors
    ///
    /// The socket could not be bound in the run directory, or the thread could not be started.
    pub fn start(options: HubOptions, on_event: impl Fn(HubEvent) + Send + Sync + 'static) -> io::Result<Hub> {
        let address = options.run_dir.join(SOCKET);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let listener = {
            let _context = runtime.enter();
            UnixListener::bind(&address).map_err(|error| {
                io::Error::new(
                    error.kind(),
                    format!("the hub cannot listen at {}: {error}", address.display()),
                )
            })?
        };
        let (events, inbox) = tokio::sync::mpsc::unbounded_channel();
        let server = server::Server::new(options, Box::new(on_event), events.clone());
        let run = move || runtime.block_on(server.run(listener, inbox));
        let thread = std::thread::Builder::new().name("mosaic-hub".to_owned()).spawn(run)?;
        Ok(Hub {
            address,
            events,
            thread: Some(thread),
        })
    }

    /// The socket that heads connect to.
    pub fn address(&self) -> &Path {
        &self.address
    }

    /// Ends all workers, kills those that do not end soon, and returns when they are reaped and the sockets removed.
    pub fn shutdown(self) {
        drop(self);
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        let _ = self.events.send(Event::Shutdown);
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the hub's thread panicked");
        }
    }
}

/// Makes a new directory for sockets, which only this user may enter: under `$XDG_RUNTIME_DIR`, or where that is not set
/// under the directory for temporary files. It is removed when the value is dropped, or by the last worker.
///
/// # Errors
///
/// The directory could not be made.
pub fn run_dir() -> io::Result<TempDir> {
    let runtime_dir = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    let parent = runtime_dir
        .filter(|path| path.is_dir())
        .unwrap_or_else(std::env::temp_dir);
    tempfile::Builder::new()
        .prefix("mosaic-")
        .permissions(fs::Permissions::from_mode(0o700))
        .tempdir_in(&parent)
        .map_err(|error| {
            io::Error::new(
                error.kind(),
                format!("no directory for sockets can be made in {}: {error}", parent.display()),
            )
        })
}
