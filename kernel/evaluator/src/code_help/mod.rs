//! TODO

pub(crate) mod answers;
pub(crate) mod memory;
pub(crate) mod notebook;
pub(crate) mod project;
pub(crate) mod thread;
