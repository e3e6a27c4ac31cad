//! Cancelled tasks, and time limits.

use crate::{
    scenario,
    tesserae::Counter,
    world::{Scenario, meeting_point, scratch},
};
use mosaic::{FailureKind, State, prelude::*};
use std::{
    fs::{self, File, OpenOptions},
    path::Path,
    thread,
    time::Duration,
};

pub(crate) fn scenarios() -> Vec<Scenario> {
    vec![
        scenario!(a_cancelled_task_that_has_not_begun_never_runs),
        scenario!(a_running_method_learns_that_it_is_cancelled),
        scenario!(an_async_method_is_dropped_where_it_waits),
        scenario!(a_function_is_cancelled),
        scenario!(a_wait_may_be_limited),
        scenario!(a_task_may_be_limited),
    ]
}

async fn on(workers: usize) {
    mosaic::interactive(On).num_workers(workers).await.unwrap();
}

/// Opens a door, and then works until it is cancelled.
fn work(door: String) -> u64 {
    OpenOptions::new().write(true).open(door).unwrap();
    let mut steps = 0;
    while !mosaic::cancelled() {
        thread::sleep(Duration::from_millis(1));
        steps += 1;
    }
    steps
}

#[tessera]
struct Worker;

#[tessera]
impl Worker {
    fn new() -> Self {
        Worker
    }

    fn work(&self, door: String) -> u64 {
        work(door)
    }

    async fn wait(&self, door: String, dropped: String) {
        struct Mark(String);
        impl Drop for Mark {
            fn drop(&mut self) {
                fs::write(&self.0, "").unwrap();
            }
        }
        let _mark = Mark(dropped);
        OpenOptions::new().write(true).open(door).unwrap();
        std::future::pending::<()>().await;
    }

    fn cancelled(&self) -> bool {
        mosaic::cancelled()
    }
}

async fn a_cancelled_task_that_has_not_begun_never_runs() {
    on(2).await;
    let (a, b) = (Counter::remote(1).await.unwrap(), Counter::remote(10).await.unwrap());
    let (door, marks) = (meeting_point("door"), scratch("marks"));
    let held = a.meet_writing(&door);
    let unwanted = a.mark(&marks, "x");
    let (needs, after) = (b.add(&unwanted), b.after(&unwanted).add(1));
    let wanted = a.add(1);
    unwanted.cancel();
    let error = (&unwanted).await.unwrap_err();
    assert_eq!((error.kind(), error.method()), (FailureKind::Cancelled, "mark"));
    assert!(
        error
            .to_string()
            .starts_with("method `mark` of `Counter` was cancelled on worker:0:0: "),
        "{error}"
    );
    for error in [needs.await.unwrap_err(), after.await.unwrap_err()] {
        assert_eq!(error.kind(), FailureKind::DependencyFailed);
        assert!(error.message().contains("`cancel` was called"), "{error}");
    }
    // All of this happened while the first call runs.
    assert_ne!(held.state(), State::Done);
    File::open(door).unwrap();
    assert_eq!(wanted.result().await.unwrap(), 2);
    assert!(!Path::new(&marks).exists());
    // A task that has ended cannot be cancelled.
    held.cancel();
    assert_eq!(held.result().await.unwrap(), 1);
}

async fn a_running_method_learns_that_it_is_cancelled() {
    on(1).await;
    let (worker, door) = (Worker::remote(), meeting_point("door"));
    let task = worker.work(&door);
    File::open(&door).unwrap();
    task.cancel();
    task.result().await.unwrap();
    assert!(!worker.cancelled().result().await.unwrap());
    assert!(!mosaic::cancelled());
}

async fn an_async_method_is_dropped_where_it_waits() {
    on(1).await;
    let (worker, door, dropped) = (Worker::remote(), meeting_point("door"), scratch("dropped"));
    let task = worker.wait(&door, &dropped);
    File::open(&door).unwrap();
    task.cancel();
    assert_eq!(task.await.unwrap_err().kind(), FailureKind::Cancelled);
    assert!(Path::new(&dropped).exists());
    assert!(!worker.cancelled().result().await.unwrap());
}

async fn a_function_is_cancelled() {
    on(1).await;
    let (door, marks) = (meeting_point("door"), scratch("marks"));
    let task = mosaic::spawn(work, (&door,));
    let unwanted = mosaic::after(&task).spawn(|path: String| fs::write(path, "").unwrap(), (&marks,));
    File::open(&door).unwrap();
    unwanted.cancel();
    let error = unwanted.await.unwrap_err();
    assert!(
        error.to_string().starts_with("function `closure` was cancelled"),
        "{error}"
    );
    task.cancel();
    task.await.unwrap();
    assert!(!Path::new(&marks).exists());
}

async fn a_wait_may_be_limited() {
    on(1).await;
    let (counter, door) = (Counter::remote(1), meeting_point("door"));
    let task = counter.meet_writing(&door);
    let soon = Duration::from_millis(5);
    let error = task.timeout(soon).await.unwrap_err();
    assert_eq!(error.kind(), FailureKind::TimedOut);
    let sentence =
        "method `meet_writing` of `Counter` timed out on worker:0:0: it had not ended after 5ms, and goes on";
    assert_eq!(error.to_string(), sentence);
    assert_eq!(
        task.result().timeout(soon).await.unwrap_err().kind(),
        FailureKind::TimedOut
    );
    let late = Counter::remote(&task).into_future().timeout(soon).await;
    assert_eq!(late.unwrap_err().kind(), FailureKind::TimedOut);
    File::open(door).unwrap();
    assert_eq!(task.result().timeout(Duration::from_secs(60)).await.unwrap(), 1);
}

async fn a_task_may_be_limited() {
    on(1).await;
    let (worker, door) = (Worker::remote(), meeting_point("door"));
    // Open at both ends, so that nobody waits there, whether the time is over before or after the method begins.
    let _door = OpenOptions::new().read(true).write(true).open(&door).unwrap();
    let limited = worker.with(Options::new().timeout(Duration::from_millis(50)));
    let (runs, queued) = (limited.work(&door), limited.cancelled());
    let error = runs.await.unwrap_err();
    assert_eq!(error.kind(), FailureKind::TimedOut);
    assert!(
        error.message().contains("it had not ended 50ms after it was submitted"),
        "{error}"
    );
    // The method ended because it was cancelled, and the tessera goes on.
    assert!(!worker.cancelled().result().await.unwrap());
    let _ = queued.await;
}
