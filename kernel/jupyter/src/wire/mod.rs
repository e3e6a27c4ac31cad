//! Messages as Jupyter sends them: signed frames.

mod date;
mod frames;
mod signature;

pub(crate) use date::now;
pub use frames::{FrameError, parse, serialise};
pub use signature::{SignatureError, Signer};
