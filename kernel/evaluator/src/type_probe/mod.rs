//! Learns the types of a cell's variables from rustc, as long as rust-analyzer has not loaded.
//!
//! evcxr writes down the type of every variable that it stores, and asks its rust-analyzer for it. rust-analyzer reads
//! the whole standard library before it answers. The kernel asks rustc instead:
//!
//! 1. It compiles a *probe*: the cell with a call `__mosaic_type_of(&x)` after each `let`, stopped at MIR. The MIR
//!    names the type of each call ([`mir_types`]).
//! 2. It gives the cell to evcxr with a *declaration* `let x: TYPE = __mosaic_declared();` after each `let`. From this,
//!    rust-analyzer knows the type without the standard library.
//! 3. The rustc wrapper removes the declarations. The cell that runs is the one that the user wrote.

mod mir_types;
mod probe;

pub(crate) use crate::{
    session::files::Type,
    type_probe::{
        mir_types::types_in,
        probe::{Probe, is_probe, keep, take, without_declarations},
    },
};
