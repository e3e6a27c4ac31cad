//! An object of a tessera's type: constructing, calling and dropping it. Everything here runs guest code.

use super::{
    guest_future::{GuestFuture, read_outcome},
    modules::Loaded,
};
use crate::{failures::failure, wire::Payload};
use mosaic_abi::{Buffer, Definition, Failure, FailureKind, FunctionTable, Outcome, Signature, Slice, TesseraTable};
use std::{
    ffi::c_void,
    ptr,
    sync::{
        Arc,
        atomic::{AtomicPtr, Ordering},
    },
};

/// How far a call has come.
pub(super) enum Called {
    /// The call ended with this encoded value.
    Ended(Buffer),
    /// The call is async and waits for something. Drop the future before the object.
    Waits(GuestFuture),
}

/// How far a constructor has come.
pub(super) enum Constructed {
    /// The constructor ended well.
    Ended(Object),
    /// The constructor is async and waits for something.
    Waits(GuestFuture, UnfinishedObject),
}

/// An object that is being constructed.
pub(super) struct UnfinishedObject {
    /// Written by the constructor, when it ends well.
    address: Arc<AtomicPtr<c_void>>,
    table: &'static TesseraTable,
    loaded: Loaded,
}

impl UnfinishedObject {
    /// Returns what was loaded with the object's code.
    pub(super) fn loaded(&self) -> Loaded {
        self.loaded
    }

    /// Returns the object, once its constructor has ended well.
    pub(super) fn complete(self) -> Object {
        Object {
            // The thread that last polled the constructor's future has handed the future over since.
            pointer: self.address.load(Ordering::Relaxed),
            table: self.table,
            loaded: self.loaded,
        }
    }
}

/// A constructed object.
pub(super) struct Object {
    pointer: *mut c_void,
    table: &'static TesseraTable,
    loaded: Loaded,
}

// SAFETY: the expansion asserts that the type is `Send`, and one thread at a time has the `Object`.
unsafe impl Send for Object {}

impl Object {
    /// Constructs an object from encoded arguments: with the constructor, or with a function that makes the object from
    /// its argument.
    pub(super) fn construct(
        table: &'static TesseraTable,
        loaded: Loaded,
        maker: Option<&'static FunctionTable>,
        arguments: &[Payload],
    ) -> Result<Constructed, Failure> {
        let slices: Vec<Slice> = arguments.iter().map(|argument| Slice::new(argument)).collect();
        let (mut outcome, address) = (Outcome::default(), Arc::new(AtomicPtr::<c_void>::new(ptr::null_mut())));
        tracing::debug!("constructs {}", table.definition.type_name());
        let (object_address, arguments) = (address.as_ptr(), slices.as_ptr());
        let pending = match maker {
            // SAFETY: the slices and the outcome outlive the call, which does not unwind. `maker` makes objects,
            // and writes their address to where it is told (see `FunctionTable`).
            Some(maker) => unsafe { (maker.run)(object_address.cast(), arguments, slices.len(), &raw mut outcome) },
            // SAFETY: as above. Whoever has the future keeps the memory for the address (see `TesseraTable`).
            None => unsafe { (table.construct)(object_address, arguments, slices.len(), &raw mut outcome) },
        };
        let unfinished = UnfinishedObject {
            address: address.clone(),
            table,
            loaded,
        };
        match GuestFuture::new(pending, Some(address)) {
            Some(call) => Ok(Constructed::Waits(call, unfinished)),
            None => read_outcome(outcome).map(|_| Constructed::Ended(unfinished.complete())),
        }
    }

    /// Calls method number `method`.
    pub(super) fn call(&mut self, method: u32, arguments: &[Payload]) -> Result<Called, Failure> {
        let slices: Vec<Slice> = arguments.iter().map(|argument| Slice::new(argument)).collect();
        let mut outcome = Outcome::default();
        let table = self.table;
        tracing::debug!(
            "calls {}::{}",
            table.definition.type_name(),
            Signature(table.definition.signature(method).unwrap_or_default()).text()
        );
        // SAFETY: as in `construct`; `&mut self` makes this the only call on the object.
        let pending =
            unsafe { (self.table.call)(self.pointer, method, slices.as_ptr(), slices.len(), &raw mut outcome) };
        match GuestFuture::new(pending, None) {
            Some(call) => Ok(Called::Waits(call)),
            None => read_outcome(outcome).map(Called::Ended),
        }
    }

    /// Runs a function on the object.
    pub(super) fn apply(&mut self, function: &'static FunctionTable, arguments: &[Payload]) -> Result<Called, Failure> {
        let definition = &self.table.definition;
        if function.layout != definition.layout || function.object_signature() != definition.object_signature() {
            let type_name = definition.type_name();
            let message = format!(
                "the function was compiled for another definition of `{type_name}` than the tessera was made from: make it \
                 anew with `{type_name}::remote`"
            );
            return Err(failure(FailureKind::Runtime, message));
        }
        // SAFETY: the object is of the function's type, whose definition has the same fingerprint, and `&mut self` makes
        // this the only call on it.
        unsafe { run(function, self.pointer, arguments) }
    }

    /// Drops the object.
    pub(super) fn drop_object(self) {
        // SAFETY: the pointer came from the same table's `construct`, and `self` was its only owner.
        unsafe { (self.table.drop)(self.pointer) }
    }

    /// Returns the signatures of the object's methods, in the order of the methods' numbers, and that of the object.
    pub(super) fn signatures(&self) -> Vec<String> {
        self.table.definition.signatures().map(str::to_owned).collect()
    }

    /// Returns the definition of the object's type.
    pub(super) fn definition(&self) -> &'static Definition {
        &self.table.definition
    }

    /// Returns what was loaded with the object's code.
    pub(super) fn loaded(&self) -> Loaded {
        self.loaded
    }
}

/// Runs a function of its arguments alone.
pub(super) fn call(function: &'static FunctionTable, arguments: &[Payload]) -> Result<Called, Failure> {
    // SAFETY: a function that is called without an object takes none.
    unsafe { run(function, ptr::null_mut(), arguments) }
}

/// Runs a function.
///
/// # Safety
///
/// `object` must be an object on which the function can be run (see [`FunctionTable`]).
unsafe fn run(function: &'static FunctionTable, object: *mut c_void, arguments: &[Payload]) -> Result<Called, Failure> {
    let slices: Vec<Slice> = arguments.iter().map(|argument| Slice::new(argument)).collect();
    let mut outcome = Outcome::default();
    // SAFETY: the slices and the outcome outlive the call, which does not unwind; the rest is this function's contract.
    let pending = unsafe { (function.run)(object, slices.as_ptr(), slices.len(), &raw mut outcome) };
    match GuestFuture::new(pending, None) {
        Some(call) => Ok(Called::Waits(call)),
        None => read_outcome(outcome).map(Called::Ended),
    }
}
