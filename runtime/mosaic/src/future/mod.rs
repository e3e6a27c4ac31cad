//! Futures that work in any executor.

pub(crate) mod timer;
pub(crate) mod unordered;
