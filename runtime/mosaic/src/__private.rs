//! Items that the expansion of `#[tessera]` and the kernel's own crates use. Not part of the public interface.
//!
//! This module only re-exports: each item is documented where it is defined.

pub use crate::{
    guest::{
        Receiver,
        arguments::{Arguments, encode},
        async_call::{Reply, kept, later, now},
        entry::{assert_sendable, call, construct, construct_later, definition, drop_object, no_such_method, table},
        interrupt::{checkpoint, sleep},
        mosaic_guest_entry,
        panics::note_cell_unwound,
        receive_with,
    },
    host::{install as install_host, tell},
    inspect::log::{is_logged, log},
    proxy::{attach::Attach, constructed::Constructed, proxy_array::remote_array, tessera::Tessera},
    remote::{
        argument::{Arg, IntoArg},
        handle::Wait,
        query::{ask, census},
    },
    value::{lent::Lent, portable::assert_portable},
};
pub use mosaic_abi::{Buffer, CellEvent, Census, Definition, Kept, Outcome, Pending, Slice, TesseraTable};
