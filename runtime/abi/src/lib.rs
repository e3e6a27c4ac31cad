//! The ABI between cell code and the runtime: the narrow waist.
//!
//! Cell code is a *guest*. The crate `mosaic`, which a cell links, holds no runtime. The runtime lives in the *host*
//! executable: the cell process, each worker, or a program outside notebooks. The two meet in `#[repr(C)]` tables of
//! functions. Only C types cross, so a guest and a host that were built apart, with another standard library or another
//! allocator, still understand each other. Anything richer crosses as an encoded [`Buffer`].
//!
//! - The host gives the guest a [`Host`] table when it loads the guest ([`Guest`], [`GUEST_ENTRY`]).
//! - The guest describes each tessera to the host by a [`TesseraTable`], and each function by a [`FunctionTable`].

mod bytes;
mod description;
mod encoding;
mod failure;
mod function;
mod guest;
mod has_place;
mod host;
mod large_vec;
mod log;
mod options;
mod query;
mod signature;
mod start_options;
mod timeline;
mod workers;

pub use bytes::{Buffer, Slice};
pub use description::{Description, Listed, Progress, State};
pub use encoding::{decode, decode_first, encode};
pub use failure::{Failure, FailureKind};
pub use function::{FunctionTable, short_name};
pub use guest::{Definition, GUEST_ENTRY, Guest, GuestEntry, Layout, Outcome, Pending, Status, TesseraTable};
pub use has_place::HasPlace;
pub use host::{Argument, CellEvent, Handle, Host, Poll, Reporter, Request, Submitted, TypeName, Waker};
pub use large_vec::large_vec;
pub use log::{LogLevel, LogOptions};
pub use options::Options;
pub use query::{Census, Kept, LiveDisplay, MonitorQuery, ProcessProfile, ProfileScope, Query};
pub use signature::{OTHER_CRATES, Signature, TYPE_FINGERPRINTS};
pub use start_options::{Placement, StartOptions};
pub use timeline::{Span, Subject, Tasks, Timeline};
pub use workers::{Activity, Gpu, HostStatus, Worker, Workers};

/// The version of this crate's types and tables. A host and a guest of different versions refuse each other.
pub const VERSION: u32 = 10;
