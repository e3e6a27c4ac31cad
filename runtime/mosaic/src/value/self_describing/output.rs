//! The bytes of a value that is being encoded: a vector, or memory that processes share, once the value is large.

use crate::value::parallel_copy::fill;
use mosaic_abi::Buffer;

/// A row of at least this many bytes moves the value to shared memory. The host shares no smaller value.
pub(super) const LARGE: usize = 256 << 10;
/// The room behind a row in shared memory for what usually follows. It takes up no memory before it is written to.
const TAIL: usize = 4 << 10;
/// The first capacity of the tail, which is enough for most arguments, and the room behind a row there.
const CAPACITY: usize = 64;

/// An encoded value.
pub(crate) enum Encoded {
    /// In memory that processes share.
    Shared(Buffer),
    /// In memory of this process alone.
    Unshared(Vec<u8>),
}

/// Allocates memory that processes share, of this many bytes. The byte at the second number is aligned for numbers.
pub(super) type Allocate = fn(usize, usize) -> Option<Buffer>;

/// What was written. Small values are in `tail` alone, where writing is fast.
pub(super) struct Output {
    /// Shared memory, of which the first `filled` bytes were written.
    shared: Buffer,
    filled: usize,
    /// What was written behind them.
    pub(super) tail: Vec<u8>,
    allocate: Allocate,
}

impl Output {
    pub(super) fn new(allocate: Allocate) -> Output {
        Output {
            shared: Buffer::default(),
            filled: 0,
            tail: Vec::with_capacity(CAPACITY),
            allocate,
        }
    }

    /// Returns how many bytes were written.
    pub(super) fn position(&self) -> usize {
        self.filled + self.tail.len()
    }

    /// Replaces four bytes that were written at a position.
    pub(super) fn replace(&mut self, position: usize, bytes: [u8; 4]) {
        let written = match position.checked_sub(self.filled) {
            Some(in_tail) => &mut self.tail[in_tail..],
            // They were written together, so that they moved together.
            None => &mut shared_bytes(&mut self.shared)[position..],
        };
        written[..bytes.len()].copy_from_slice(&bytes);
    }

    /// Writes a row of numbers.
    pub(super) fn copy(&mut self, bytes: &[u8]) {
        if bytes.len() >= LARGE && self.copy_to_shared(bytes).is_some() {
            return;
        }
        self.reserve(bytes.len());
        let begin = self.tail.len();
        let room = self.tail.spare_capacity_mut();
        fill(&mut room[..bytes.len()], bytes, |to, from| {
            to.write_copy_of_slice(from);
        });
        // SAFETY: `fill` has written all of these bytes.
        unsafe { self.tail.set_len(begin + bytes.len()) };
    }

    /// Makes room in the tail for a row and for what usually follows.
    pub(super) fn reserve(&mut self, bytes: usize) {
        let needed = self.tail.len().saturating_add(bytes).saturating_add(CAPACITY);
        if needed > self.tail.capacity() {
            let mut larger = mosaic_abi::large_vec(needed.max(2 * self.tail.capacity()));
            larger.extend_from_slice(&self.tail);
            self.tail = larger;
        }
    }

    /// Writes a row to shared memory, behind everything else. Returns `None`, and writes nothing, if there is none.
    fn copy_to_shared(&mut self, bytes: &[u8]) -> Option<()> {
        let begin = self.position();
        let end = begin.checked_add(bytes.len())?;
        if end > self.shared.len() {
            // The first row is often the only one. With more of them, the memory grows by half at least.
            let size = end.checked_add(TAIL)?.max(self.shared.len() + self.shared.len() / 2);
            let mut larger = (self.allocate)(size, begin)?;
            fill(
                &mut shared_bytes(&mut larger)[..self.filled],
                &self.shared[..self.filled],
                <[u8]>::copy_from_slice,
            );
            self.shared = larger;
        }
        self.move_tail();
        fill(
            &mut shared_bytes(&mut self.shared)[begin..end],
            bytes,
            <[u8]>::copy_from_slice,
        );
        self.filled = end;
        Some(())
    }

    /// Moves the tail to the shared memory, which has room for it.
    fn move_tail(&mut self) {
        let end = self.position();
        shared_bytes(&mut self.shared)[self.filled..end].copy_from_slice(&self.tail);
        self.filled = end;
        self.tail.clear();
    }

    /// Returns everything that was written.
    pub(super) fn finish(mut self) -> Encoded {
        if self.filled == 0 {
            return Encoded::Unshared(self.tail);
        }
        if self.position() <= self.shared.len() {
            self.move_tail();
            self.shared.truncate(self.filled);
            return Encoded::Shared(self.shared);
        }
        let mut all = mosaic_abi::large_vec(self.position());
        all.extend_from_slice(&self.shared[..self.filled]);
        all.extend_from_slice(&self.tail);
        Encoded::Unshared(all)
    }
}

fn shared_bytes(buffer: &mut Buffer) -> &mut [u8] {
    // SAFETY: the buffer comes from [`Allocate`], or is empty, and nobody else has it yet.
    unsafe { buffer.as_mut_slice() }
}
