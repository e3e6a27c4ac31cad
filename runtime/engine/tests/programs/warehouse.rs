//! Stored values.

use crate::{
    heads::{KILLED, die, head, note, noted},
    scenario,
    tesserae::Counter,
    world::{Scenario, is_behind_a_node, meeting_point, scratch, stored_files, stored_values, unstored_files, until},
};
use mosaic::{FailureKind, State, Stored, prelude::*};
use std::{fs, os::unix::fs::symlink, path::Path};

pub(crate) fn scenarios() -> Vec<Scenario> {
    vec![
        scenario!(a_stored_value_is_an_argument_by_reference),
        scenario!(a_stored_value_is_freed_with_its_last_reference),
        scenario!(a_dropped_value_is_gone_except_for_earlier_calls),
        scenario!(finding_a_value_says_why_it_fails),
        scenario!(values_move_to_disk_and_are_read_from_there),
        scenario!(a_disk_that_cannot_be_written_is_an_error),
        scenario!(a_disk_that_is_full_is_an_error),
        scenario!(values_that_do_not_fit_into_memory_go_to_disk),
        scenario!(stored_values_outlive_the_workers),
        scenario!(stored_values_end_with_the_runtime),
        scenario!(a_dead_head_frees_the_values_that_only_it_held),
        scenario!(functions_run_on_stored_values),
        scenario!(a_parameter_has_a_root_and_copies),
        scenario!(a_monitor_that_is_killed_leaves_no_values, |ended| assert_eq!(
            ended.signal,
            Some(9)
        )),
    ]
}

async fn on(workers: usize) {
    mosaic::interactive(On).num_workers(workers).await.unwrap();
}

/// Returns a value of this number of bytes, which differ with the seed.
pub(crate) fn bytes(size: usize, seed: usize) -> Vec<u8> {
    (0..size).map(|index| ((index + seed) % 251) as u8).collect()
}

async fn a_stored_value_is_an_argument_by_reference() {
    on(2).await;
    let value = bytes(4 << 20, 7);
    let stored = mosaic::put(&value).await.unwrap();
    assert!(stored.uid().starts_with("ware-vec-"), "{}", stored.uid());
    assert_eq!(
        format!("{stored}"),
        format!("<Stored object, uid={}, runtime=None, state=done>", stored.uid())
    );
    assert!(stored.get().await.unwrap() == value);
    stored.publish().await.unwrap();
    let (a, b) = (Counter::remote(0), Counter::remote(0));
    let sums = [a.sum(&stored), b.sum(&stored), a.sum(b.echo(&stored))];
    for sum in sums {
        assert_eq!(
            sum.result().await.unwrap(),
            value.iter().map(|byte| u64::from(*byte)).sum::<u64>()
        );
    }
    let number = mosaic::put(&40_u64).await.unwrap();
    assert_eq!(Counter::remote(&number).add(number).result().await.unwrap(), 80);
    let nothing = mosaic::put(&()).await.unwrap();
    nothing.get().await.unwrap();
    let same = Stored::<Vec<u8>>::attach(stored.uid()).await.unwrap();
    drop(stored);
    assert!(same.get().await.unwrap() == value);
}

async fn a_stored_value_is_freed_with_its_last_reference() {
    on(2).await;
    let stored = mosaic::put(&bytes(1 << 20, 1)).await.unwrap();
    let copy = stored.clone();
    let counter = Counter::remote(0);
    let door = meeting_point("door");
    let busy = counter.meet_reading(&door);
    let later = counter.sum(&stored);
    drop((stored, copy));
    // A call that has not begun needs the value.
    assert_eq!(stored_values(), 1);
    fs::OpenOptions::new().write(true).open(door).unwrap();
    busy.await.unwrap();
    later.await.unwrap();
    stored_files_become(0);
}

/// Waits until this number of values is stored.
fn stored_files_become(count: usize) {
    until(|| stored_files().len() == count);
}

