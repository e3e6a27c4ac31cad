//! What was run, in this session and in earlier ones. A thread keeps the database, so that a file that is slow or locked
//! holds up nobody but who asks for history.

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

/// What the thread is told.
enum Command {
    Add { number: u32, source: String },
    AddOutput { number: u32, output: String },
    Ask(HistoryRequest, oneshot::Sender<Vec<Entry>>),
}

/// A handle to the thread. Dropping it ends the thread, when all has been written.
pub(crate) struct History {
    commands: Option<mpsc::Sender<Command>>,
    thread: Option<JoinHandle<()>>,
}

impl History {
    /// Starts the thread. Without one there is no history; that is logged, and the kernel goes on.
    pub(crate) fn start() -> Self {
        let (commands, received) = mpsc::channel();
        let thread = thread::Builder::new()
            .name("history".to_owned())
            .spawn(move || keep(Database::open(location().as_deref()), &received));
        match thread {
            Ok(thread) => History {
                commands: Some(commands),
                thread: Some(thread),
            },
            Err(error) => {
                error!("there is no history: cannot start its thread: {error}");
                History {
                    commands: None,
                    thread: None,
                }
            }
        }
    }

    /// Keeps an input.
    pub(crate) fn add(&self, number: u32, source: &str) {
        let source = source.to_owned();
        self.send(Command::Add { number, source });
    }

    /// Keeps the result of an input.
    pub(crate) fn add_output(&self, number: u32, output: String) {
        self.send(Command::AddOutput { number, output });
    }

    /// The content of the reply to a request, which sees all that was added before.
    pub(crate) fn answer(&self, request: HistoryRequest) -> impl Future<Output = Reply> + use<> {
        let output = request.output;
        let (reply, found) = oneshot::channel();
        self.send(Command::Ask(request, reply));
        async move {
            // Nothing comes from a thread that could not be started.
            let found = found.await.unwrap_or_default();
            let history = found.into_iter().map(|entry| show(entry, output)).collect();
            Reply::History(HistoryReply { history })
        }
    }

    fn send(&self, command: Command) {
        if let Some(commands) = &self.commands {
            // The thread ends after this handle.
            let _ = commands.send(command);
        }
    }

    /// Waits until all has been written.
    pub(crate) fn close(mut self) {
        self.commands = None;
        if let Some(Err(_)) = self.thread.take().map(JoinHandle::join) {
            error!("the history's thread has panicked");
        }
    }
}

fn show(entry: Entry, output: bool) -> HistoryEntry {
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

/// The file that `MOSAIC_HISTORY` names, or else one in the user's data directory; `None` if it says `off`.
fn location() -> Option<PathBuf> {
    match env::var_os("MOSAIC_HISTORY") {
        Some(off) if off == "off" => None,
        Some(path) if !path.is_empty() => Some(path.into()),
        _ => {
            let data = dirs::data_dir();
            if data.is_none() {
                warn!("history ends with the kernel: HOME is not set, nor is MOSAIC_HISTORY");
            }
            data.map(|data| data.join("mosaic-kernel").join("history.sqlite"))
        }
    }
}

/// The thread's body.
fn keep(mut database: Database, commands: &mpsc::Receiver<Command>) {
    for command in commands {
        match command {
            Command::Add { number, source } => database.add(number, source),
            Command::AddOutput { number, output } => database.add_output(number, output),
            // Who asked may have gone.
            Command::Ask(request, reply) => drop(reply.send(database.find(&request.access))),
        }
    }
}
