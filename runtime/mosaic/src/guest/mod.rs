//! What the host asks of this copy of the crate.

pub(crate) mod async_call;
pub(crate) mod entry;
pub(crate) mod interrupt;
pub(crate) mod panics;

use crate::host;
use mosaic_abi::{CellEvent, Guest, Host, Slice, VERSION};
use std::{
    io::{Write, stderr, stdout},
    ptr,
    sync::{Mutex, PoisonError},
};

static GUEST: Guest = Guest {
    version: VERSION,
    flush,
    begin_cell,
    end_cell,
    receive,
    interrupt: interrupt::interrupt,
};

/// Whatever in this process takes the front end's messages: more than one where a dependency was built twice.
static RECEIVERS: Mutex<Vec<Receiver>> = Mutex::new(Vec::new());

/// Takes a message of the front end's, and returns soon.
pub type Receiver = fn(&[u8]);

/// Has `receiver` take the front end's messages from now on, as well as those that do so already.
pub fn receive_with(receiver: Receiver) {
    RECEIVERS.lock().unwrap_or_else(PoisonError::into_inner).push(receiver);
}

/// See [`mosaic_abi::GuestEntry`].
///
/// # Safety
///
/// `host` must point to a table that stays as it is for as long as the process lives.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mosaic_guest_entry(host: *const Host) -> *const Guest {
    // SAFETY: the host keeps its table for good, by this function's contract.
    let Some(table) = (unsafe { host.as_ref() }) else {
        return ptr::null();
    };
    if table.version != VERSION {
        return ptr::null();
    }
    host::install(table);
    panics::install_hook();
    &raw const GUEST
}

extern "C" fn flush() {
    // Nobody is left to hear of a closed stream.
    let _ = stdout().flush();
    let _ = stderr().flush();
}

extern "C" fn begin_cell() {
    interrupt::begin_cell();
    panics::begin_capture();
}

extern "C" fn end_cell(panicked: bool) {
    interrupt::end_cell();
    let mut captured = panics::end_capture();
    let ended_by = if panicked { captured.pop() } else { None };
    panics::print(&captured);
    flush();
    if let Some(panic) = ended_by {
        entry::tell(CellEvent::Panicked, &panic.message, &panic.backtrace);
    }
}

unsafe extern "C" fn receive(message: Slice) {
    let receivers = RECEIVERS.lock().unwrap_or_else(PoisonError::into_inner).clone();
    for receiver in receivers {
        // SAFETY: the host lends the bytes for this call.
        receiver(unsafe { message.as_bytes() });
    }
}
