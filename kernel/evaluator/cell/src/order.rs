//! Keeps standard output and standard error in the order in which a cell writes to them.
//!
//! The two are separate pipes, so the kernel cannot tell which of two texts was written first. The macros of a cell,
//! which shadow `println!` and its kin, wait until the kernel has read one pipe before they write to the other. Output
//! that takes another way (a crate's or a subprocess's) is in order within each pipe only.

use mosaic::__private::{CellEvent, checkpoint, tell};
use std::{
    io::Write,
    sync::atomic::{AtomicU8, Ordering},
};

const NONE: u8 = 0;
const STDOUT: u8 = 1;
const STDERR: u8 = 2;

/// The pipe that the process wrote to last. Relaxed loads do: two threads that write at the same time have no order to
/// keep.
static LAST: AtomicU8 = AtomicU8::new(NONE);

/// Waits until the kernel has read standard error, before a write to standard output. An interrupted cell stops here.
pub fn before_stdout() {
    checkpoint();
    if LAST.load(Ordering::Relaxed) != STDOUT && LAST.swap(STDOUT, Ordering::Relaxed) == STDERR {
        tell(CellEvent::Settle, "stderr", "");
    }
}

/// Waits until the kernel has read standard output, before a write to standard error. An interrupted cell stops here.
pub fn before_stderr() {
    checkpoint();
    if LAST.load(Ordering::Relaxed) != STDERR && LAST.swap(STDERR, Ordering::Relaxed) == STDOUT {
        // A closed standard output loses the text anyway.
        let _ = std::io::stdout().flush();
        tell(CellEvent::Settle, "stdout", "");
    }
}

/// Hands what `print!` has left in the buffer of the standard library to the kernel: the process may end at any time, and
/// the buffer with it.
pub fn after_print() {
    // A closed standard output loses the text anyway.
    let _ = std::io::stdout().flush();
}

/// Prints as `std::print!` does, after everything that was written to standard error, and at once.
#[macro_export]
macro_rules! print {
    ($($arguments:tt)*) => {{ $crate::before_stdout(); ::std::print!($($arguments)*); $crate::after_print() }};
}

/// Prints as `std::println!` does, after everything that was written to standard error.
#[macro_export]
macro_rules! println {
    ($($arguments:tt)*) => {{ $crate::before_stdout(); ::std::println!($($arguments)*) }};
}

/// Prints as `std::eprint!` does, after everything that was written to standard output.
#[macro_export]
macro_rules! eprint {
    ($($arguments:tt)*) => {{ $crate::before_stderr(); ::std::eprint!($($arguments)*) }};
}

/// Prints as `std::eprintln!` does, after everything that was written to standard output.
#[macro_export]
macro_rules! eprintln {
    ($($arguments:tt)*) => {{ $crate::before_stderr(); ::std::eprintln!($($arguments)*) }};
}
