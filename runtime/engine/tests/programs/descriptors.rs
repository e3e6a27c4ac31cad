//! Processes that have no file descriptor left: what needs one fails, alone, and no value is mistaken for another.

use crate::{scenario, world::Scenario};
use mosaic::prelude::*;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::{fs::File, process};

/// The number of elements of an array that travels in shared memory.
const LARGE: usize = 1 << 17;
/// The largest number of files that a process of these scenarios has open.
const LIMIT: u64 = 100;

pub(crate) fn scenarios() -> Vec<Scenario> {
    vec![
        scenario!(a_worker_without_descriptors_returns_large_results),
        scenario!(a_worker_without_descriptors_loses_large_arguments_alone),
        scenario!(a_head_without_descriptors_loses_large_results_alone),
        scenario!(a_head_without_descriptors_cannot_connect_and_loses_no_worker),
        scenario!(workers_without_descriptors_pass_large_values_on_or_say_why_not),
    ]
}

/// Opens all files that this process can have, and frees `spare` descriptors.
fn exhaust(spare: usize) -> Vec<File> {
    let limit = Rlimit {
        current: Some(LIMIT),
        ..getrlimit(Resource::Nofile)
    };
    setrlimit(Resource::Nofile, limit).unwrap();
    let mut files: Vec<File> = std::iter::from_fn(|| File::open("/dev/null").ok()).collect();
    files.truncate(files.len() - spare);
    files
}

#[tessera]
struct Hoarder {
    files: Vec<File>,
}

#[tessera]
impl Hoarder {
    fn new() -> Self {
        Hoarder { files: Vec::new() }
    }

    fn pid(&self) -> u32 {
        process::id()
    }

    fn hoard(&mut self, spare: usize) {
        self.files = exhaust(spare);
    }

    fn release(&mut self) {
        self.files.clear();
    }

    fn filled(&self, value: f64, len: usize) -> Vec<f64> {
        vec![value; len]
    }

    fn total(&self, values: Vec<f64>) -> f64 {
        values.iter().sum()
    }
}

async fn on(workers: usize) {
    mosaic::interactive(On).num_workers(workers).await.unwrap();
}

/// Checks that an outcome is right, or is the failure for want of descriptors.
fn right_or_refused<T: PartialEq + std::fmt::Debug>(outcome: Result<T, TaskError>, right: &T) -> bool {
    match outcome {
        Ok(value) => {
            assert_eq!(&value, right);
            true
        }
        Err(error) => {
            let message = error.to_string();
            assert!(
                message.contains("open files") || message.contains("files open"),
                "{message}"
            );
            false
        }
    }
}

async fn a_worker_without_descriptors_returns_large_results() {
    on(1).await;
    let (hoarder, other) = (Hoarder::remote(), Hoarder::remote());
    let pid = other.pid().result().await.unwrap();
    hoarder.hoard(0).await.unwrap();
    // Far more than a socket takes at once.
    let results: Vec<_> = (0..4_u8)
        .map(|value| hoarder.filled(f64::from(value), 16 * LARGE))
        .collect();
    for (value, result) in (0_u8..).zip(results) {
        assert!(right_or_refused(
            result.result().await,
            &vec![f64::from(value); 16 * LARGE]
        ));
    }
    assert_eq!(other.pid().result().await.unwrap(), pid);
}

async fn a_worker_without_descriptors_loses_large_arguments_alone() {
    on(1).await;
    let (hoarder, other) = (Hoarder::remote(), Hoarder::remote());
    let pid = other.pid().result().await.unwrap();
    for spare in [0, 3] {
        hoarder.hoard(spare).await.unwrap();
        // All of them gather in the head, and arrive at once.
        let sums: Vec<_> = (0..8_u8)
            .map(|value| other.total(vec![f64::from(value); LARGE]))
            .collect();
        let pid_between = other.pid();
        let mut lost = 0;
        for (value, sum) in (0_u32..).zip(sums) {
            lost += u32::from(!right_or_refused(sum.result().await, &f64::from(value * LARGE as u32)));
        }
        // With some to spare, all find one in turn if they arrive one by one.
        assert!(spare > 0 || lost > 0);
        assert_eq!(pid_between.result().await.unwrap(), pid);
        hoarder.release().await.unwrap();
    }
    assert_eq!(
        other.total(vec![2.0; LARGE]).result().await.unwrap(),
        2.0 * LARGE as f64
    );
}

async fn a_head_without_descriptors_loses_large_results_alone() {
    on(1).await;
    let hoarder = Hoarder::remote();
    let pid = hoarder.pid().result().await.unwrap();
    let tasks: Vec<_> = (0..8_u8).map(|value| hoarder.filled(f64::from(value), LARGE)).collect();
    for task in &tasks {
        task.clone().await.unwrap();
    }
    for spare in [0, 3] {
        let files = exhaust(spare);
        let fetched: Vec<_> = tasks.iter().map(|task| tokio::spawn(task.clone().result())).collect();
        let mut lost = 0;
        for (value, result) in (0_u8..).zip(fetched) {
            lost += u32::from(!right_or_refused(result.await.unwrap(), &vec![f64::from(value); LARGE]));
        }
        assert!(spare > 0 || lost > 0);
        assert_eq!(hoarder.pid().result().await.unwrap(), pid);
        drop(files);
    }
    for (value, task) in (0_u8..).zip(tasks) {
        assert_eq!(task.result().await.unwrap(), vec![f64::from(value); LARGE]);
    }
}

async fn a_head_without_descriptors_cannot_connect_and_loses_no_worker() {
    on(2).await;
    let first = Hoarder::remote();
    let pid = first.pid().result().await.unwrap();
    let files = exhaust(0);
    // The head has no connection to the other worker yet.
    let second = Hoarder::remote();
    assert!(!right_or_refused(second.pid().result().await, &0));
    assert!(mosaic::tesserae().await.is_err());
    assert_eq!(first.pid().result().await.unwrap(), pid);
    drop(files);
    let third = Hoarder::remote();
    third.pid().result().await.unwrap();
    assert_eq!(mosaic::workers().await.unwrap().len(), 2);
}

async fn workers_without_descriptors_pass_large_values_on_or_say_why_not() {
    on(2).await;
    let (from, to) = (Hoarder::remote(), Hoarder::remote());
    let pids = (from.pid().result().await.unwrap(), to.pid().result().await.unwrap());
    assert_ne!(pids.0, pids.1);
    to.hoard(0).await.unwrap();
    // It has no connection to the other worker, and then one but no descriptor for the memory.
    assert!(!right_or_refused(
        to.total(from.filled(1.0, LARGE)).result().await,
        &0.0
    ));
    to.hoard(1).await.unwrap();
    right_or_refused(to.total(from.filled(1.0, LARGE)).result().await, &(LARGE as f64));
    to.release().await.unwrap();
    assert_eq!(to.total(from.filled(1.0, LARGE)).result().await.unwrap(), LARGE as f64);
    // A worker that has no descriptor left can be connected to.
    from.hoard(0).await.unwrap();
    let sum = to.total(from.filled(3.0, LARGE));
    assert_eq!(sum.result().await.unwrap(), 3.0 * LARGE as f64);
}
