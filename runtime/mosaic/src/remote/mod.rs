//! The host's objects as this process holds them: handles, waits, arguments, questions.

pub(crate) mod argument;
pub(crate) mod handle;
pub(crate) mod object;
pub(crate) mod query;
pub(crate) mod submission;
