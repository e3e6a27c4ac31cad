//! The standard library as a cell that sleeps sees it.
//!
//! `std::thread::sleep` repeats its system call after a signal, so an interrupt could not stop a cell that sleeps. A
//! cell that may sleep gets this crate under the name `std`. Its `sleep` ends when the cell is interrupted. Everything
//! here is hidden from documentation, so that rustc does not suggest imports from it.

#![doc(hidden)]

#[doc(hidden)]
pub use ::std::*;

/// The module `std::thread`, with a `sleep` that an interrupt ends.
#[doc(hidden)]
pub mod thread {
    #[doc(hidden)]
    pub use ::std::thread::*;
    #[doc(hidden)]
    pub use mosaic::__private::sleep;
}
