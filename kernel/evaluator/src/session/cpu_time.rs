//! The processor time that a process has used.

use serde::{Deserialize, Serialize};
use std::{mem::MaybeUninit, ops::Sub, time::Duration};

/// Processor time, of all threads of a process together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CpuTime {
    /// The time in the program's own code.
    pub(crate) user: Duration,
    /// The time that the system worked for the program.
    pub(crate) system: Duration,
}

impl CpuTime {
    /// Returns the time that this process has used so far. Threads that have ended count, child processes do not.
    pub(crate) fn of_this_process() -> CpuTime {
        let mut usage = MaybeUninit::<libc::rusage>::uninit();
        // SAFETY: the pointer is valid for a write of this type.
        if unsafe { libc::getrusage(libc::RUSAGE_SELF, usage.as_mut_ptr()) } != 0 {
            return CpuTime::default();
        }
        // SAFETY: the call has succeeded, so it has filled in the structure.
        let usage = unsafe { usage.assume_init() };
        CpuTime {
            user: duration(usage.ru_utime),
            system: duration(usage.ru_stime),
        }
    }
}

impl Sub for CpuTime {
    type Output = CpuTime;

    fn sub(self, earlier: CpuTime) -> CpuTime {
        CpuTime {
            user: self.user.saturating_sub(earlier.user),
            system: self.system.saturating_sub(earlier.system),
        }
    }
}

fn duration(time: libc::timeval) -> Duration {
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    let microseconds = u64::try_from(time.tv_usec).unwrap_or(0);
    Duration::from_secs(seconds) + Duration::from_micros(microseconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_that_is_spent_is_counted() {
        let before = CpuTime::of_this_process();
        // Ends by the condition that it tests: the system counts in steps.
        let mut spent = CpuTime::default();
        while spent.user.is_zero() {
            std::hint::black_box((0..100_000_u64).sum::<u64>());
            spent = CpuTime::of_this_process() - before;
        }
        assert_eq!(before - (before - CpuTime::default()), CpuTime::default());
    }
}
