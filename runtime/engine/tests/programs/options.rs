//! Options on the attribute, on the type and on a call: which of them win, and which are refused.

use crate::{
    scenario,
    world::{Scenario, scratch},
};
use mosaic::{FailureKind, prelude::*};
use std::{
    fs::{self, OpenOptions},
    io::Write,
};

pub(crate) fn scenarios() -> Vec<Scenario> {
    vec![
        scenario!(panics_are_retried, |ended| {
            assert_eq!(ended.code, Some(0));
            // Each attempt of the constructor prints a line, and the output of earlier attempts is kept.
            assert_eq!(
                ended.stdout.matches("WORKER:0:0      trying\n").count(),
                3,
                "{}",
                ended.stdout
            );
            assert!(
                ended.stderr.contains("attempt 2 of 3 panicked: too early, at "),
                "{}",
                ended.stderr
            );
        }),
        scenario!(the_last_attempt_is_reported),
        scenario!(only_panics_are_retried),
        scenario!(a_tessera_lives_where_it_is_told_to),
        scenario!(the_tesserae_of_an_array_have_its_options),
        scenario!(a_worker_that_is_unknown_or_wrong_is_refused),
    ]
}

async fn on(workers: usize) {
    mosaic::interactive(On).num_workers(workers).await.unwrap();
}

/// Adds a line to a file, and returns the number of its lines.
fn count(path: &str) -> usize {
    let mut file = OpenOptions::new().create(true).append(true).open(path).unwrap();
    file.write_all(b"x\n").unwrap();
    fs::read_to_string(path).unwrap().lines().count()
}

/// A tessera whose constructor and methods panic until they were tried often enough.
#[tessera]
struct Persistent;

#[tessera(max_retries = 2)]
impl Persistent {
    fn new(path: &str, needed: usize) -> Self {
        println!("trying");
        assert!(count(path) >= needed, "too early");
        Persistent
    }

    fn attempt(&mut self, path: &str, needed: usize) -> usize {
        let attempts = count(path);
        assert!(attempts >= needed, "too early");
        attempts
    }

    fn unencodable(&self, path: &str) -> Stubborn {
        count(path);
        Stubborn
    }

    fn worker(&self) -> u32 {
        std::process::id()
    }
}

#[derive(serde::Deserialize)]
struct Stubborn;

impl serde::Serialize for Stubborn {
    fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("too stubborn"))
    }
}

async fn panics_are_retried() {
    on(1).await;
    let (made, called) = (scratch("made"), scratch("called"));
    let persistent = Persistent::remote(&made, 3).await.unwrap();
    assert_eq!(persistent.attempt(&called, 3).result().await.unwrap(), 3);
}

async fn the_last_attempt_is_reported() {
    on(1).await;
    let (made, called, again) = (scratch("made"), scratch("called"), scratch("again"));
    let error = Persistent::remote(&made, 9).await.unwrap_err();
    assert_eq!((error.kind(), error.attempts()), (FailureKind::Panicked, 3));
    let sentence = "constructor of `Persistent` panicked on worker:0:0 after 3 attempts: too early, at ";
    assert!(error.to_string().starts_with(sentence), "{error}");
    let persistent = Persistent::with(Options::new().max_retries(1))
        .remote(&again, 2)
        .await
        .unwrap();
    // The options of a tessera apply to its calls, too. The options of a call win.
    let error = persistent.attempt(&called, 9).await.unwrap_err();
    assert_eq!(error.attempts(), 2);
    let once = persistent.with(Options::new().max_retries(0));
    assert_eq!(once.attempt(&called, 9).await.unwrap_err().attempts(), 1);
    assert_eq!(fs::read_to_string(called).unwrap().lines().count(), 3);
}

async fn only_panics_are_retried() {
    on(1).await;
    let (made, called) = (scratch("made"), scratch("called"));
    let persistent = Persistent::remote(&made, 0);
    let error = persistent.unencodable(&called).await.unwrap_err();
    assert_eq!((error.kind(), error.attempts()), (FailureKind::NotPortable, 1));
    assert_eq!(fs::read_to_string(called).unwrap().lines().count(), 1);
}

async fn a_tessera_lives_where_it_is_told_to() {
    on(2).await;
    let path = scratch("made");
    let chosen = Persistent::with(Options::new().worker("worker:0:1"));
    let (a, b) = (chosen.remote(&path, 0), chosen.remote(&path, 0));
    let pid = a.worker().result().await.unwrap();
    assert_eq!(b.worker().result().await.unwrap(), pid);
    let described = a.await.unwrap().to_string();
    assert!(described.contains("runtime=worker:0:1"), "{described}");
    // The turns of the workers did not change.
    assert_ne!(Persistent::remote(&path, 0).worker().result().await.unwrap(), pid);
}

async fn the_tesserae_of_an_array_have_its_options() {
    on(2).await;
    let (made, called) = (scratch("made"), scratch("called"));
    let options = Options::new().worker("worker:0:1").max_retries(3);
    let array = Persistent::with(options).remote_array(2, &made, 3).await.unwrap();
    assert_eq!(array.workers(), ["worker:0:1"]);
    let error = array[1].attempt(&called, 9).await.unwrap_err();
    assert_eq!(error.attempts(), 4);
    let nowhere = Persistent::with(Options::new().worker("worker:7:7")).remote_array(2, &made, 0);
    let error = nowhere.await.unwrap_err();
    assert!(
        error.message().starts_with("there is no worker `worker:7:7`"),
        "{error}"
    );
    // Without other options, the attribute's options apply.
    let error = Persistent::remote_array(2, scratch("never"), 99).await.unwrap_err();
    assert_eq!(error.attempts(), 3);
}

async fn a_worker_that_is_unknown_or_wrong_is_refused() {
    on(2).await;
    let path = scratch("made");
    let nowhere = Persistent::with(Options::new().worker("worker:7:7")).remote(&path, 0);
    let call = nowhere.worker();
    let error = nowhere.await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "constructor of `Persistent` failed: there is no worker `worker:7:7`: the workers are worker:0:0, worker:0:1"
    );
    assert_eq!(call.await.unwrap_err().kind(), FailureKind::DependencyFailed);
    let here = Persistent::with(Options::new().worker("worker:0:0")).remote(&path, 0);
    let error = here
        .with(Options::new().worker("worker:0:1"))
        .worker()
        .await
        .unwrap_err();
    assert!(
        error.message().contains("lives on worker:0:0, where its calls run"),
        "{error}"
    );
    assert!(here.with(Options::new().worker("worker:0:0")).worker().await.is_ok());
}
