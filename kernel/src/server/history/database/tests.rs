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

    /// Runs a session with these inputs.
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
    let long = "x".repeat(MAX_TEXT_BYTES);
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
