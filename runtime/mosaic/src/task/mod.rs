//! Tasks: calls and functions that run on workers.

pub(crate) mod function;
pub(crate) mod outputs;
pub(crate) mod spawn;
pub(crate) mod task_array;
pub(crate) mod task_proxy;
