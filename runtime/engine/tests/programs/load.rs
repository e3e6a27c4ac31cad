//! The load of workers: what they do and use, and how many methods run at once.

use crate::{
    scenario,
    tesserae::Counter,
    world::{LIBRARIES, Scenario, example, meeting_point, scratch},
};
use mosaic::{Activity, Gpu, Worker, prelude::*};
use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

pub(crate) fn scenarios() -> Vec<Scenario> {
    vec![
        scenario!(workers_say_what_they_do_and_use),
        scenario!(gpus_are_known_if_their_library_is_found),
        scenario!(as_many_methods_run_at_once_as_there_are_threads),
        scenario!(libraries_are_told_their_number_of_threads),
        scenario!(one_method_runs_at_a_time_if_memory_is_short, |ended| {
            assert_eq!(ended.code, Some(0));
            assert_eq!(ended.stderr.matches("memory is short").count(), 1, "{}", ended.stderr);
        }),
        scenario!(a_worker_that_is_stopped_goes_on_later),
        scenario!(settings_that_make_no_sense_are_refused),
    ]
}

/// Waits until the workers are as expected, and returns them. Workers report their load a tenth of a second late.
async fn workers(expected: impl Fn(&[Worker]) -> bool) -> Vec<Worker> {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let workers = mosaic::workers().await.unwrap().to_vec();
        if expected(&workers) {
            return workers;
        }
        assert!(Instant::now() < deadline, "{workers:#?}");
    }
}

async fn workers_say_what_they_do_and_use() {
    assert!(mosaic::workers().await.unwrap().is_empty());
    mosaic::interactive(On).num_workers(2).await.unwrap();
    let (a, b) = (Counter::remote(1), Counter::remote(2));
    let pid = a.pid().result().await.unwrap();
    let door = meeting_point("door");
    let held = a.meet_reading(&door);
    let activities = |workers: &[Worker]| (workers[0].activity, workers[1].activity);
    let found = workers(|workers| activities(workers) == (Activity::Busy, Activity::Idle)).await;
    assert_eq!((found[0].running, found[1].running), (1, 0));
    assert_eq!((found[0].uid.as_str(), found[0].pid), ("worker:0:0", pid));
    assert_eq!(found[1].uid, "worker:0:1");
    assert_eq!((found[0].tesserae, found[1].tesserae), (1, 1));
    for worker in &found {
        assert!(
            0 < worker.proportional && worker.proportional <= worker.resident,
            "{worker:?}"
        );
    }
    let memory = mosaic::workers().await.unwrap();
    if fs::metadata("/proc/driver/nvidia").is_err() {
        assert!(memory.gpus().is_empty() && found.iter().all(|worker| worker.gpu_memory == 0));
        let status = mosaic::status().await.unwrap().to_string();
        assert!(!status.to_lowercase().contains("gpu"), "{status}");
    }
    assert!(0 < memory.memory_used() && memory.memory_used() < memory.memory_total());
    fs::OpenOptions::new().write(true).open(door).unwrap();
    held.await.unwrap();
    drop((a, b));
    workers(|workers| workers.iter().all(|worker| worker.running == 0 && worker.tesserae == 0)).await;
}

async fn gpus_are_known_if_their_library_is_found() {
    fs::copy(example("gpus"), scratch(LIBRARIES) + "/libnvidia-ml.so.1").unwrap();
    mosaic::interactive(On).num_workers(2).await.unwrap();
    let pid = Counter::remote(1).pid().result().await.unwrap();
    fs::write(scratch("pid"), pid.to_string()).unwrap();
    let workers = mosaic::workers().await.unwrap();
    let made_up = Gpu {
        number: 1,
        name: "Made <Up>".to_owned(),
        load: 0.35,
        memory_total: 16 << 30,
        memory_used: 3 << 30,
    };
    // The first GPU is broken.
    assert_eq!(workers.gpus(), [&made_up]);
    let of_workers = workers.iter().map(|worker| worker.gpu_memory);
    assert_eq!(of_workers.collect::<Vec<u64>>(), [2 << 30, 0]);
    let status = mosaic::status().await.unwrap().to_string();
    assert!(
        status.contains("gpu:1: Made <Up>, 35 % busy, 3072 of 16384 MB in use"),
        "{status}"
    );
}

async fn as_many_methods_run_at_once_as_there_are_threads() {
    mosaic::interactive(On).num_workers(1).num_threads(2).await.unwrap();
    let counters = [1, 2, 3].map(Counter::remote);
    for counter in &counters {
        counter.await.unwrap();
    }
    let (door, marks) = (meeting_point("door"), scratch("marks"));
    let held = [counters[0].meet_reading(&door), counters[1].meet_reading(&door)];
    let waiting = counters[2].mark(&marks, "x");
    workers(|workers| (workers[0].running, workers[0].waiting) == (2, 1)).await;
    assert!(!Path::new(&marks).exists());
    fs::OpenOptions::new().write(true).open(door).unwrap();
    for held in held {
        held.await.unwrap();
    }
    waiting.await.unwrap();
    assert_eq!(fs::read_to_string(marks).unwrap(), "x");
}

