//! The shared-memory threshold.

/// Values of at least this many bytes travel in shared memory. A smaller value is copied through the socket, which
/// takes less time than mapping it.
pub(crate) const THRESHOLD: usize = 256 << 10;
