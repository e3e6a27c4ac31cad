//! The items that most cells need: `use mosaic::prelude::*;`.
//!
//! ```
//! use mosaic::prelude::*;
//! fn later(task: &TaskProxy<u64>) -> Options { Options::new().max_retries(2) }
//! ```

#[cfg(feature = "macros")]
pub use crate::tessera;
pub use crate::{
    control::interactive::Switch::{self, Off, On},
    error::{RuntimeError, TaskError},
    proxy::proxy_array::ProxyArray,
    store::stored::Stored,
    task::{task_array::TaskArray, task_proxy::TaskProxy},
    value::portable::Portable,
};
pub use mosaic_abi::Options;
