//! How much of the stack a value may take.
//!
//! Serde reads and writes a value that nests by recursion. A value of a recursive type may nest as deep as its bytes
//! say, and an overflow of the stack would end the process. So both directions compare where the stack is with where it
//! was at the beginning.

use super::error::Error;
use std::{hint::black_box, ptr};

/// How many bytes of the stack may be used. Threads have two megabytes, or more.
const MOST_USED: usize = 1 << 20;

/// Where the stack was when reading or writing began.
#[derive(Clone, Copy)]
pub(super) struct Stack {
    begin: usize,
}

impl Stack {
    pub(super) fn begin() -> Stack {
        Stack { begin: position() }
    }

    /// Checks that a value may nest deeper.
    ///
    /// # Errors
    ///
    /// The value takes up too much of the stack.
    #[inline]
    pub(super) fn check(self) -> Result<(), Error> {
        match self.begin.abs_diff(position()) < MOST_USED {
            true => Ok(()),
            false => Err(too_deep()),
        }
    }
}

/// Returns the address of something on the stack.
#[inline(never)]
fn position() -> usize {
    let here = 0_u8;
    ptr::from_ref(black_box(&here)).addr()
}

#[cold]
fn too_deep() -> Error {
    Error::new(&"the value nests too deep: keep its parts in a `Vec`, and refer to them by their index")
}
