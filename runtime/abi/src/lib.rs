//! The narrow waist between cell code and its host.
//!
//! Cell code is a guest: the crate `mosaic`, as a cell links it, holds no runtime. The runtime lives
//! in the host executable (the cell process, each worker, or a program of its own), and the two meet
//! here, in `#[repr(C)]` tables of functions. Nothing but C types crosses, so that a guest and a host
//! that were built apart, with another standard library or another allocator, still understand each
//! other; what is richer than a C type crosses as an encoded [`Buffer`].
//!
//! - The host hands the guest a [`Host`] table when it loads it ([`Guest`], [`GUEST_ENTRY`]).
//! - The guest describes each tessera to the host by a [`TesseraTable`].

mod bytes;
mod function;
mod guest;
mod host;
mod large_vec;
mod log;
mod message;
mod options;
mod timeline;
mod workers;

pub use bytes::{Buffer, Slice};
pub use function::{FunctionTable, short_name};
pub use guest::{Definition, GUEST_ENTRY, Guest, GuestEntry, Layout, Outcome, Pending, Status, TesseraTable};
pub use host::{Argument, CellEvent, Handle, Host, Poll, Reporter, Request, Submitted, Waker};
pub use large_vec::large_vec;
pub use log::{LogLevel, LogOptions};
pub use message::{
    Description, Failure, FailureKind, Listed, Progress, StartOptions, State, decode, decode_first, encode,
};
pub use options::Options;
pub use timeline::{Span, Subject, Tasks, Timeline};
pub use workers::{Activity, Census, Gpu, HubQuery, Kept, Placement, Query, View, Worker, Workers};

/// The version of everything in this crate. A host and a guest of different versions refuse each other.
pub const VERSION: u32 = 7;
