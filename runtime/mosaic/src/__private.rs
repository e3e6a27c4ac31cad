//! What the expansion of `#[tessera]` and the kernel's crates call. No part of the public interface.

pub use crate::{
    guest::{
        Receiver,
        async_call::{Reply, kept, later, now},
        entry::{
            Arguments, ask, assert_sendable, call, census, construct, construct_later, definition, drop_object, encode,
            install_host, no_such_method, table, tell,
        },
        interrupt::{checkpoint, sleep},
        mosaic_guest_entry, receive_with,
    },
    inspect::log::{is_logged, log},
    proxy::{
        attach::Attach,
        proxy_array::remote_array,
        tessera::{Constructed, Tessera, assert_portable},
    },
    remote::{
        argument::{Arg, IntoArg},
        handle::Wait,
    },
    value::lent::Lent,
};
pub use mosaic_abi::{Buffer, CellEvent, Census, Definition, Kept, Outcome, Pending, Slice, TesseraTable};
