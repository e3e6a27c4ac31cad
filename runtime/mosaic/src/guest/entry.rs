//! The functions behind a tessera's table: construct, call, drop.
//!
//! The expansion of `#[tessera]` calls them from the C functions of the table.

use super::{
    arguments::Arguments,
    async_call::{self, Reply},
    outcome::{guarded, to_outcome},
    panics,
};
use crate::host::failure;
use mosaic_abi::{Buffer, Definition, Failure, FailureKind, Layout, Outcome, Pending, Slice, TesseraTable, VERSION};
use std::{ffi::c_void, future::Future};

type Construct = unsafe extern "C" fn(*mut *mut c_void, *const Slice, usize, *mut Outcome) -> Pending;
type Call = unsafe extern "C" fn(*mut c_void, u32, *const Slice, usize, *mut Outcome) -> Pending;
type Drop = unsafe extern "C" fn(*mut c_void);

/// Makes the definition of a type. `type_name` is the name as the user wrote it, `object` the signature of an object.
///
/// # Panics
///
/// `methods` and `signatures` differ in length.
pub const fn definition<T>(
    type_name: &'static str,
    object: Slice,
    methods: &'static [Slice],
    signatures: &'static [Slice],
) -> Definition {
    assert!(methods.len() == signatures.len(), "each method has a signature");
    Definition {
        type_name: Slice::new(type_name.as_bytes()),
        object,
        layout: Layout::of::<T>(),
        methods: methods.as_ptr(),
        signatures: signatures.as_ptr(),
        method_count: methods.len(),
    }
}

/// Makes the table of a type.
pub const fn table(definition: Definition, construct: Construct, call: Call, drop: Drop) -> TesseraTable {
    TesseraTable {
        version: VERSION,
        definition,
        construct,
        call,
        drop,
    }
}

/// Compiles only if a worker may hold a `T`.
pub fn assert_sendable<T: Send + 'static>() {}

/// Makes the failure of a call to a method that the type does not have.
pub fn no_such_method(method: u32) -> Failure {
    failure(FailureKind::Runtime, format!("there is no method number {method}"))
}

/// Constructs an object by `run`, and writes its address to `object` or the failure to `outcome`.
///
/// # Safety
///
/// The pointers are those that the host passes to [`TesseraTable::construct`].
#[must_use]
pub unsafe fn construct<T>(
    type_name: &str,
    object: *mut *mut c_void,
    arguments: *const Slice,
    count: usize,
    outcome: *mut Outcome,
    mut run: impl FnMut(Arguments<'_>) -> Result<T, Failure>,
) -> Pending {
    let mut make = |arguments: Arguments<'_>| {
        let made = Box::new(run(arguments)?);
        // SAFETY: the host passes space for an address (see `TesseraTable`), and nobody else has it.
        unsafe { *object = Box::into_raw(made).cast() };
        Ok(Reply::Now(Buffer::default()))
    };
    // SAFETY: by this function's contract.
    unsafe { answer(type_name, "new", arguments, count, outcome, &mut make) }
}

/// Constructs an object by an async constructor, whose future `run` returns.
///
/// # Safety
///
/// The pointers are those that the host passes to [`TesseraTable::construct`].
#[must_use]
pub unsafe fn construct_later<T: Send + 'static, F: Future<Output = T> + Send + 'static>(
    type_name: &str,
    object: *mut *mut c_void,
    arguments: *const Slice,
    count: usize,
    outcome: *mut Outcome,
    mut run: impl FnMut(Arguments<'_>) -> Result<F, Failure>,
) -> Pending {
    let mut begin = |arguments: Arguments<'_>| {
        let future = run(arguments)?;
        let slot = ObjectSlot(object);
        async_call::later(async move {
            let made = Box::new(future.await);
            slot.fill(Box::into_raw(made).cast());
            Ok(Buffer::default())
        })
    };
    // SAFETY: by this function's contract.
    unsafe { answer(type_name, "new", arguments, count, outcome, &mut begin) }
}

/// The space to which an async constructor writes the address of its object.
struct ObjectSlot(*mut *mut c_void);

// SAFETY: the host reads the slot after the future that fills it has ended, and only one thread polls that future.
unsafe impl Send for ObjectSlot {}

impl ObjectSlot {
    fn fill(self, object: *mut c_void) {
        // SAFETY: the slot lives as long as the future that fills it (see `TesseraTable`), which has the only
        // `ObjectSlot`.
        unsafe { *self.0 = object };
    }
}

/// Calls a method of `object` by `run`, and writes how it ended to `outcome`.
///
/// # Safety
///
/// The pointers are those that the host passes to [`TesseraTable::call`], and [`construct`] made the object as a `T`.
#[must_use]
pub unsafe fn call<T>(
    definition: &Definition,
    object: *mut c_void,
    method: u32,
    arguments: *const Slice,
    count: usize,
    outcome: *mut Outcome,
    mut run: impl FnMut(&mut T, Arguments<'_>) -> Result<Reply, Failure>,
) -> Pending {
    // SAFETY: `object` came from `construct::<T>`, and the host lets at most one call at a time have it.
    let object = unsafe { &mut *object.cast::<T>() };
    let mut run = |arguments: Arguments<'_>| run(object, arguments);
    let (type_name, name) = (definition.type_name(), definition.method(method).unwrap_or("?"));
    // SAFETY: by this function's contract.
    unsafe { answer(type_name, name, arguments, count, outcome, &mut run) }
}

/// Drops an object. A panic in its destructor is printed, since nobody waits for it.
///
/// # Safety
///
/// [`construct`] made the object as a `T`, and no call has it.
pub unsafe fn drop_object<T>(object: *mut c_void) {
    // SAFETY: by this function's contract; the host drops an object once.
    let mut object = Some(unsafe { Box::from_raw(object.cast::<T>()) });
    panics::print_if_caught(&mut || object = None);
}

/// Runs `run` and writes how it ended to `outcome`, or returns its future. Not generic, so that it is compiled once.
///
/// # Safety
///
/// The host passes `count` arguments that it lends for the call, and an initialised outcome that outlives the call.
pub(crate) unsafe fn answer(
    type_name: &str,
    name: &str,
    arguments: *const Slice,
    count: usize,
    outcome: *mut Outcome,
    run: &mut dyn FnMut(Arguments<'_>) -> Result<Reply, Failure>,
) -> Pending {
    // SAFETY: by this function's contract.
    let arguments = unsafe { Arguments::lent(arguments, count) };
    let result = match guarded(|| run(arguments)) {
        Ok(Reply::Later(future)) => return async_call::pending(future, type_name, name),
        Ok(Reply::Now(value)) => Ok(value),
        Err(failure) => Err(failure),
    };
    // SAFETY: by this function's contract.
    unsafe { *outcome = to_outcome(type_name, name, result) };
    Pending::none()
}
