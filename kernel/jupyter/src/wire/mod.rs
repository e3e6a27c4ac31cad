//! Converts messages to signed frames and back.

mod date;
mod frames;
mod inspector;
mod signature;

pub(crate) use date::now;
pub use frames::{FrameError, parse, serialise};
pub(crate) use inspector::Inspector;
pub use signature::{SignatureError, Signer};
