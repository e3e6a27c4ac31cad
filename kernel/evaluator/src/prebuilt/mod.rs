//! TODO

pub(crate) mod builtin;
pub(crate) mod cache_directory;
pub(crate) mod crates;
pub(crate) mod toolchain;
pub(crate) mod versions;
