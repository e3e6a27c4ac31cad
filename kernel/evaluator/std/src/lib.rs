//! The standard library as a cell that sleeps sees it.
//!
//! `std::thread::sleep` begins its system call anew after a signal, so that nothing could stop a cell that sleeps. In such
//! a cell this crate has the name `std`, and its `sleep` ends when the cell is interrupted. Everything here is hidden, so
//! that rustc does not suggest to import from it.

#![doc(hidden)]

#[doc(hidden)]
pub use ::std::*;

/// `std::thread`, with a `sleep` that an interrupt ends.
#[doc(hidden)]
pub mod thread {
    #[doc(hidden)]
    pub use ::std::thread::*;
    #[doc(hidden)]
    pub use mosaic::__private::sleep;
}
