//! The limit of what is in flight: callers that submit faster than workers execute.

use crate::{
    scenario,
    tesserae::Counter,
    world::{Scenario, meeting_point, until},
};
use mosaic::{FailureKind, prelude::*};
use std::{
    fs::{self, OpenOptions},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread::{self, JoinHandle},
};

/// A limit for some tasks, but fewer than [`MANY`], in bytes.
const LITTLE: f64 = 32e3;
const MANY: usize = 5_000;

type Submitter = JoinHandle<Vec<TaskProxy<u64>>>;

pub(crate) fn scenarios() -> Vec<Scenario> {
    vec![
        scenario!(calls_beyond_the_limit_wait_until_some_have_ended, |ended| {
            assert_eq!(ended.code, Some(0));
            assert_eq!(ended.stderr.matches("calls wait until some have ended").count(), 1);
        }),
        scenario!(large_arguments_count_with_their_size),
        scenario!(a_method_is_refused_instead_of_blocked),
        scenario!(local_methods_go_on_while_the_cell_waits),
        scenario!(threads_of_local_methods_do_not_wait),
        scenario!(a_blocked_caller_goes_on_when_the_runtime_stops),
        scenario!(a_limit_of_nothing_is_refused),
    ]
}

async fn on() {
    let memory = fs::read_to_string("/proc/meminfo").unwrap();
    let total = memory.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() * 1024.0;
    let on = mosaic::interactive(On).num_workers(2).in_flight_limit(LITTLE / total);
    on.await.unwrap();
}

/// Waits until `at_least` calls are submitted and the caller blocks, before `fewer_than` calls are submitted.
fn until_it_waits(submitted: &AtomicUsize, at_least: usize, fewer_than: usize) {
    let (before, same) = (AtomicUsize::new(0), AtomicUsize::new(0));
    until(|| {
        let now = submitted.load(Ordering::Relaxed);
        match now >= at_least && before.swap(now, Ordering::Relaxed) == now {
            true => same.fetch_add(1, Ordering::Relaxed) > 20,
            false => {
                same.store(0, Ordering::Relaxed);
                false
            }
        }
    });
    assert!(submitted.load(Ordering::Relaxed) < fewer_than, "nobody waited");
}

/// Submits calls on a thread of its own, and counts them.
fn submit(count: usize, call: impl Fn() -> TaskProxy<u64> + Send + 'static) -> (Submitter, Arc<AtomicUsize>) {
    let submitted = Arc::new(AtomicUsize::new(0));
    let so_far = Arc::clone(&submitted);
    let counted = move |_| {
        let task = call();
        so_far.fetch_add(1, Ordering::Relaxed);
        task
    };
    (thread::spawn(move || (0..count).map(counted).collect()), submitted)
}

async fn calls_beyond_the_limit_wait_until_some_have_ended() {
    on().await;
    let (counter, door) = (Counter::remote(0), meeting_point("door"));
    let held = counter.meet_writing(&door);
    let (submitter, submitted) = submit(MANY, move || counter.add(1));
    until_it_waits(&submitted, 9, MANY);
    OpenOptions::new().read(true).open(&door).unwrap();
    held.await.unwrap();
    let tasks = submitter.join().unwrap();
    assert_eq!(tasks[MANY - 1].result().await.unwrap(), MANY as u64);
}

async fn large_arguments_count_with_their_size() {
    on().await;
    let (counter, door, bytes) = (Counter::remote(0), meeting_point("door"), vec![1_u8; 1 << 20]);
    let held = counter.meet_writing(&door);
    // One call is larger than the limit, and the second one is beyond it.
    let (submitter, submitted) = submit(8, move || counter.sum(&bytes));
    until_it_waits(&submitted, 1, 2);
    OpenOptions::new().read(true).open(&door).unwrap();
    held.await.unwrap();
    let tasks = submitter.join().unwrap();
    assert_eq!(tasks[7].result().await.unwrap(), 1 << 20);
}

async fn a_method_is_refused_instead_of_blocked() {
    on().await;
    let (counter, door) = (Counter::remote(0).await.unwrap(), meeting_point("door"));
    let held = counter.meet_writing(&door);
    let many = |uid: String| async move {
        let counter = Counter::attach(&uid).await.unwrap();
        let tasks: Vec<_> = (0..MANY).map(|_| counter.add(1)).collect();
        // The last call was not sent.
        (&tasks[MANY - 1]).await.unwrap_err().message().to_owned()
    };
    let message = mosaic::spawn_async(many, (counter.uid(),)).result().await.unwrap();
    assert!(message.contains("await some before more are submitted"), "{message}");
    OpenOptions::new().read(true).open(&door).unwrap();
    held.await.unwrap();
}

#[tessera]
struct Relay {}

#[tessera]
impl Relay {
    fn new() -> Self {
        Relay {}
    }

    async fn relay(&self, uid: &str) -> u64 {
        let counter = Counter::attach(uid).await.unwrap();
        counter.add(1).result().await.unwrap()
    }

    fn relay_by_thread(&self, uid: &str) -> usize {
        let call = || Counter::with(Options::new().worker(uid)).remote(1).uid().len();
        thread::scope(|scope| scope.spawn(call).join().unwrap())
    }

    /// Makes more tesserae than may be in flight, none of which can be constructed yet. Returns how the last ones fail.
    async fn make_many(&self, uid: &str, door: &str) -> Vec<FailureKind> {
        let held = Counter::attach(uid).await.unwrap().meet_writing(door);
        let mut counters: Vec<_> = (0..100).map(|_| Counter::remote(&held)).collect();
        let refused = counters.pop().unwrap().await.unwrap_err().kind();
        OpenOptions::new().read(true).open(door).unwrap();
        vec![refused]
    }
}

async fn local_methods_go_on_while_the_cell_waits() {
    on().await;
    let (here, counter) = (Relay::local(), Counter::remote(0).await.unwrap());
    let tasks: Vec<_> = (0..300).map(|_| here.relay(counter.uid())).collect();
    assert_eq!(tasks[299].result().await.unwrap(), 300);
}

async fn threads_of_local_methods_do_not_wait() {
    on().await;
    let here = Relay::local();
    let tasks: Vec<_> = (0..300).map(|_| here.relay_by_thread("worker:0:0")).collect();
    assert!(tasks[299].result().await.unwrap() > 0);
    // A constructor that is refused fails, and does not panic.
    let counter = Counter::remote(0).await.unwrap();
    let refused = here.make_many(counter.uid(), meeting_point("door"));
    assert_eq!(refused.result().await.unwrap(), [FailureKind::Busy]);
}

async fn a_blocked_caller_goes_on_when_the_runtime_stops() {
    on().await;
    let (counter, door) = (Counter::remote(0), meeting_point("door"));
    let _held = counter.meet_writing(&door);
    let (submitter, submitted) = submit(MANY, move || counter.add(1));
    until_it_waits(&submitted, 9, MANY);
    mosaic::interactive(Off).await.unwrap();
    let tasks = submitter.join().unwrap();
    assert_eq!((&tasks[MANY - 1]).await.unwrap_err().kind(), FailureKind::NotRunning);
}

async fn a_limit_of_nothing_is_refused() {
    for part in [0.0, -1.0, f64::NAN] {
        let error = mosaic::interactive(On).in_flight_limit(part).await.unwrap_err();
        assert!(error.to_string().contains("such as 0.25"), "{error}");
    }
}
