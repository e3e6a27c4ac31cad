//! How much memory stored values may take up.

use std::{fs, path::Path};

/// What they may take up where nobody says otherwise.
const SPILL_ABOVE: f64 = 0.6;
/// The part of a file system in memory that they may fill: others use it too.
const OF_FILE_SYSTEM: f64 = 0.9;

/// The bytes that stored values may take up in `directory`, which is the directory in memory or will lie in it.
pub(crate) fn memory_limit(spill_above: Option<f64>, directory: &Path) -> u64 {
    let fraction = spill_above.unwrap_or(SPILL_ABOVE).clamp(0.0, 1.0);
    let wanted = part(machine().unwrap_or(u64::MAX), fraction);
    match rustix::fs::statvfs(directory) {
        Ok(system) => wanted.min(part(system.f_blocks.saturating_mul(system.f_frsize), OF_FILE_SYSTEM)),
        Err(_) => wanted,
    }
}

#[allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "an estimate, and both factors are at least zero"
)]
fn part(bytes: u64, fraction: f64) -> u64 {
    (bytes as f64 * fraction) as u64
}

/// The machine's memory, or what this process's control group may use of it.
fn machine() -> Option<u64> {
    let info = fs::read_to_string("/proc/meminfo").ok()?;
    let total = info.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let total = total.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024;
    Some(control_group().map_or(total, |limit| limit.min(total)))
}

/// The memory limit of this process's control group, of the second version.
fn control_group() -> Option<u64> {
    let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
    let group = groups.lines().find_map(|line| line.strip_prefix("0::/"))?;
    let limits = Path::new("/sys/fs/cgroup").join(group);
    // A group's ancestors limit it as well.
    let limit = |group: &Path| {
        fs::read_to_string(group.join("memory.max"))
            .ok()?
            .trim()
            .parse::<u64>()
            .ok()
    };
    limits.ancestors().filter_map(limit).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fraction_of_the_memory_is_taken() {
        let all = memory_limit(Some(1.0), Path::new("/nowhere"));
        let half = memory_limit(Some(0.5), Path::new("/nowhere"));
        assert!(all > 64 << 20);
        assert!(half.abs_diff(all / 2) <= 1);
        assert_eq!(memory_limit(Some(0.0), Path::new("/dev/shm")), 0);
        assert_eq!(memory_limit(Some(-1.0), Path::new("/nowhere")), 0);
        assert_eq!(memory_limit(Some(7.0), Path::new("/nowhere")), all);
    }
}
