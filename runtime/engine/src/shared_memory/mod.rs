//! Large values in memory that processes share.
//!
//! A large array is written once, into a *segment*: memory with a file descriptor. The descriptor travels instead of
//! the array, and the receiver maps the same memory. So a large value is never copied through a socket, and a value
//! with many receivers lies in memory once. Segments have no names. So nothing is left behind however a process ends:
//! the system frees the memory when the last process has unmapped it.
//!
//! The first page of a segment counts the buffers that lie in it, in all processes and on their way. When the count is
//! zero, the process that made the segment writes the next value there: memory that was used before is several times
//! faster than new memory. The buffers of a killed process stay counted. Its segments are never used again, and are
//! freed.
//!
//! A value that is to be stored is written to a segment that is a file of the warehouse. To store the value, the file
//! gets one more name, which counts as a buffer does. To free the value, that name is removed. The first name is
//! removed with the segment, or by the monitor if the process was killed.
//!
//! - `segment`: the memory itself, with the unsafe code.
//! - `pool`: the segments of this process, and the buffers in them.
//! - `stored`: values that are stored in the file in which they were written.
//! - `threshold`: the size from which values are shared.
//! - `fork`: the buffers that a forked child inherits.
//! - `place`: where a buffer lies, as its frame says it.
//! - `socket`: bytes over a Unix socket, with file descriptors along with them.
//!
//! The crates `memmap2`, `shared_memory`, `memfd` and `passfd` each cover a part of this, and none of them counts
//! buffers. `rustix`, which the engine uses anyway, has all the system calls.

mod fork;
mod place;
mod pool;
mod segment;
mod socket;
mod stored;
mod threshold;

pub(crate) use place::Place;
#[cfg(test)]
pub(crate) use pool::alone;
pub(crate) use pool::{Sent, allocate, give_back, receive, send};
pub(crate) use segment::{BEGIN, HEAD, LEN, SegmentKind};
pub(crate) use socket::{AT_ONCE, Reader, Writer, split};
pub(crate) use stored::{open_stored, store, store_in, unstore};
pub(crate) use threshold::THRESHOLD;
