//! What the kernel uses of the machine: with its cells, its workers and all that they have started.

use std::{
    collections::HashMap,
    fs,
    sync::{Arc, Mutex, PoisonError},
    thread::available_parallelism,
    time::Instant,
};

use mosaic_jupyter::{HostMemory, Reply, UsageReply};
use procfs::{Current, CurrentSI, KernelStats, Meminfo, process::Process};
use tokio::task::spawn_blocking;

/// Measures the use since the last measurement. All clones are the same meter.
#[derive(Clone, Debug, Default)]
pub(super) struct UsageMeter(Arc<Mutex<Option<Measured>>>);

/// A measurement.
#[derive(Clone, Debug)]
struct Measured {
    when: Instant,
    /// CPU time of each process, in ticks.
    processes: HashMap<i32, u64>,
    /// CPU time of the host, in ticks: all of it, and the idle part.
    host: Option<(u64, u64)>,
}

impl UsageMeter {
    /// Handles a `usage_request`.
    pub(super) async fn reply(self) -> Reply {
        // In a thread that may block: for large processes, reading takes a while.
        match spawn_blocking(move || self.measure()).await {
            Ok(usage) => Reply::Usage(usage),
            Err(error) => Reply::error("UsageUnknown", error.to_string()),
        }
    }

    fn measure(&self) -> UsageReply {
        let processes = own_processes();
        let now = Measured {
            when: Instant::now(),
            processes: processes.iter().filter_map(|it| Some((it.pid, ticks(it)?))).collect(),
            host: host_ticks(),
        };
        let before = self
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .replace(now.clone());
        let seconds = before
            .as_ref()
            .map_or(0.0, |before| now.when.duration_since(before.when).as_secs_f64());
        let used = before.as_ref().map_or(0, |before| cpu_since(before, &now));
        UsageReply {
            hostname: hostname(),
            pid: std::process::id(),
            kernel_cpu: percent(used as f64, seconds * procfs::ticks_per_second() as f64),
            kernel_memory: processes.iter().filter_map(memory).sum(),
            cpu_count: available_parallelism().map_or(1, usize::from),
            host_cpu_percent: before.and_then(|before| host_percent(before.host?, now.host?)),
            host_virtual_memory: host_memory().unwrap_or_default(),
        }
    }
}

fn percent(part: f64, whole: f64) -> f64 {
    if whole > 0.0 {
        (1000.0 * part / whole).round() / 10.0
    } else {
        0.0
    }
}

/// Returns the CPU time between two measurements, in ticks. A process that was not there before has used all of its.
fn cpu_since(before: &Measured, now: &Measured) -> u64 {
    let used = now.processes.iter().map(|(pid, ticks)| {
        let earlier = before.processes.get(pid).copied().unwrap_or_default();
        ticks.saturating_sub(earlier)
    });
    used.sum()
}

fn host_percent(before: (u64, u64), now: (u64, u64)) -> Option<f64> {
    let all = now.0.saturating_sub(before.0);
    let idle = now.1.saturating_sub(before.1);
    (all > 0).then(|| percent(all.saturating_sub(idle) as f64, all as f64))
}

/// Returns this process and all that have descended from it.
fn own_processes() -> Vec<Process> {
    let all: Vec<Process> = procfs::process::all_processes()
        .into_iter()
        .flatten()
        .flatten()
        .collect();
    let parents: HashMap<i32, i32> = all
        .iter()
        .filter_map(|it| Some((it.pid, it.stat().ok()?.ppid)))
        .collect();
    let own = std::process::id().cast_signed();
    let is_own = |process: &Process| {
        let mut pid = process.pid;
        // Bounded, since the list may be of several moments.
        for _ in 0..64 {
            match parents.get(&pid) {
                _ if pid == own => return true,
                Some(parent) => pid = *parent,
                None => return false,
            }
        }
        false
    };
    all.into_iter().filter(is_own).collect()
}

fn hostname() -> String {
    let name = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    name.trim().to_owned()
}

fn ticks(process: &Process) -> Option<u64> {
    let stat = process.stat().ok()?;
    Some(stat.utime + stat.stime)
}

/// Returns the memory of a process in bytes, in which what several processes share counts as a share.
fn memory(process: &Process) -> Option<u64> {
    let rollup = process.smaps_rollup().ok();
    let maps = rollup.map(|rollup| rollup.memory_map_rollup);
    let proportional = maps.and_then(|maps| maps.iter().next()?.extension.map.get("Pss").copied());
    proportional.or_else(|| Some(process.stat().ok()?.rss * procfs::page_size()))
}

fn host_ticks() -> Option<(u64, u64)> {
    let all = KernelStats::current().ok()?.total;
    let idle = all.idle + all.iowait.unwrap_or_default();
    let busy = all.user + all.nice + all.system + all.irq.unwrap_or_default() + all.softirq.unwrap_or_default();
    Some((busy + idle, idle))
}

fn host_memory() -> Option<HostMemory> {
    let memory = Meminfo::current().ok()?;
    let available = memory.mem_available.unwrap_or(memory.mem_free);
    let cached = memory.cached + memory.s_reclaimable.unwrap_or_default();
    Some(HostMemory {
        total: memory.mem_total,
        available,
        percent: percent(
            memory.mem_total.saturating_sub(available) as f64,
            memory.mem_total as f64,
        ),
        used: memory.mem_total.saturating_sub(available),
        free: memory.mem_free,
        active: memory.active,
        inactive: memory.inactive,
        buffers: memory.buffers,
        cached,
        shared: memory.shmem.unwrap_or_default(),
        slab: memory.slab,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_between_two_measurements_counts() {
        let measured = |processes: &[(i32, u64)]| Measured {
            when: Instant::now(),
            processes: processes.iter().copied().collect(),
            host: None,
        };
        let (before, now) = (measured(&[(1, 10), (2, 5)]), measured(&[(1, 30), (3, 4)]));
        assert_eq!(cpu_since(&before, &now), 24);
        assert_eq!(host_percent((100, 60), (200, 110)), Some(50.0));
        assert_eq!(host_percent((100, 60), (100, 60)), None);
    }

    #[test]
    fn this_process_uses_memory() {
        let meter = UsageMeter::default();
        let usage = meter.measure();
        assert_eq!(
            (usage.pid, usage.kernel_cpu, usage.host_cpu_percent),
            (std::process::id(), 0.0, None)
        );
        assert!(usage.kernel_memory > 0 && usage.kernel_memory < usage.host_virtual_memory.total);
        assert!(!usage.hostname.is_empty());
    }
}
