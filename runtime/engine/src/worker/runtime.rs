//! The threads of a worker.

use std::io;
use tokio::runtime::{Builder, Runtime};

/// More threads than a worker's jobs and destructors ever need at once: [`admission`](super::admission) limits the
/// jobs.
pub(crate) const MOST_THREADS: usize = 4096;
/// The stack of a thread that executes methods: as large as a main thread's usually is.
const STACK: usize = 8 << 20;

/// Makes the tokio runtime of a worker: I/O runs on the thread that enters it, and methods run on its blocking threads.
pub(crate) fn worker_runtime() -> io::Result<Runtime> {
    Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(MOST_THREADS)
        .thread_stack_size(STACK)
        .thread_name("mosaic-method")
        .build()
}