async fn libraries_are_told_their_number_of_threads() {
    mosaic::interactive(On).num_workers(1).num_threads(3).await.unwrap();
    let counter = Counter::remote(1);
    for name in ["OMP_NUM_THREADS", "RAYON_NUM_THREADS"] {
        assert_eq!(counter.variable(name).result().await.unwrap().as_deref(), Some("3"));
    }
    mosaic::interactive(Off).await.unwrap();
    let cpus = std::thread::available_parallelism().unwrap().get();
    mosaic::interactive(On).num_workers(2).await.unwrap();
    let threads = Counter::remote(1).variable("OMP_NUM_THREADS").result().await.unwrap();
    assert_eq!(threads, Some((cpus / 2).max(1).to_string()));
}

async fn one_method_runs_at_a_time_if_memory_is_short() {
    // Every machine uses more memory than this.
    mosaic::interactive(On).num_workers(2).memory_limit(1e-9).await.unwrap();
    let (a, b) = (Counter::remote(1), Counter::remote(2));
    (&a).await.unwrap();
    (&b).await.unwrap();
    let (door, marks) = (meeting_point("door"), scratch("marks"));
    let first = a.meet_reading(&door);
    workers(|workers| workers[0].running == 1).await;
    let second = b.mark(&marks, "x");
    workers(|workers| workers[1].activity == Activity::ShortOfMemory).await;
    assert!(!Path::new(&marks).exists());
    fs::OpenOptions::new().write(true).open(door).unwrap();
    first.await.unwrap();
    second.await.unwrap();
    assert_eq!(fs::read_to_string(marks).unwrap(), "x");
    // A method that waits for one that may not begin holds everything up only for a while.
    let door = meeting_point("other");
    let (reading, writing) = (a.meet_reading(&door), b.meet_writing(&door));
    reading.await.unwrap();
    writing.await.unwrap();
}

async fn a_worker_that_is_stopped_goes_on_later() {
    mosaic::interactive(On).num_workers(1).await.unwrap();
    let counter = Counter::remote(1);
    let pid = counter.pid().result().await.unwrap();
    let pid = rustix::process::Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    let signal = |signal| rustix::process::kill_process(pid, signal).unwrap();
    signal(rustix::process::Signal::STOP);
    workers(|workers| workers[0].activity == Activity::Stopped).await;
    let task = counter.add(1);
    signal(rustix::process::Signal::CONT);
    assert_eq!(task.result().await.unwrap(), 2);
    signal(rustix::process::Signal::STOP);
    workers(|workers| workers[0].activity == Activity::Stopped).await;
    // A stopped worker cannot be asked to end, and is killed.
    mosaic::interactive(Off).await.unwrap();
}

async fn settings_that_make_no_sense_are_refused() {
    for (refused, reason) in [
        (
            mosaic::interactive(On).num_workers(usize::MAX),
            "num_workers(18446744073709551615): one machine runs at most 1024 workers",
        ),
        (
            mosaic::interactive(On).num_workers(100_000),
            "num_workers(100000): one machine runs at most 1024 workers",
        ),
        (
            mosaic::interactive(On).num_threads(0),
            "num_threads(0): a worker has at least one thread and at most 4096",
        ),
        (
            mosaic::interactive(On).num_threads(usize::MAX),
            "num_threads(18446744073709551615): a worker has at least one thread and at most 4096",
        ),
        (mosaic::interactive(On).spill_above(f64::NAN), "spill_above(NaN)"),
        (mosaic::interactive(On).spill_above(1e300), "spill_above(1000000"),
        (mosaic::interactive(On).in_flight_limit(-1.0), "in_flight_limit(-1)"),
        (mosaic::interactive(On).memory_limit(0.0), "memory_limit(0)"),
        (mosaic::interactive(On).memory_limit(f64::NAN), "memory_limit(NaN)"),
    ] {
        let error = refused.await.unwrap_err();
        assert!(error.to_string().contains(reason), "{error}");
    }
    mosaic::interactive(On).num_workers(1).memory_limit(1.0).await.unwrap();
    let too_many = std::panic::catch_unwind(|| Counter::remote_array(usize::MAX, 1)).unwrap_err();
    let message = too_many.downcast::<String>().unwrap();
    assert_eq!(
        *message,
        "remote_array(18446744073709551615, …): an array has at most 1048576 tesserae"
    );
    assert_eq!(Counter::remote(1).add(1).result().await.unwrap(), 2);
}
