//! What a cell needs, in one line: `use mosaic::prelude::*;`.

#[cfg(feature = "macros")]
pub use crate::tessera;
pub use crate::{
    control::interactive::Switch::{self, Off, On},
    error::{RuntimeError, TaskError},
    proxy::proxy_array::ProxyArray,
    remote::argument::Portable,
    store::stored::Stored,
    task::{task_array::TaskArray, task_proxy::TaskProxy},
};
pub use mosaic_abi::Options;
