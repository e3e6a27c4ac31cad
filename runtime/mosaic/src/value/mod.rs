//! Values as bytes: encoding, copying, and reading in place.

pub(crate) mod encoding;
pub(crate) mod lent;
mod parallel_copy;
pub(crate) mod view;
