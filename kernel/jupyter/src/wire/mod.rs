//! Converts messages to signed frames and back.

mod date;
mod frames;
mod signature;

pub(crate) use date::now;
pub use frames::{FrameError, parse, serialise};
pub use signature::{SignatureError, Signer};
