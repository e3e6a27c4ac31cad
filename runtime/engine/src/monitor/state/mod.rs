//! [`MonitorState`]: everything that a monitor knows. Pure state; no I/O here.
//!
//! - `directory`: which workers there are, and which tessera is where; `placement`: chooses the worker of a new
//!   tessera.
//! - `lifecycle`: where the runtime is between off and on.
//! - `replacements`: workers in the place of lost ones.
//! - `loads`: how busy the workers are; `memory_pressure`: what follows when memory is short.
//! - `departed_heads`: heads that ended, and the workers that have not read all their messages.
//! - `warehouse`: which values are stored on a host, and where; `warehouses`: those of all hosts.

mod departed_heads;
mod directory;
mod lifecycle;
mod loads;
mod memory_pressure;
mod placement;
mod replacements;
mod warehouse;
mod warehouses;

pub(super) use directory::Directory;
pub(super) use lifecycle::Lifecycle;
pub(super) use replacements::Replacements;
pub(super) use warehouse::{Step, StoreRequest};
pub(super) use warehouses::Warehouses;

use crate::{id::Id, wire::Wish};
use departed_heads::DepartedHeads;
use loads::Loads;
use memory_pressure::MemoryPressure;
use mosaic_abi::StartOptions;
use std::collections::HashMap;

/// Everything that a monitor knows. Numbers of sessions name connections of heads.
#[derive(Debug, Default)]
pub(super) struct MonitorState {
    pub(super) lifecycle: Lifecycle,
    pub(super) directory: Directory,
    pub(super) departed_heads: DepartedHeads,
    pub(super) loads: Loads,
    pub(super) memory_pressure: MemoryPressure,
    pub(super) replacements: Replacements,
    pub(super) warehouses: Warehouses,
    /// Tesserae to be placed on a replacement that is starting, each with the session of its head.
    pub(super) unplaced: Vec<(u64, Id, Wish)>,
    /// The sessions and requests of heads that wait for a worker to retire, by the worker's uid.
    pub(super) retiring: HashMap<String, Vec<(u64, u64)>>,
    /// Counts the starts of the runtime, so that a timer of an earlier run is known as such.
    pub(super) run: u64,
    /// Requests to start that cannot be met yet, with the sessions of their heads.
    pub(super) postponed: Vec<(u64, StartOptions)>,
    /// Whether the monitor ends once the runtime is off.
    pub(super) shutting_down: bool,
}
