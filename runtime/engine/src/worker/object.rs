//! An object of a tessera's type, and calling it. Everything here runs guest code.

use super::{module::Loaded, pending::Call};
use crate::{failures::failure, wire::Payload};
use mosaic_abi::{Buffer, Failure, FailureKind, FunctionTable, Outcome, Slice, Status, TesseraTable, decode};
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
    /// It ended with this encoded value.
    Ended(Buffer),
    /// It is async. To be dropped before the object.
    Waits(Call),
}

/// How far a constructor has come.
pub(super) enum Constructed {
    Ended(Object),
    /// It is async.
    Waits(Call, Unborn),
}

/// An object that is being constructed.
pub(super) struct Unborn {
    /// Written by the constructor, when it ends well.
    address: Arc<AtomicPtr<c_void>>,
    table: &'static TesseraTable,
    loaded: Loaded,
}

impl Unborn {
    /// What its code needs.
    pub(super) fn loaded(&self) -> Loaded {
        self.loaded
    }

    /// The object, whose constructor has ended well.
    pub(super) fn born(self) -> Object {
        Object {
            // The thread that polled the constructor's future last has handed it over since.
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
    /// Constructs an object from encoded arguments: by the constructor, or by a function that makes it of its argument.
    pub(super) fn construct(
        table: &'static TesseraTable,
        loaded: Loaded,
        maker: Option<&'static FunctionTable>,
        arguments: &[Payload],
    ) -> Result<Constructed, Failure> {
        let slices: Vec<Slice> = arguments.iter().map(|argument| Slice::new(argument)).collect();
        let (mut outcome, address) = (Outcome::default(), Arc::new(AtomicPtr::<c_void>::new(ptr::null_mut())));
        tracing::debug!("constructs {}", table.definition.type_name());
        let (place, arguments) = (address.as_ptr(), slices.as_ptr());
        let pending = match maker {
            // SAFETY: the slices and the outcome outlive the call, which does not unwind; `maker` makes objects, whose
            // address it writes to the place that it is given (see `FunctionTable`).
            Some(maker) => unsafe { (maker.run)(place.cast(), arguments, slices.len(), &raw mut outcome) },
            // SAFETY: the same; the place is kept by whoever has the future (see `TesseraTable`).
            None => unsafe { (table.construct)(place, arguments, slices.len(), &raw mut outcome) },
        };
        let unborn = Unborn {
            address: address.clone(),
            table,
            loaded,
        };
        match Call::new(pending, Some(address)) {
            Some(call) => Ok(Constructed::Waits(call, unborn)),
            None => read(outcome).map(|_| Constructed::Ended(unborn.born())),
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
            table.definition.signature(method).unwrap_or_default()
        );
        // SAFETY: as in `construct`; `&mut self` makes this the only call on the object.
        let pending =
            unsafe { (self.table.call)(self.pointer, method, slices.as_ptr(), slices.len(), &raw mut outcome) };
        match Call::new(pending, None) {
            Some(call) => Ok(Called::Waits(call)),
            None => read(outcome).map(Called::Ended),
        }
    }

    /// Runs a function on the object.
    pub(super) fn apply(&mut self, function: &'static FunctionTable, arguments: &[Payload]) -> Result<Called, Failure> {
        if function.layout != self.table.definition.layout {
            let type_name = self.table.definition.type_name();
            let message = format!(
                "the function was compiled for another definition of `{type_name}` than the tessera was made from: make it \
                 anew with `{type_name}::remote`"
            );
            return Err(failure(FailureKind::Runtime, message));
        }
        // SAFETY: the object is of the function's type (its head compared the definitions), and `&mut self` makes this
        // the only call on it.
        unsafe { run(function, self.pointer, arguments) }
    }

    /// Drops the object.
    pub(super) fn drop_it(self) {
        // SAFETY: the pointer came from the same table's `construct`, and `self` was its only owner.
        unsafe { (self.table.drop)(self.pointer) }
    }

    /// The signatures of its methods, in the order of their numbers.
    pub(super) fn signatures(&self) -> Vec<String> {
        self.table.definition.signatures().map(str::to_owned).collect()
    }

    /// What its code needs.
    pub(super) fn loaded(&self) -> Loaded {
        self.loaded
    }
}

/// Runs a function of its arguments alone.
pub(super) fn call(function: &'static FunctionTable, arguments: &[Payload]) -> Result<Called, Failure> {
    // SAFETY: a function that is called by itself takes no object.
    unsafe { run(function, ptr::null_mut(), arguments) }
}

/// Runs a function.
///
/// # Safety
///
/// `object` must be what the function is run on (see [`FunctionTable`]).
unsafe fn run(function: &'static FunctionTable, object: *mut c_void, arguments: &[Payload]) -> Result<Called, Failure> {
    let slices: Vec<Slice> = arguments.iter().map(|argument| Slice::new(argument)).collect();
    let mut outcome = Outcome::default();
    // SAFETY: the slices and the outcome outlive the call, which does not unwind; the rest is this function's contract.
    let pending = unsafe { (function.run)(object, slices.as_ptr(), slices.len(), &raw mut outcome) };
    match Call::new(pending, None) {
        Some(call) => Ok(Called::Waits(call)),
        None => read(outcome).map(Called::Ended),
    }
}

/// How a call ended, as the guest says it.
pub(super) fn read(outcome: Outcome) -> Result<Buffer, Failure> {
    match outcome.status {
        Status::Done => Ok(outcome.payload),
        Status::Failed => Err(decode(&outcome.payload).unwrap_or_else(|error| {
            failure(
                FailureKind::Runtime,
                format!("it failed for a reason that cannot be read: {error}"),
            )
        })),
    }
}
