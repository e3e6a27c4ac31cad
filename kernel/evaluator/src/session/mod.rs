//! TODO

pub(crate) mod digest;
pub(crate) mod directory;
pub(crate) mod environment;
pub(crate) mod link;
pub(crate) mod processes;
pub(crate) mod settings;
pub(crate) mod shim_state;
