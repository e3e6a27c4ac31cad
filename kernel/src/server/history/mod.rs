//! The history: inputs of this session and of earlier ones.
//!
//! A thread of its own owns the database, so that a slow or locked file holds up requests for history only.

mod database;

use std::{
    env,
    path::PathBuf,
    sync::mpsc,
    thread::{self, JoinHandle},
};

use mosaic_jupyter::{HistoryEntry, HistoryInput, HistoryReply, HistoryRequest, Reply};
use tokio::sync::oneshot;
use tracing::{error, warn};

use database::{Database, Entry};

/// An order to the thread.
enum Command {
    Add { number: u32, source: String },
    AddOutput { number: u32, output: String },
    Ask(HistoryRequest, oneshot::Sender<Vec<Entry>>),
}

/// A handle to the thread. Dropping it ends the thread as soon as everything is written.
pub(crate) struct History {
    commands: Option<mpsc::Sender<Command>>,
    thread: Option<JoinHandle<()>>,
}

impl History {
    /// Starts the thread, which keeps the history in `file`, or in memory if there is none.
    ///
    /// If the thread cannot be started, the kernel logs that and runs without a history.
    pub(crate) fn start(file: Option<PathBuf>) -> Self {
        let (commands, received) = mpsc::channel();
        let thread = thread::Builder::new()
            .name("history".to_owned())
            .spawn(move || run(Database::open(file.as_deref()), &received));
        match thread {
            Ok(thread) => History {
                commands: Some(commands),
                thread: Some(thread),
            },
            Err(error) => {
                error!("cannot start the thread of the history, which stays empty: {error}");
                History {
                    commands: None,
                    thread: None,
                }
            }
        }
    }

    /// Adds an input.
    pub(crate) fn add(&self, number: u32, source: &str) {
        let source = source.to_owned();
        self.send(Command::Add { number, source });
    }

    /// Adds the result of an input.
    pub(crate) fn add_output(&self, number: u32, output: String) {
        self.send(Command::AddOutput { number, output });
    }

    /// Returns the reply to a request. It includes everything added before.
    pub(crate) fn reply(&self, request: HistoryRequest) -> impl Future<Output = Reply> + use<> {
        let output = request.output;
        let (reply, found) = oneshot::channel();
        self.send(Command::Ask(request, reply));
        async move {
            // An error means that there is no thread.
            let found = found.await.unwrap_or_default();
            let history = found.into_iter().map(|entry| history_entry(entry, output)).collect();
            Reply::History(HistoryReply { history })
        }
    }

    fn send(&self, command: Command) {
        if let Some(commands) = &self.commands {
            // The thread lives as long as this handle.
            let _ = commands.send(command);
        }
    }

    /// Waits until everything is written.
    pub(crate) fn close(mut self) {
        self.commands = None;
        if let Some(Err(_)) = self.thread.take().map(JoinHandle::join) {
            error!("the history's thread has panicked");
        }
    }
}

fn history_entry(entry: Entry, output: bool) -> HistoryEntry {
    let Entry {
        session,
        number,
        source,
        output: result,
    } = entry;
    let input = match output {
        true => HistoryInput::WithOutput(source, result),
        false => HistoryInput::Source(source),
    };
    HistoryEntry(session, number, input)
}

/// Returns the file that `MOSAIC_HISTORY` names, or else a file in the user's data directory. Returns `None` if
/// `MOSAIC_HISTORY` is `off`.
pub(crate) fn default_file() -> Option<PathBuf> {
    match env::var_os("MOSAIC_HISTORY") {
        Some(off) if off == "off" => None,
        Some(path) if !path.is_empty() => Some(path.into()),
        _ => {
            let data = dirs::data_dir();
            if data.is_none() {
                warn!("the history ends with the kernel: set HOME or MOSAIC_HISTORY to keep it");
            }
            data.map(|data| data.join("mosaic-kernel").join("history.sqlite"))
        }
    }
}

/// Carries out commands until all handles are dropped.
fn run(mut database: Database, commands: &mpsc::Receiver<Command>) {
    for command in commands {
        match command {
            Command::Add { number, source } => database.add(number, source),
            Command::AddOutput { number, output } => database.add_output(number, output),
            // The task that asked may have been cancelled.
            Command::Ask(request, reply) => drop(reply.send(database.find(&request.access))),
        }
    }
}
