//! What a cell needs, in one line: `use mosaic::prelude::*;`.

pub use crate::{
    Portable, RuntimeError,
    Switch::{self, Off, On},
    TaskError, TaskProxy,
};

#[cfg(feature = "macros")]
pub use crate::tessera;
