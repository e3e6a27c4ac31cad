//! TODO

pub(crate) mod completeness;
#[path = "../../cell/src/fingerprint.rs"]
pub(crate) mod fingerprint;
pub(crate) mod fingerprints;
pub(crate) mod preamble;
pub(crate) mod skip;
pub(crate) mod syntax;
