//! An object of a tessera's type, and calling it. Everything here runs guest code.

use crate::wire::Payload;
use mosaic_abi::{Buffer, Failure, Guest, Outcome, Slice, Status, TesseraTable, decode};
use std::ffi::c_void;

/// A constructed object.
pub(super) struct Object {
    pointer: *mut c_void,
    table: &'static TesseraTable,
    guest: &'static Guest,
}

// SAFETY: the expansion asserts that the type is `Send`, and one thread at a time has the `Object`.
unsafe impl Send for Object {}

impl Object {
    /// Constructs an object from encoded arguments.
    pub(super) fn construct(
        table: &'static TesseraTable,
        guest: &'static Guest,
        arguments: &[Payload],
    ) -> Result<Object, Failure> {
        let slices: Vec<Slice> = arguments.iter().map(|argument| Slice::new(argument)).collect();
        let mut outcome = Outcome::default();
        // SAFETY: the slices and the outcome outlive the call, which does not unwind (see `TesseraTable`).
        let pointer = unsafe { (table.construct)(slices.as_ptr(), slices.len(), &raw mut outcome) };
        read(outcome).map(|_| Object { pointer, table, guest })
    }

    /// Calls method number `method` and returns its encoded value.
    pub(super) fn call(&mut self, method: u32, arguments: &[Payload]) -> Result<Buffer, Failure> {
        let slices: Vec<Slice> = arguments.iter().map(|argument| Slice::new(argument)).collect();
        let mut outcome = Outcome::default();
        // SAFETY: as in `construct`; `&mut self` makes this the only call on the object.
        unsafe { (self.table.call)(self.pointer, method, slices.as_ptr(), slices.len(), &raw mut outcome) };
        read(outcome)
    }

    /// Drops the object.
    pub(super) fn drop_it(self) {
        // SAFETY: the pointer came from the same table's `construct`, and `self` was its only owner.
        unsafe { (self.table.drop)(self.pointer) }
    }

    /// The signatures of its methods, in the order of their numbers.
    pub(super) fn signatures(&self) -> Vec<String> {
        self.table.signatures().map(str::to_owned).collect()
    }

    /// The guest whose code this is.
    pub(super) fn guest(&self) -> &'static Guest {
        self.guest
    }
}

fn read(outcome: Outcome) -> Result<Buffer, Failure> {
    match outcome.status {
        Status::Done => Ok(outcome.payload),
        Status::Failed => Err(decode(&outcome.payload).unwrap_or_else(|error| {
            crate::failures::failure(
                mosaic_abi::FailureKind::Runtime,
                format!("it failed for a reason that cannot be read: {error}"),
            )
        })),
    }
}
