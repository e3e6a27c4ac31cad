//! The history's database: SQLite, since several kernels read and write one file at the same time.
//!
//! A file that cannot be used does not keep anybody from working. The kernel leaves a broken file alone and keeps the
//! history in memory. If the file is locked, the kernel writes to it again with the next cell.

use std::{
    fs::{DirBuilder, OpenOptions},
    io,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::Path,
    time::Duration,
};

use mosaic_jupyter::HistoryAccess;
use rusqlite::{Connection, Error, OptionalExtension, Row, Transaction, TransactionBehavior, params};
use tracing::warn;

/// The version of the tables. A file with a later version belongs to a later kernel.
const VERSION: u32 = 1;
const TABLES: &str = "
    CREATE TABLE session (id INTEGER PRIMARY KEY AUTOINCREMENT, started TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP);
    CREATE TABLE input (
        id INTEGER PRIMARY KEY,
        session INTEGER NOT NULL,
        number INTEGER NOT NULL,
        source TEXT NOT NULL,
        output TEXT,
        UNIQUE (session, number)
    );
    PRAGMA user_version = 1;
";

/// How long to wait while another kernel writes.
const LOCK_TIME: Duration = Duration::from_secs(5);
/// How many inputs the file keeps.
const MAX_INPUTS: i64 = 20_000;
/// How many bytes of inputs and outputs the file keeps.
const MAX_BYTES: i64 = 32 << 20;
/// How many bytes an input or output may have. A longer text is data, and is not kept.
const MAX_TEXT_BYTES: usize = 1 << 20;
/// How many entries a request for the tail gets if it names no number.
const DEFAULT_TAIL: usize = 10;

/// An input of any session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) session: i64,
    pub(super) number: u32,
    pub(super) source: String,
    pub(super) output: Option<String>,
}

/// A change that has to be written.
#[derive(Debug)]
enum Change {
    Input { number: u32, source: String },
    Output { number: u32, output: String },
}

/// An open database, and this kernel's session in it.
pub(super) struct Database {
    connection: Connection,
    /// Id of the session, which begins with its first input.
    session: Option<i64>,
    /// Changes that could not be written yet.
    unwritten: Vec<Change>,
}

impl Database {
    /// Opens the file, or creates it. Without a usable file, the history is kept in memory.
    ///
    /// # Panics
    /// When there is no memory left for an empty database.
    pub(super) fn open(file: Option<&Path>) -> Self {
        let opened = file.map(|file| (file, open(file)));
        let connection = match opened {
            Some((_, Ok(connection))) => connection,
            Some((file, Err(error))) => {
                warn!(
                    "the history ends with the kernel: cannot use {}: {error}",
                    file.display()
                );
                in_memory()
            }
            None => in_memory(),
        };
        Database {
            connection,
            session: None,
            unwritten: Vec::new(),
        }
    }

    /// Adds an input of this session.
    pub(super) fn add(&mut self, number: u32, source: String) {
        if source.len() <= MAX_TEXT_BYTES {
            self.unwritten.push(Change::Input { number, source });
            self.write();
        }
    }

    /// Adds the result of an input of this session.
    pub(super) fn add_output(&mut self, number: u32, output: String) {
        if output.len() <= MAX_TEXT_BYTES {
            self.unwritten.push(Change::Output { number, output });
            self.write();
        }
    }

    fn write(&mut self) {
        match self.try_write() {
            Ok(()) => self.unwritten.clear(),
            Err(error) => warn!("cannot write the history and will try again with the next cell: {error}"),
        }
    }

    fn try_write(&mut self) -> Result<(), Error> {
        // Locks for writing at once. A transaction that reads first fails if another kernel has written meanwhile.
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        let session = match self.session {
            Some(session) => session,
            None => begin_session(&transaction)?,
        };
        for change in &self.unwritten {
            match change {
                Change::Input { number, source } => transaction.execute(
                    "INSERT OR REPLACE INTO input (session, number, source) VALUES (?, ?, ?)",
                    params![session, number, source],
                )?,
                Change::Output { number, output } => transaction.execute(
                    "UPDATE input SET output = ? WHERE session = ? AND number = ?",
                    params![output, session, number],
                )?,
            };
        }
        transaction.commit()?;
        self.session = Some(session);
        Ok(())
    }

    /// Finds inputs of any session, in the order in which they ran.
    pub(super) fn find(&self, access: &HistoryAccess) -> Vec<Entry> {
        self.try_find(access).unwrap_or_else(|error| {
            warn!("cannot read the history: {error}");
            Vec::new()
        })
    }

