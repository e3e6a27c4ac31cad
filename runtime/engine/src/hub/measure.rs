//! What the workers' processes use: read from the system when somebody asks, and never else.

use procfs::process::{ProcState, Process};
use std::{
    collections::HashMap,
    time::{Duration, Instant},
};
use tokio::{task::spawn_blocking, time::sleep};

/// An earlier look at the CPU time that is older says little about the present.
const RECENT: Duration = Duration::from_secs(5);
/// For how long CPUs are watched at least.
const WINDOW: Duration = Duration::from_millis(100);

/// How much CPU time a process had used by when.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sample {
    when: Instant,
    seconds: f64,
}

/// What a process uses.
#[derive(Clone, Copy, Debug)]
pub(super) struct Usage {
    pub(super) cpu: f64,
    pub(super) resident: u64,
    pub(super) proportional: u64,
    pub(super) is_stopped: bool,
    pub(super) sample: Sample,
}

/// Measures these processes; one that has ended is left out. `earlier` are the samples of the time before.
pub(super) async fn measure(pids: Vec<u32>, mut earlier: HashMap<u32, Sample>) -> HashMap<u32, Usage> {
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

/// Reading what the system says of a large process takes a while.
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
    // Where another user's view of the process is denied, its whole memory is all there is to know.
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
