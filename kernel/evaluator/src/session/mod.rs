//! TODO

pub(crate) mod digest;
pub(crate) mod directory;
pub(crate) mod environment;
pub(crate) mod files;
pub(crate) mod link;
pub(crate) mod processes;
pub(crate) mod run_directory;
pub(crate) mod settings;
pub(crate) mod shared_files;
pub(crate) mod shim_state;
pub(crate) mod sysroot;
pub(crate) mod variables;