    fn try_find(&self, access: &HistoryAccess) -> Result<Vec<Entry>, Error> {
        match access {
            HistoryAccess::Tail { n } => self.last("FROM input", params![], n.or(Some(DEFAULT_TAIL))),
            HistoryAccess::Range { session, start, stop } => {
                let session = self.resolve(session.unwrap_or(0))?;
                let (start, stop) = (bound(*start), stop.map_or(i64::MAX, bound));
                let wanted = "FROM input WHERE session = ? AND number >= ? AND number < ?";
                self.last(wanted, params![session, start, stop], None)
            }
            HistoryAccess::Search { pattern, n, unique } => {
                let pattern = if pattern.is_empty() { "*" } else { pattern };
                let wanted = if *unique {
                    "FROM input WHERE id IN (SELECT max(id) FROM input WHERE source GLOB ? GROUP BY source)"
                } else {
                    "FROM input WHERE source GLOB ?"
                };
                self.last(wanted, params![pattern], *n)
            }
        }
    }

    /// Converts a session as clients name it to an id. 0 is this session, -1 the session before it.
    fn resolve(&self, session: i64) -> Result<i64, Error> {
        if session > 0 {
            return Ok(session);
        }
        let this = match self.session {
            Some(this) => this,
            // This session has not begun. It will be the next one.
            None => {
                let last = "SELECT seq FROM sqlite_sequence WHERE name = 'session'";
                let last: Option<i64> = self.connection.query_row(last, [], |row| row.get(0)).optional()?;
                last.unwrap_or(0) + 1
            }
        };
        Ok(this.saturating_add(session))
    }

    fn last(&self, wanted: &str, parameters: &[&dyn rusqlite::ToSql], n: Option<usize>) -> Result<Vec<Entry>, Error> {
        let query = format!("SELECT session, number, source, output {wanted} ORDER BY id DESC");
        let mut statement = self.connection.prepare(&query)?;
        let found = statement.query_map(parameters, entry)?.take(n.unwrap_or(usize::MAX));
        let mut found: Vec<Entry> = found.collect::<Result<_, _>>()?;
        found.reverse();
        Ok(found)
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if !self.unwritten.is_empty() {
            self.write();
        }
    }
}

/// Converts a number to SQLite's integers.
fn bound(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn entry(row: &Row<'_>) -> Result<Entry, Error> {
    Ok(Entry {
        session: row.get(0)?,
        number: row.get(1)?,
        source: row.get(2)?,
        output: row.get(3)?,
    })
}

/// A file cannot be used.
#[derive(Debug, thiserror::Error)]
enum OpenError {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error(transparent)]
    Sqlite(#[from] Error),
    #[error("it was written by a later version of this kernel")]
    Later,
}

fn open(file: &Path) -> Result<Connection, OpenError> {
    if let Some(directory) = file.parent() {
        DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    }
    // SQLite itself would create a file that other users can read.
    OpenOptions::new().append(true).create(true).mode(0o600).open(file)?;
    let mut connection = Connection::open(file)?;
    connection.busy_timeout(LOCK_TIME)?;
    make_tables(&mut connection)?;
    Ok(connection)
}

fn make_tables(connection: &mut Connection) -> Result<(), OpenError> {
    let version = |connection: &Connection| connection.pragma_query_value(None, "user_version", |row| row.get(0));
    match version(connection)? {
        VERSION => return Ok(()),
        0 => {}
        _ => return Err(OpenError::Later),
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Another kernel may have made the tables meanwhile.
    if version(&transaction)? == 0 {
        transaction.execute_batch(TABLES)?;
    }
    Ok(transaction.commit()?)
}

fn in_memory() -> Connection {
    let connection = Connection::open_in_memory().and_then(|connection| {
        connection.execute_batch(TABLES)?;
        Ok(connection)
    });
    connection.expect("an empty database in memory needs no more than memory")
}

/// Begins a session, and removes the oldest inputs beyond the limits.
fn begin_session(transaction: &Transaction<'_>) -> Result<i64, Error> {
    transaction.execute("INSERT INTO session DEFAULT VALUES", [])?;
    let session = transaction.last_insert_rowid();
    transaction.execute(
        "DELETE FROM input WHERE id <= (
            SELECT max(id) FROM (
                SELECT id,
                    row_number() OVER newest AS inputs,
                    sum(length(source) + ifnull(length(output), 0)) OVER newest AS bytes
                FROM input WINDOW newest AS (ORDER BY id DESC)
            ) WHERE inputs > ? OR bytes > ?
        )",
        [MAX_INPUTS, MAX_BYTES],
    )?;
    let with_inputs = "DELETE FROM session WHERE id < ? AND id NOT IN (SELECT session FROM input)";
    transaction.execute(with_inputs, [session])?;
    Ok(session)
}

#[cfg(test)]
mod tests;
