//! Standard output and standard error in the order in which a cell writes to them.
//!
//! The two are pipes of their own, and whoever reads them cannot tell which of two texts was written first. So the cells'
//! `println!` and its kin, which shadow the standard library's at the root of a cell, wait for the one pipe to be read
//! before they write to the other. Output that takes another way (a crate's own, a subprocess's) is in order within each.

use mosaic::__private::{CellEvent, checkpoint, tell};
use std::{
    io::Write,
    sync::atomic::{AtomicU8, Ordering},
};

const NONE: u8 = 0;
const STDOUT: u8 = 1;
const STDERR: u8 = 2;

/// Where the process wrote last. It is a hint: two threads that write at the same time have no order to keep.
static LAST: AtomicU8 = AtomicU8::new(NONE);

/// To be called before writing to standard output. A cell that was interrupted stops here.
pub fn before_stdout() {
    checkpoint();
    if LAST.load(Ordering::Relaxed) != STDOUT && LAST.swap(STDOUT, Ordering::Relaxed) == STDERR {
        tell(CellEvent::Settle, "stderr", "");
    }
}

/// To be called before writing to standard error. A cell that was interrupted stops here.
pub fn before_stderr() {
    checkpoint();
    if LAST.load(Ordering::Relaxed) != STDERR && LAST.swap(STDERR, Ordering::Relaxed) == STDOUT {
        // What a closed standard output loses, it loses anyway.
        let _ = std::io::stdout().flush();
        tell(CellEvent::Settle, "stdout", "");
    }
}

/// `std::print!`, after all that was written to standard error.
#[macro_export]
macro_rules! print {
    ($($arguments:tt)*) => {{ $crate::before_stdout(); ::std::print!($($arguments)*) }};
}

/// `std::println!`, after all that was written to standard error.
#[macro_export]
macro_rules! println {
    ($($arguments:tt)*) => {{ $crate::before_stdout(); ::std::println!($($arguments)*) }};
}

/// `std::eprint!`, after all that was written to standard output.
#[macro_export]
macro_rules! eprint {
    ($($arguments:tt)*) => {{ $crate::before_stderr(); ::std::eprint!($($arguments)*) }};
}

/// `std::eprintln!`, after all that was written to standard output.
#[macro_export]
macro_rules! eprintln {
    ($($arguments:tt)*) => {{ $crate::before_stderr(); ::std::eprintln!($($arguments)*) }};
}
