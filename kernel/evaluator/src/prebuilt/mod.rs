//! The toolchain, and the crates that are built with it before the first cell.
//!
//! | module | what it does |
//! | --- | --- |
//! | [`builtin`] | lists the built-in crates: the one place to add one |
//! | [`requested_dependency`] | decides whether a `:dep` asks for a built-in crate |
//! | [`crates`] | writes the sources of the built-in crates to the cache |
//! | [`cache_directory`] | knows the layout of the cache directory of a toolchain |
//! | [`profile`] | holds the profile with which crates are compiled |
//! | [`toolchain`] | finds the toolchain that compiles cells |
//! | [`versions`] | keeps the versions of crates while a command adds others |
//!
//! `evaluation/template.rs` builds the crates, since that takes evcxr.
//!
//! # Invariants
//!
//! - Everything that is built lies under a digest of the toolchain and the sources, so nothing is ever out of date.
//! - A file in the cache has its final name only when it is complete, since several kernels use the cache at once.
//! - No other module names what lies in the cache directory. A test checks it (`xtask/tests/invariants/main.rs`).

pub(crate) mod builtin;
pub(crate) mod cache_directory;
pub(crate) mod crates;
pub(crate) mod profile;
pub(crate) mod requested_dependency;
pub(crate) mod toolchain;
pub(crate) mod versions;
