//! The notebook's `tokio`.
//!
//! Each cell is a shared object of its own. If each linked tokio, every cell would have its own copy of tokio's
//! statics, and "there is no reactor running" from the second cell on (evcxr issue 245). Instead the notebook depends
//! on this crate, a dylib under tokio's name that re-exports the real one: one copy in the process.
//!
//! One item differs from tokio: [`runtime::Runtime`]. Its `block_on` hands the future on without its type, so that no
//! cell instantiates an executor, and can be interrupted. Cells themselves run by [`runtime::run_cell`].

// A cell links this dylib beside `mosaic`, and rustc refuses a crate that is in both. So this one takes from `mosaic` what
// that has, as `serde` if a crate of the user asks `bytes` for it.
extern crate mosaic as _;

pub use real_tokio::*;

pub mod runtime;