async fn a_dropped_value_is_gone_except_for_earlier_calls() {
    on(2).await;
    let (stored, counter) = (mosaic::put(&bytes(1000, 1)).await.unwrap(), Counter::remote(0));
    let door = meeting_point("door");
    let busy = counter.meet_reading(&door);
    let earlier = counter.sum(&stored);
    let (copy, uid) = (stored.clone(), stored.uid());
    stored.drop();
    assert_eq!(copy.state(), State::Failed);
    let error = copy.get().await.unwrap_err();
    assert_eq!(
        (error.kind(), error.to_string()),
        (FailureKind::Dropped, format!("{uid} was dropped"))
    );
    assert_eq!(copy.publish().await.unwrap_err().kind(), FailureKind::Dropped);
    let error = counter.sum(&copy).await.unwrap_err();
    assert_eq!(error.kind(), FailureKind::DependencyFailed);
    assert!(error.message().contains("was dropped"), "{error}");
    fs::OpenOptions::new().write(true).open(door).unwrap();
    busy.await.unwrap();
    earlier.await.unwrap();
    stored_files_become(0);
    // The value is gone, although there is a reference to it.
    assert_eq!(
        Stored::<Vec<u8>>::attach(&uid).await.unwrap_err().kind(),
        FailureKind::Dropped
    );
    drop(copy);
    let error = Stored::<Vec<u8>>::attach(&uid).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("no value \"{uid}\" is stored: it was dropped, or never was")
    );
}

async fn finding_a_value_says_why_it_fails() {
    let error = mosaic::put(&1_u8).await.unwrap_err();
    assert_eq!(error.kind(), FailureKind::NotRunning);
    assert!(error.to_string().contains("interactive(On)"), "{error}");
    on(1).await;
    let stored = mosaic::put(&1_u8).await.unwrap();
    let error = Stored::<u16>::attach(stored.uid()).await.unwrap_err();
    assert_eq!(error.to_string(), format!("{} is a `u8`, not a `u16`", stored.uid()));
    for uid in ["", "ware-u8-1", "tess-u8-0123456789abcdef0123456789abcdef"] {
        let error = Stored::<u8>::attach(uid).await.unwrap_err();
        assert_eq!(error.kind(), FailureKind::Dropped);
        assert!(
            error.to_string().starts_with(&format!("no value \"{uid}\" is stored")),
            "{error}"
        );
    }
    let error = mosaic::put(&crate::tesserae::Stubborn).await.unwrap_err();
    assert_eq!(error.kind(), FailureKind::NotPortable);
    assert!(error.to_string().contains("Stubborn"), "{error}");
}

/// Turns the runtime on. Stored values may take up about this number of bytes of memory.
async fn on_with_memory(bytes: f64) {
    let info = fs::read_to_string("/proc/meminfo").unwrap();
    let total = info.lines().find_map(|line| line.strip_prefix("MemTotal:")).unwrap();
    let total: f64 = total.trim().trim_end_matches("kB").trim().parse().unwrap();
    let fraction = bytes / (total * 1024.0);
    mosaic::interactive(On)
        .num_workers(2)
        .spill_above(fraction)
        .await
        .unwrap();
}

async fn values_move_to_disk_and_are_read_from_there() {
    on_with_memory(2_500_000.0).await;
    let mut all = Vec::new();
    for seed in 0..5 {
        all.push(mosaic::put(&bytes(1 << 20, seed)).await.unwrap());
        // A worker uses the value, and forgets it when it moves.
        Counter::remote(0).sum(all.last().unwrap()).await.unwrap();
    }
    let files = stored_files();
    let in_memory = files.iter().filter(|file| file.starts_with(scratch("memory")));
    // A node process has as much memory for its copies, whose files may be somewhat longer than the values.
    let expected = if is_behind_a_node() { 3..=4 } else { 2..=2 };
    let in_memory = in_memory.count();
    assert!(expected.contains(&in_memory), "{in_memory}: {files:?}");
    assert_eq!(stored_values(), 5);
    let (a, b) = (Counter::remote(0), Counter::remote(0));
    for (seed, stored) in all.iter().enumerate() {
        let value = bytes(1 << 20, seed);
        let sum: u64 = value.iter().map(|byte| u64::from(*byte)).sum();
        assert_eq!(a.sum(stored).result().await.unwrap(), sum);
        assert_eq!(b.sum(stored).result().await.unwrap(), sum);
        assert!(stored.get().await.unwrap() == value);
    }
    // A value that never fits into memory is no error either.
    let large = mosaic::put(&bytes(3 << 20, 9)).await.unwrap();
    assert!(large.get().await.unwrap() == bytes(3 << 20, 9));
    drop((all, large));
    stored_files_become(0);
}

