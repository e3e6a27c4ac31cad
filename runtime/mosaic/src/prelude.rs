//! What a cell needs, in one line: `use mosaic::prelude::*;`.

pub use crate::{
    Options, Portable, ProxyArray, RuntimeError, Stored,
    Switch::{self, Off, On},
    TaskArray, TaskError, TaskProxy,
};

#[cfg(feature = "macros")]
pub use crate::tessera;
