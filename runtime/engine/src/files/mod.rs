//! Files that go from host to host: code and stored values.
//!
//! Whoever needs a file asks the monitor of its own host: the monitor itself, or the node process. That fetches the file
//! once for all processes of the host, from the gate of the host that has it.
//!
//! - `serve`: sends files of this host.
//! - `fetch`: brings a file to this host.
//! - `waiting`: who waits for which file. No I/O.

mod fetch;
mod serve;
mod waiting;

pub(crate) use fetch::{Fetcher, NOWHERE};
pub(crate) use serve::serve;
pub(crate) use waiting::Waiting;
