//! Remote objects, as this process holds them: handles, waits, arguments.

pub(crate) mod argument;
pub(crate) mod handle;
pub(crate) mod object;
