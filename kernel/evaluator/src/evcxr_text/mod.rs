//! TODO

pub(crate) mod missing_variables;
pub(crate) mod rewrite;
pub(crate) mod rustc_messages;
pub(crate) mod shell_commands;
pub(crate) mod store_calls;
