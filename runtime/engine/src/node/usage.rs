//! The CPU time and memory of the workers' processes. The system is asked only when somebody wants to know.

use procfs::process::{ProcState, Process};
use std::{
    collections::HashMap,
    time::{Duration, Instant},
};
use tokio::{task::spawn_blocking, time::sleep};

/// A sample of the CPU time that is older than this says little about the present.
const RECENT: Duration = Duration::from_secs(5);
/// The shortest time between two samples of the CPU time.
const WINDOW: Duration = Duration::from_millis(100);

/// The CPU time that a process had used at some moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    when: Instant,
    seconds: f64,
}

/// The CPUs and memory that a process uses.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Usage {
    /// The number of CPUs that the process keeps busy.
    pub(crate) cpu: f64,
    /// All its memory, in bytes.
    pub(crate) resident: u64,
    /// Its memory in bytes, where it counts only a share of what it shares with other processes.
    pub(crate) proportional: u64,
    pub(crate) is_stopped: bool,
    pub(crate) sample: Sample,
}

/// Measures these processes, without those that have ended. `earlier` are the samples of the last measurement.
pub(crate) async fn measure(pids: Vec<u32>, mut earlier: HashMap<u32, Sample>) -> HashMap<u32, Usage> {
    let fresh = |sample: &Sample| (WINDOW..RECENT).contains(&sample.when.elapsed());
    if !pids.iter().all(|pid| earlier.get(pid).is_some_and(fresh)) {
        let looked_at = pids.clone();
        earlier = blocking(move || {
            looked_at
                .into_iter()
                .filter_map(|pid| Some((pid, sample(pid)?)))
                .collect()
        })
        .await;
        sleep(WINDOW).await;
    }
    blocking(move || {
        let measured = pids
            .into_iter()
            .filter_map(|pid| Some((pid, usage(pid, earlier.get(&pid)?)?)));
        measured.collect()
    })
    .await
}

/// Reads from the system on another thread: for a large process, that takes a while.
async fn blocking<T: Send + Default + 'static>(read: impl FnOnce() -> T + Send + 'static) -> T {
    spawn_blocking(read).await.unwrap_or_default()
}

fn process(pid: u32) -> Option<Process> {
    Process::new(i32::try_from(pid).ok()?).ok()
}

fn sample(pid: u32) -> Option<Sample> {
    process(pid)?.stat().ok().map(|stat| sampled(&stat))
}

#[allow(clippy::cast_precision_loss, reason = "there are fewer ticks than that in a century")]
fn sampled(stat: &procfs::process::Stat) -> Sample {
    Sample {
        when: Instant::now(),
        seconds: (stat.utime + stat.stime) as f64 / procfs::ticks_per_second() as f64,
    }
}

fn usage(pid: u32, earlier: &Sample) -> Option<Usage> {
    let process = process(pid)?;
    let stat = process.stat().ok()?;
    let sample = sampled(&stat);
    let elapsed = sample.when.duration_since(earlier.when).as_secs_f64();
    // If the system denies the details, only the whole memory is known.
    let proportional = process.smaps_rollup().ok().and_then(|rollup| {
        rollup
            .memory_map_rollup
            .iter()
            .next()?
            .extension
            .map
            .get("Pss")
            .copied()
    });
    Some(Usage {
        cpu: ((sample.seconds - earlier.seconds) / elapsed).max(0.0),
        resident: stat.rss * procfs::page_size(),
        proportional: proportional.unwrap_or_default(),
        is_stopped: matches!(stat.state(), Ok(ProcState::Stopped)),
        sample,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicBool, Ordering};

    #[test]
    fn a_process_that_computes_keeps_a_cpu_busy() {
        let pid = std::process::id();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let measured = AtomicBool::new(false);
        let usage = std::thread::scope(|scope| {
            scope.spawn(|| {
                while !measured.load(Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
            });
            let usage = runtime.block_on(measure(vec![pid, u32::MAX], HashMap::new()));
            measured.store(true, Ordering::Relaxed);
            usage
        });
        assert_eq!(usage.len(), 1);
        let usage = usage[&pid];
        assert!(usage.cpu > 0.0, "{usage:?}");
        assert!(
            0 < usage.proportional && usage.proportional <= usage.resident,
            "{usage:?}"
        );
        assert!(!usage.is_stopped);
    }
}
