//! The guest's side of the ABI: the functions that the host, or a worker, calls.
//!
//! - [`mosaic_guest_entry`] exchanges tables with the host.
//! - [`entry`] runs constructors and methods; [`arguments`] decodes what they take, [`outcome`] encodes how they end,
//!   and [`async_call`] keeps the futures of those that wait.
//! - [`panics`] describes the panic that ended a cell or a call; [`interrupt`] stops a cell at a checkpoint.

pub(crate) mod arguments;
pub(crate) mod async_call;
pub(crate) mod entry;
pub(crate) mod interrupt;
mod outcome;
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

/// The functions that take the front end's messages: several if a dependency was built twice.
static RECEIVERS: Mutex<Vec<Receiver>> = Mutex::new(Vec::new());

/// A function that takes a message of the front end, and returns soon.
pub type Receiver = fn(&[u8]);

/// Adds a function that takes the front end's messages from now on.
pub fn receive_with(receiver: Receiver) {
    RECEIVERS.lock().unwrap_or_else(PoisonError::into_inner).push(receiver);
}

/// Exchanges tables with the host; see [`mosaic_abi::GuestEntry`].
///
/// # Safety
///
/// `host` points to a table that stays unchanged for as long as the process lives.
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
    // A closed stream has no reader who could miss this.
    let _ = stdout().flush();
    let _ = stderr().flush();
}

extern "C" fn begin_cell() {
    interrupt::begin_cell();
    panics::begin_cell();
}

extern "C" fn end_cell(panicked: bool) {
    interrupt::end_cell();
    let ended_by = panics::end_cell();
    flush();
    if let Some(panic) = ended_by.filter(|_| panicked) {
        host::tell(CellEvent::Panicked, &panic.message, &panic.backtrace);
    }
}

unsafe extern "C" fn receive(message: Slice) {
    let receivers = RECEIVERS.lock().unwrap_or_else(PoisonError::into_inner).clone();
    for receiver in receivers {
        // SAFETY: the host lends the bytes for this call.
        receiver(unsafe { message.as_bytes() });
    }
}
