//! The history's database: SQLite, since several kernels read and write one file at the same time.
//!
//! A file that cannot be used must not keep anybody from working. One that is broken is left alone, and the history
//! then lasts as long as the kernel; what a locked one does not take is offered again with the next cell.

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

/// The version of the tables. A file with a later one belongs to a later kernel.
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

/// How long to wait for a kernel that writes.
const LOCK_TIME: Duration = Duration::from_secs(5);
/// How many inputs the file keeps, and how many bytes of them.
const MOST_INPUTS: i64 = 20_000;
const MOST_BYTES: i64 = 32 << 20;
/// Longer texts are data rather than something to look up; they are not kept.
const LONGEST: usize = 1 << 20;
/// How many entries `tail` gives where the client names no number.
const TAIL: usize = 10;

/// An input of some session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) session: i64,
    pub(super) number: u32,
    pub(super) source: String,
    pub(super) output: Option<String>,
}

/// What is to be written.
#[derive(Debug)]
enum Change {
    Input { number: u32, source: String },
    Output { number: u32, output: String },
}

/// An open database, and the session in it.
pub(super) struct Database {
    connection: Connection,
    /// Begins with the first input.
    session: Option<i64>,
    /// What could not be written yet.
    unwritten: Vec<Change>,
}

impl Database {
    /// Opens the file, and makes it if there is none. Without a usable file the history is kept in memory.
    ///
    /// # Panics
    /// When SQLite has no memory left for an empty database.
    pub(super) fn open(file: Option<&Path>) -> Self {
        let opened = file.map(|file| (file, open(file)));
        let connection = match opened {
            Some((_, Ok(connection))) => connection,
            Some((file, Err(error))) => {
                warn!("history ends with the kernel: cannot use {}: {error}", file.display());
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

    /// Keeps an input of this session.
    pub(super) fn add(&mut self, number: u32, source: String) {
        if source.len() <= LONGEST {
            self.unwritten.push(Change::Input { number, source });
            self.write();
        }
    }

    /// Keeps the result of an input of this session.
    pub(super) fn add_output(&mut self, number: u32, output: String) {
        if output.len() <= LONGEST {
            self.unwritten.push(Change::Output { number, output });
            self.write();
        }
    }

    fn write(&mut self) {
        match self.try_write() {
            Ok(()) => self.unwritten.clear(),
            Err(error) => warn!("cannot write to the history, and try again with the next cell: {error}"),
        }
    }

    fn try_write(&mut self) -> Result<(), Error> {
        // At once for writing: what reads first may find that another kernel has written meanwhile.
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

    /// What a client asks for, in the order in which it was run, whatever the session.
    pub(super) fn find(&self, access: &HistoryAccess) -> Vec<Entry> {
        self.try_find(access).unwrap_or_else(|error| {
            warn!("cannot read the history: {error}");
            Vec::new()
        })
    }

    fn try_find(&self, access: &HistoryAccess) -> Result<Vec<Entry>, Error> {
        match access {
            HistoryAccess::Tail { n } => self.last("FROM input", params![], n.or(Some(TAIL))),
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

    /// A session's id: 0 is this one, -1 the one before it.
    fn resolve(&self, session: i64) -> Result<i64, Error> {
        if session > 0 {
            return Ok(session);
        }
        let this = match self.session {
            Some(this) => this,
            // The next to begin.
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

/// As SQLite counts.
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

/// Why a file cannot be used.
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
    // What somebody has typed is nobody else's business. SQLite itself would let others read.
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
    // Another kernel may have made them meanwhile.
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

/// A new session. The oldest inputs make room for it.
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
        [MOST_INPUTS, MOST_BYTES],
    )?;
    let with_inputs = "DELETE FROM session WHERE id < ? AND id NOT IN (SELECT session FROM input)";
    transaction.execute(with_inputs, [session])?;
    Ok(session)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{fs, os::unix::fs::PermissionsExt, path::PathBuf, thread};

    struct World {
        _directory: tempfile::TempDir,
        file: PathBuf,
    }

    impl World {
        fn new() -> Self {
            let directory = tempfile::tempdir().unwrap();
            let file = directory.path().join("new/history.sqlite");
            World {
                _directory: directory,
                file,
            }
        }

        /// A session that has run these inputs.
        fn session(&self, inputs: &[&str]) -> Database {
            let mut database = Database::open(Some(&self.file));
            for (number, input) in (1..).zip(inputs) {
                database.add(number, (*input).to_owned());
            }
            database
        }
    }

    fn tail(database: &Database) -> Vec<String> {
        sources(database.find(&HistoryAccess::Tail { n: None }))
    }

    fn range(database: &Database, session: i64, start: usize, stop: Option<usize>) -> Vec<String> {
        sources(database.find(&HistoryAccess::Range {
            session: Some(session),
            start,
            stop,
        }))
    }

    fn search(database: &Database, pattern: &str, n: Option<usize>, unique: bool) -> Vec<String> {
        let pattern = pattern.to_owned();
        sources(database.find(&HistoryAccess::Search { pattern, n, unique }))
    }

    fn sources(entries: Vec<Entry>) -> Vec<String> {
        entries.into_iter().map(|entry| entry.source).collect()
    }

    #[test]
    fn the_tail_reaches_into_earlier_sessions() {
        let world = World::new();
        drop(world.session(&["let a = 1;", "a + 1"]));
        let database = world.session(&["let b = 2;"]);
        assert_eq!(tail(&database), ["let a = 1;", "a + 1", "let b = 2;"]);
        let last = database.find(&HistoryAccess::Tail { n: Some(1) });
        assert_eq!((last[0].session, last[0].number), (2, 1));
        assert_eq!(tail(&world.session(&[])), ["let a = 1;", "a + 1", "let b = 2;"]);
    }

    #[test]
    fn ranges() {
        let world = World::new();
        drop(world.session(&["a", "b", "c"]));
        let database = world.session(&["d", "e"]);
        assert_eq!(range(&database, 0, 1, None), ["d", "e"]);
        assert_eq!(range(&database, -1, 2, Some(4)), ["b", "c"]);
        assert_eq!(range(&database, 1, 0, Some(2)), ["a"]);
        assert_eq!(range(&database, 2, 2, None), ["e"]);
        assert!(range(&database, -2, 0, None).is_empty() && range(&database, 7, 0, None).is_empty());
        let fresh = world.session(&[]);
        assert!(range(&fresh, 0, 0, None).is_empty());
        assert_eq!(range(&fresh, -1, 0, None), ["d", "e"]);
    }

    #[test]
    fn searches() {
        let world = World::new();
        drop(world.session(&["let a = 1;", "a + 1", "let b = [2];"]));
        let database = world.session(&["a + 1", "a + 2"]);
        assert_eq!(search(&database, "let*", None, false), ["let a = 1;", "let b = [2];"]);
        assert_eq!(search(&database, "a + ?", None, false), ["a + 1", "a + 1", "a + 2"]);
        assert_eq!(search(&database, "a*", None, true), ["a + 1", "a + 2"]);
        assert_eq!(search(&database, "a*", Some(1), true), ["a + 2"]);
        assert_eq!(search(&database, "", Some(2), false), ["a + 1", "a + 2"]);
        assert!(search(&database, "let", None, false).is_empty());
        assert!(
            search(&database, &"*".repeat(100_000), None, false).is_empty(),
            "too long for SQLite"
        );
    }

    #[test]
    fn outputs() {
        let world = World::new();
        let mut database = world.session(&["1", "2"]);
        database.add_output(2, "two".to_owned());
        let found = database.find(&HistoryAccess::Tail { n: None });
        assert_eq!(
            (found[0].output.as_deref(), found[1].output.as_deref()),
            (None, Some("two"))
        );
    }

    #[test]
    fn several_kernels_write_at_once() {
        let world = World::new();
        let inputs = ["a", "b", "c", "d", "e", "f"];
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| drop(world.session(&inputs)));
            }
        });
        let database = world.session(&[]);
        for session in 1..=8 {
            assert_eq!(range(&database, session, 0, None), inputs, "session {session}");
        }
    }

    #[test]
    fn what_a_locked_file_does_not_take_is_written_later() {
        let world = World::new();
        let mut database = world.session(&["a"]);
        database.connection.busy_timeout(Duration::ZERO).unwrap();
        let other = Connection::open(&world.file).unwrap();
        other.execute_batch("BEGIN EXCLUSIVE").unwrap();
        database.add(2, "b".to_owned());
        assert!(tail(&database).is_empty(), "cannot be read either");
        other.execute_batch("ROLLBACK").unwrap();
        database.add(3, "c".to_owned());
        assert_eq!(tail(&database), ["a", "b", "c"]);
    }

    #[test]
    fn a_broken_file_is_left_alone() {
        let world = World::new();
        fs::create_dir(world.file.parent().unwrap()).unwrap();
        let content = "no database".repeat(1000);
        fs::write(&world.file, &content).unwrap();
        assert_eq!(tail(&world.session(&["a"])), ["a"]);
        assert_eq!(fs::read_to_string(&world.file).unwrap(), content);
    }

    #[test]
    fn a_file_of_a_later_version_is_left_alone() {
        let world = World::new();
        drop(world.session(&["a"]));
        let later = Connection::open(&world.file).unwrap();
        later.pragma_update(None, "user_version", VERSION + 1).unwrap();
        assert_eq!(tail(&world.session(&["b"])), ["b"]);
    }

    #[test]
    fn the_file_does_not_grow_without_bound() {
        let world = World::new();
        let mut database = world.session(&[]);
        let long = "x".repeat(LONGEST);
        for number in 1..=40 {
            database.add(number, format!("{number}{}", &long[10..]));
        }
        database.add(41, long + "x");
        assert_eq!(
            range(&database, 0, 0, None).len(),
            40,
            "a text that is too long is not kept"
        );
        let next = world.session(&["a"]);
        let kept = range(&next, 1, 0, None);
        assert!((25..=32).contains(&kept.len()), "{}", kept.len());
        assert!(kept[kept.len() - 1].starts_with("40"), "the oldest go");
    }

    #[test]
    fn nobody_else_may_read_it() {
        let world = World::new();
        drop(world.session(&["a"]));
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&world.file), mode(world.file.parent().unwrap())), (0o600, 0o700));
    }
}
