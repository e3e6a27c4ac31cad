//! A caller that outruns its workers.

use crate::{
    scenario,
    tesserae::Counter,
    world::{Scenario, meeting_point, until},
};
use mosaic::prelude::*;
use std::{
    fs::OpenOptions,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread::{self, JoinHandle},
};

/// Of any machine's memory, room for some tasks, and for fewer than [`MANY`].
const LITTLE: f64 = 1e-6;
const MANY: usize = 5_000;

pub(crate) fn scenarios() -> Vec<Scenario> {
    vec![
        scenario!(calls_beyond_what_may_be_in_flight_wait_until_some_have_ended, |ended| {
            assert_eq!(ended.code, Some(0));
            assert_eq!(ended.stderr.matches("calls wait until some have ended").count(), 1);
        }),
        scenario!(large_arguments_count_as_what_they_are, |ended| {
            assert_eq!(ended.code, Some(0));
            assert!(ended.stderr.contains("calls wait until some have ended"));
        }),
        scenario!(a_method_is_refused_instead),
        scenario!(whoever_waits_goes_on_when_the_runtime_stops),
        scenario!(there_is_no_limit_of_nothing),
    ]
}

async fn on() {
    let on = mosaic::interactive(On).num_workers(2).in_flight_limit(LITTLE);
    on.await.unwrap();
}

/// Submits calls on a thread of its own, and counts them.
fn submit(call: impl Fn() -> TaskProxy<u64> + Send + 'static) -> (JoinHandle<Vec<TaskProxy<u64>>>, Arc<AtomicUsize>) {
    let submitted = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&submitted);
    let counted = move |_| {
        let task = call();
        count.fetch_add(1, Ordering::Relaxed);
        task
    };
    (thread::spawn(move || (0..MANY).map(counted).collect()), submitted)
}

async fn calls_beyond_what_may_be_in_flight_wait_until_some_have_ended() {
    on().await;
    let (counter, door) = (Counter::remote(0), meeting_point("door"));
    let held = counter.meet_writing(&door);
    let (submitter, submitted) = submit(move || counter.add(1));
    until(|| submitted.load(Ordering::Relaxed) > 8);
    OpenOptions::new().read(true).open(&door).unwrap();
    held.await.unwrap();
    let tasks = submitter.join().unwrap();
    assert_eq!(tasks[MANY - 1].result().await.unwrap(), MANY as u64);
}

async fn large_arguments_count_as_what_they_are() {
    on().await;
    let (counter, bytes) = (Counter::remote(0), vec![1_u8; 8 << 20]);
    let tasks: Vec<_> = (0..8).map(|_| counter.sum(&bytes)).collect();
    for task in tasks {
        assert_eq!(task.result().await.unwrap(), 8 << 20);
    }
}

async fn a_method_is_refused_instead() {
    on().await;
    let (counter, door) = (Counter::remote(0).await.unwrap(), meeting_point("door"));
    let held = counter.meet_writing(&door);
    let many = |uid: String| async move {
        let counter = Counter::attach(&uid).await.unwrap();
        let tasks: Vec<_> = (0..MANY).map(|_| counter.add(1)).collect();
        // The last one was not even sent.
        (&tasks[MANY - 1]).await.unwrap_err().message().to_owned()
    };
    let message = mosaic::spawn_async(many, (counter.uid(),)).result().await.unwrap();
    assert!(
        message.contains("await some before the method submits more"),
        "{message}"
    );
    OpenOptions::new().read(true).open(&door).unwrap();
    held.await.unwrap();
}

async fn whoever_waits_goes_on_when_the_runtime_stops() {
    on().await;
    let (counter, door) = (Counter::remote(0), meeting_point("door"));
    let _held = counter.meet_writing(&door);
    let (submitter, submitted) = submit(move || counter.add(1));
    until(|| submitted.load(Ordering::Relaxed) > 8);
    mosaic::interactive(Off).await.unwrap();
    let tasks = submitter.join().unwrap();
    assert_eq!(
        (&tasks[MANY - 1]).await.unwrap_err().kind(),
        mosaic::FailureKind::NotRunning
    );
}

async fn there_is_no_limit_of_nothing() {
    for part in [0.0, -1.0, f64::NAN] {
        let error = mosaic::interactive(On).in_flight_limit(part).await.unwrap_err();
        assert!(error.to_string().contains("such as 0.25"), "{error}");
    }
}
