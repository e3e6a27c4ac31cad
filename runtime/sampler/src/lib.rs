//! Samples the stacks of the process that it is in, to find out where the process spends its time.
//!
//! [`start`] begins, and [`Sampling::stop`] returns the [`Samples`]. No privileges are needed, and nothing but the
//! process itself: it works in containers that forbid `perf_event_open` and `ptrace`.
//!
//! # How it works
//!
//! A timer of the system (`ITIMER_PROF`) counts the processor time of the process, and sends `SIGPROF` to the thread
//! that uses it. So threads that wait are not sampled, and their system calls are not interrupted.
//!
//! | module | what it does |
//! | --- | --- |
//! | `signal` | sets the timer, and handles the signal: copies the registers and the top of the stack into a slot |
//! | `slots` | the fixed number of slots between the handler and the thread `sampler` |
//! | `sampling` | the thread `sampler`: takes the slots, and collects the stacks |
//! | `loaded` | the program and the libraries that are loaded, with their tables for unwinding |
//! | `unwind` | finds the return addresses in the copy of a stack, by framehop |
//! | `symbols` | finds the functions, files and lines of addresses, by addr2line |
//!
//! # What the handler of the signal may do
//!
//! It may interrupt any code, an allocation or the loader among them. So it takes no lock, allocates nothing, and
//! unwinds nothing. It makes three system calls: it asks for its thread's number, reads its own stack through
//! `/proc/self/mem`, and wakes the thread `sampler`. Reading memory in this way ends early at the end of a stack, where
//! reading through a pointer would end the process.

mod loaded;
mod registers;
mod samples;
mod sampling;
mod signal;
mod slots;
mod symbols;
mod unwind;

pub use samples::{Frame, Sample, Samples, Stack, Thread};
pub use sampling::{Sampling, start};

use std::io;

/// The reason for which a process cannot be sampled.
///
/// # Examples
///
/// ```
/// assert_eq!(mosaic_sampler::SamplerError::Busy.to_string(), "this process is being profiled already");
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SamplerError {
    /// Only one profile of a process can be taken at a time.
    #[error("this process is being profiled already")]
    Busy,
    /// Code of the process handles the signal itself.
    #[error(
        "code of this process handles the signal SIGPROF itself, as a profiler among its crates would: end that first"
    )]
    SignalTaken,
    /// The system refuses something.
    #[error("cannot {action}: {error}")]
    System {
        /// What was to be done.
        action: &'static str,
        /// The system's error.
        error: io::Error,
    },
}

impl SamplerError {
    fn system(action: &'static str) -> impl FnOnce(io::Error) -> SamplerError {
        move |error| SamplerError::System { action, error }
    }
}
