//! Large values in memory that processes share.
//!
//! An array that travels is written once, into a *segment*: memory with a file descriptor and without a name. The
//! descriptor travels in the array's place, and whoever receives it maps the same memory. So a value is never copied
//! through a socket, and one that many receive lies in memory once. Segments have no names, so nothing is left behind
//! however a process ends: memory is freed when the last process has let go of it.
//!
//! A segment's first page counts the buffers that lie in it, in all processes, and those on their way. Where that is
//! none, the process that made it writes the next value there: memory that was touched before is several times faster
//! than new one. A process that is killed takes its count with it, and the segment is then never used again, but freed.
//!
//! A value that is to be stored is written to a segment as well: to one that is a file of the warehouse. Storing it is
//! giving the file one more name, which counts as a buffer does, and freeing it is taking that away. The first name goes
//! with the segment, and where its process ends before, the hub removes it.
//!
//! - `segment`: the memory itself; all that is unsafe is there.
//! - `pool`: the segments of this process, and the buffers in them.
//! - `stored`: those that are stored where they lie.
//! - `socket`: bytes over a Unix socket, and descriptors along with them.
//!
//! `memmap2`, `shared_memory`, `memfd` and `passfd` were weighed: each covers one of these, by its path or without counting,
//! and `rustix`, which the engine uses anyway, has all of the system calls.

mod pool;
mod segment;
mod socket;
mod stored;

#[cfg(test)]
pub(crate) use pool::alone;
pub(crate) use pool::{Sent, give_back, receive, room, send};
pub(crate) use segment::{BEGIN, HEAD, Kind, LEN};
pub(crate) use socket::{AT_ONCE, Reader, Writer, split};
pub(crate) use stored::{open_stored, store, store_in, unstore};

/// Values of so many bytes and more are shared; for less, a copy costs less than a mapping.
pub(crate) const LARGE: usize = 256 << 10;