/// Stores a value that fits into memory, and then one that has to go to the disk, which cannot be written.
async fn is_told_of_the_disk(reason: &str) {
    let first = mosaic::put(&bytes(2 << 20, 1)).await.unwrap();
    let limit = limit_files(1 << 20);
    for size in [1 << 20, 3 << 20] {
        let error = mosaic::put(&bytes(size, 2)).await.unwrap_err();
        let expected = [
            "cannot be stored: memory (",
            "has no room for it, and the disk (",
            reason,
            "MOSAIC_SPILL_DIR",
        ];
        assert!(expected.iter().all(|part| error.to_string().contains(part)), "{error}");
    }
    drop(limit);
    // The first value stays, and is freed as usual.
    assert!(first.get().await.unwrap() == bytes(2 << 20, 1));
    drop(first);
    stored_files_become(0);
    mosaic::put(&bytes(2 << 20, 3)).await.unwrap();
}

/// Removes the limit of file sizes when it is dropped.
struct Limited(rustix::process::Rlimit);

impl Drop for Limited {
    fn drop(&mut self) {
        rustix::process::setrlimit(rustix::process::Resource::Fsize, self.0).unwrap();
    }
}

/// Limits the size of files that this process writes, as if the file system were full.
fn limit_files(bytes: u64) -> Limited {
    // SAFETY: ignoring a signal runs no code. Writes fail instead.
    unsafe { libc::signal(libc::SIGXFSZ, libc::SIG_IGN) };
    let usual = rustix::process::getrlimit(rustix::process::Resource::Fsize);
    let limit = rustix::process::Rlimit {
        current: Some(bytes),
        ..usual
    };
    rustix::process::setrlimit(rustix::process::Resource::Fsize, limit).unwrap();
    Limited(usual)
}

async fn a_disk_that_is_full_is_an_error() {
    on_with_memory(2_500_000.0).await;
    is_told_of_the_disk("File too large").await;
}

async fn a_disk_that_cannot_be_written_is_an_error() {
    fs::remove_dir_all(scratch("disk")).unwrap();
    fs::write(scratch("disk"), "no directory").unwrap();
    on_with_memory(2_500_000.0).await;
    is_told_of_the_disk("Not a directory").await;
    mosaic::interactive(Off).await.unwrap();
    fs::remove_file(scratch("disk")).unwrap();
    // Nobody can make files there, not even root.
    symlink("/proc/none", scratch("disk")).unwrap();
    on_with_memory(2_500_000.0).await;
    is_told_of_the_disk("No such file").await;
    mosaic::interactive(Off).await.unwrap();
    fs::remove_file(scratch("disk")).unwrap();
}

async fn values_that_do_not_fit_into_memory_go_to_disk() {
    fs::remove_dir_all(scratch("memory")).unwrap();
    fs::write(scratch("memory"), "no directory").unwrap();
    on(1).await;
    let stored = mosaic::put(&bytes(1 << 20, 1)).await.unwrap();
    assert!(stored_files().iter().all(|file| file.starts_with(scratch("disk"))));
    let sum: u64 = bytes(1 << 20, 1).iter().map(|byte| u64::from(*byte)).sum();
    assert_eq!(Counter::remote(0).sum(&stored).result().await.unwrap(), sum);
    drop(stored);
    stored_files_become(0);
    fs::remove_file(scratch("memory")).unwrap();
}

async fn stored_values_outlive_the_workers() {
    on(1).await;
    let stored = mosaic::put(&7_u64).await.unwrap();
    let counter = Counter::remote(1);
    let pid = counter.pid().result().await.unwrap();
    let held = counter.meet_reading(meeting_point("door"));
    rustix::process::kill_process(
        rustix::process::Pid::from_raw(i32::try_from(pid).unwrap()).unwrap(),
        rustix::process::Signal::KILL,
    )
    .unwrap();
    held.await.unwrap_err();
    assert_eq!(stored.get().await.unwrap(), 7);
    on(1).await;
    assert_eq!(Counter::remote(stored).add(1).result().await.unwrap(), 8);
}

async fn stored_values_end_with_the_runtime() {
    on(1).await;
    let stored = mosaic::put(&7_u64).await.unwrap();
    mosaic::interactive(Off).await.unwrap();
    assert!(stored_files().is_empty());
    let error = stored.get().await.unwrap_err();
    assert_eq!(error.kind(), FailureKind::NotRunning);
    on(1).await;
    assert_eq!(stored.get().await.unwrap_err().kind(), FailureKind::NotRunning);
    let again = mosaic::put(&8_u64).await.unwrap();
    assert_eq!(again.get().await.unwrap(), 8);
}

