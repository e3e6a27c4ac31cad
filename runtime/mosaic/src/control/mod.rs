//! Controlling the runtime: start and stop, barriers, loops, cancellation.

pub(crate) mod barrier;
pub(crate) mod cancelled;
pub(crate) mod for_each;
pub(crate) mod interactive;
mod loop_queue;
