//! Code that travels: the shared objects of guests, and those that they need, go to a host once.
//!
//! A file is known by the SHA-256 of its content. Each host of a run has a store, a directory in which a file of this host
//! is a link, and a file of another host is a copy. Whoever sends code to another host puts links into its own store
//! first, so that the other host can fetch the files.
//!
//! - `packer`: finds the files that an object needs, and puts them into the store.
//! - `store`: the directory.

mod packer;
mod store;

pub(crate) use packer::Packer;
pub(crate) use store::CodeStore;
