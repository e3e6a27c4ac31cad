//! Values as bytes: which ones travel, how they are encoded, and how they are read in place.

pub(crate) mod encoding;
pub(crate) mod lent;
mod parallel_copy;
pub(crate) mod portable;
pub(crate) mod self_describing;
pub(crate) mod view;