async fn a_dead_head_frees_the_values_that_only_it_held() {
    on(2).await;
    let shared = mosaic::put(&bytes(1000, 3)).await.unwrap();
    note("shared", &shared.uid());
    meeting_point("door");
    assert_eq!(head("leaves_stored_values"), KILLED);
    // A call that has not begun needs one of the two values, and the other one is held here.
    let mine = noted("mine");
    until(|| {
        stored_files()
            .iter()
            .all(|file| !mine.ends_with(file.file_name().unwrap().to_str().unwrap()))
    });
    fs::OpenOptions::new().write(true).open(scratch("door")).unwrap();
    let counter = Counter::attach(noted("counter")).await.unwrap();
    let expected: u64 = bytes(1 << 20, 4).iter().map(|byte| u64::from(*byte)).sum();
    assert_eq!(counter.add(0).result().await.unwrap(), expected);
    assert!(unstored_files().is_empty());
    assert!(shared.get().await.unwrap() == bytes(1000, 3));
    assert_eq!(stored_values(), 1);
}

pub(crate) async fn leaves_stored_values() {
    let shared = Stored::<Vec<u8>>::attach(noted("shared")).await.unwrap();
    let mine = mosaic::put(&bytes(1 << 20, 4)).await.unwrap();
    note("mine", &mine.uid());
    let counter = Counter::remote(0).await.unwrap();
    note("counter", &counter.uid());
    let _busy = counter.meet_reading(scratch("door"));
    let sum = counter.sum(&mine);
    let _needs_it = counter.add(&sum);
    // Everything that was sent to this worker before has arrived.
    let _ = shared.get().await.unwrap();
    Counter::remote(0).pid().await.unwrap();
    Counter::remote(0).pid().await.unwrap();
    die().await;
}

async fn a_monitor_that_is_killed_leaves_no_values() {
    on(2).await;
    let _stored = mosaic::put(&bytes(1000, 3)).await.unwrap();
    assert!(Path::new(&scratch("memory")).exists());
    let own = rustix::process::getpid();
    rustix::process::kill_process(own, rustix::process::Signal::KILL).unwrap();
}

async fn functions_run_on_stored_values() {
    on(2).await;
    let stored = mosaic::put(&vec![1_u64, 2, 39]).await.unwrap();
    let sum = mosaic::exec(&stored, |values| values.iter().sum::<u64>());
    assert_eq!(Counter::remote(&sum).add(0).result().await.unwrap(), 42);
    assert_ne!(
        mosaic::exec(&stored, |_| std::process::id()).result().await.unwrap(),
        std::process::id()
    );
    let error = mosaic::exec(&stored, |values| values[3]).await.unwrap_err();
    assert_eq!(error.kind(), FailureKind::Panicked);
    stored.clone().drop();
    let error = mosaic::exec(&stored, |values| values[0]).await.unwrap_err();
    assert_eq!(error.kind(), FailureKind::DependencyFailed);
}

async fn a_parameter_has_a_root_and_copies() {
    on(2).await;
    let mut first = mosaic::parameter(vec![1_u8, 2]).await.unwrap();
    let mut second = first.clone();
    let (a, b) = (Counter::remote(0), Counter::remote(0));
    assert_eq!(a.sum(&first).result().await.unwrap(), 3);
    first[0] = 10;
    // The change is not pushed yet.
    assert_eq!((second[0], b.sum(&first).result().await.unwrap()), (1, 3));
    let door = meeting_point("door");
    let (busy, earlier) = (b.meet_reading(&door), b.sum(&first));
    first.push().await.unwrap();
    first.publish().await.unwrap();
    assert_eq!((second[0], a.sum(&second).result().await.unwrap()), (1, 12));
    fs::OpenOptions::new().write(true).open(door).unwrap();
    busy.await.unwrap();
    // An earlier call gets the value that was the root at that time.
    assert_eq!(earlier.result().await.unwrap(), 3);
    second.pull().await.unwrap();
    assert_eq!(*second, [10, 2]);
    second[1] = 100;
    let (one, other) = tokio::join!(first.set(|values| values[0] += 1), second.set(|values| values[0] += 1));
    one.unwrap();
    other.unwrap();
    assert_eq!(first.get(|values| values[0]).await.unwrap(), 12);
    assert_eq!((first.to_vec(), second.to_vec()), (vec![11, 2], vec![11, 100]));
    let error = first.get(|values| values[7]).await.unwrap_err();
    assert_eq!(error.kind(), FailureKind::Panicked);
    // Only the last version stays stored.
    until(|| stored_values() == 1);
    drop((first, second, earlier));
    until(|| stored_files().is_empty());
}
