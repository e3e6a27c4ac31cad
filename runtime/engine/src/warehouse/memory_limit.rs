//! How much memory stored values may take up.

use crate::memory_usage;
use std::path::Path;

/// The part of the memory that stored values may take up, unless the options say otherwise.
const SPILL_ABOVE: f64 = 0.6;
/// How many tenths of a file system in memory stored values may fill. Other programs use it, too.
const TENTHS_OF_FILE_SYSTEM: u64 = 9;

/// Returns the number of bytes that stored values may take up in `directory`, which lies in memory or will be made
/// there.
pub(crate) fn memory_limit(spill_above: Option<f64>, directory: &Path) -> u64 {
    let wanted = memory_usage::part_of_all(spill_above.unwrap_or(SPILL_ABOVE)).unwrap_or(u64::MAX);
    match rustix::fs::statvfs(directory) {
        Ok(system) => wanted.min(system.f_blocks.saturating_mul(system.f_frsize) / 10 * TENTHS_OF_FILE_SYSTEM),
        Err(_) => wanted,
    }
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
