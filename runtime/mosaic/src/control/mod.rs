//! Controlling the runtime: start and stop, choose and retire workers, loops, barriers, cancellation.

pub(crate) mod barrier;
pub(crate) mod cancelled;
pub(crate) mod for_each;
pub(crate) mod interactive;
mod loop_queue;
pub(crate) mod worker_control;
