//! The notebook's `tokio`.
//!
//! Each cell is a shared object of its own. Were tokio linked into each, every cell would have its own copy of tokio's
//! statics and "there is no reactor running" from the second cell on (evcxr issue 245). So the notebook depends on this
//! crate, a dylib under tokio's name, which re-exports the real one: one copy in the process.
//!
//! What differs from tokio is [`runtime::Runtime`]: its `block_on` hands the future on without its type, so that no cell
//! instantiates an executor, and can be interrupted. Cells themselves run by [`runtime::run_cell`].

pub use real_tokio::*;

pub mod runtime;
