//! Tasks: calls and functions that run on workers, and what continues on their results.

pub(crate) mod continuation;
pub(crate) mod function;
pub(crate) mod spawn;
pub(crate) mod task_array;
pub(crate) mod task_proxy;
