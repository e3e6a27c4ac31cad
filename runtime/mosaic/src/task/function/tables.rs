//! The tables by which workers run functions that capture nothing.

use super::{AsyncFunction, Function};
use crate::{
    guest::{
        arguments::Arguments,
        async_call::{Reply, now},
        entry,
    },
    proxy::actor::Actor,
    value::portable::Portable,
};
use mosaic_abi::{Buffer, Failure, FunctionTable, Layout, Outcome, Pending, Slice, VERSION, short_name};
use std::{any::type_name, ffi::c_void, ptr::NonNull};

/// Returns the only value of a function type that has no size.
fn conjured<F: Copy + 'static>() -> F {
    const {
        assert!(
            size_of::<F>() == 0,
            "only a function that captures nothing can travel: pass what it needs as arguments, and a function by its name \
             rather than as a pointer"
        );
    }
    // SAFETY: `F` has no bytes, so any aligned address holds a value of it. The caller had a value, which it passed to
    // get here, and `F` is `Copy`, so another value makes no difference.
    unsafe { NonNull::<F>::dangling().read() }
}

/// Returns the name of a type. The function lies in the library whose definition of the type it names.
pub(crate) extern "C" fn name<F>() -> Slice {
    Slice::from(type_name::<F>())
}

/// Makes the table of a function whose code is `$run`, run on an object of the type `$object` with the signature
/// `$signature`.
macro_rules! table {
    ($function:ty, $run:expr) => {
        table!($function, (), Slice::new(b""), $run)
    };
    ($function:ty, $object:ty, $signature:expr, $run:expr) => {
        const {
            &FunctionTable {
                version: VERSION,
                name: name::<$function>,
                layout: Layout::of::<$object>(),
                object: $signature,
                run: $run,
            }
        }
    };
}

pub(super) use table;

/// Returns the table of a function of its arguments alone.
pub(crate) fn plain<F: Function<P>, P: 'static>(_: F) -> &'static FunctionTable {
    unsafe extern "C" fn run<F: Function<P>, P>(
        _: *mut c_void,
        arguments: *const Slice,
        count: usize,
        outcome: *mut Outcome,
    ) -> Pending {
        let call = |arguments: Arguments<'_>| now(&conjured::<F>().run(&arguments)?);
        // SAFETY: the host passes what `FunctionTable` says.
        unsafe { answer::<F>(arguments, count, outcome, call) }
    }
    table!(F, run::<F, P>)
}

/// Returns the table of an async function.
pub(crate) fn awaited<F: AsyncFunction<P>, P: 'static>(_: F) -> &'static FunctionTable {
    unsafe extern "C" fn run<F: AsyncFunction<P>, P>(
        _: *mut c_void,
        arguments: *const Slice,
        count: usize,
        outcome: *mut Outcome,
    ) -> Pending {
        let call = |arguments: Arguments<'_>| conjured::<F>().begin(&arguments);
        // SAFETY: the host passes what `FunctionTable` says.
        unsafe { answer::<F>(arguments, count, outcome, call) }
    }
    table!(F, run::<F, P>)
}

/// Returns the table of a function that reads a tessera's object.
pub(crate) fn reading<T: Actor, R: Portable, F: Fn(&T) -> R + Copy + 'static>(_: F) -> &'static FunctionTable {
    unsafe extern "C" fn run<T: 'static, R: Portable, F: Fn(&T) -> R + Copy + 'static>(
        object: *mut c_void,
        arguments: *const Slice,
        count: usize,
        outcome: *mut Outcome,
    ) -> Pending {
        // SAFETY: the host passes an object whose signature is that of `T`, and no other call has it.
        let object = unsafe { &*object.cast::<T>() };
        let call = |_: Arguments<'_>| now(&conjured::<F>()(object));
        // SAFETY: the host passes what `FunctionTable` says.
        unsafe { answer::<F>(arguments, count, outcome, call) }
    }
    table!(F, T, T::OBJECT, run::<T, R, F>)
}

/// Returns the table of a function that changes a tessera's object.
pub(crate) fn changing<T: Actor, A: Portable, R: Portable, F>(_: F) -> &'static FunctionTable
where
    F: Fn(&mut T, A) -> R + Copy + 'static,
{
    unsafe extern "C" fn run<T: 'static, A: Portable, R: Portable, F: Fn(&mut T, A) -> R + Copy + 'static>(
        object: *mut c_void,
        arguments: *const Slice,
        count: usize,
        outcome: *mut Outcome,
    ) -> Pending {
        // SAFETY: as in `reading`.
        let object = unsafe { &mut *object.cast::<T>() };
        let call = |arguments: Arguments<'_>| {
            let argument = arguments.decode::<A>(0, "number 0")?;
            now(&conjured::<F>()(object, argument))
        };
        // SAFETY: the host passes what `FunctionTable` says.
        unsafe { answer::<F>(arguments, count, outcome, call) }
    }
    table!(F, T, T::OBJECT, run::<T, A, R, F>)
}

/// Returns the table of a function that makes a tessera's object from its argument.
pub(crate) fn making<T: Actor + Portable>() -> &'static FunctionTable {
    unsafe extern "C" fn run<T: Portable>(
        object: *mut c_void,
        arguments: *const Slice,
        count: usize,
        outcome: *mut Outcome,
    ) -> Pending {
        let call = |arguments: Arguments<'_>| {
            let made = Box::into_raw(Box::new(arguments.decode::<T>(0, "number 0")?));
            // SAFETY: the host passes space for an object's address, and nobody else has it.
            unsafe { *object.cast::<*mut c_void>() = made.cast() };
            Ok(Reply::Now(Buffer::default()))
        };
        // SAFETY: the host passes what `FunctionTable` says.
        unsafe { answer::<T>(arguments, count, outcome, call) }
    }
    table!(T, T, T::OBJECT, run::<T>)
}

/// Runs `call` and writes how it ended to `outcome`, or returns its future.
///
/// # Safety
///
/// The host passes `count` arguments that are lent for the call, and an outcome that it initialised.
pub(super) unsafe fn answer<F>(
    arguments: *const Slice,
    count: usize,
    outcome: *mut Outcome,
    mut call: impl FnMut(Arguments<'_>) -> Result<Reply, Failure>,
) -> Pending {
    // SAFETY: by this function's contract.
    unsafe { entry::answer("", short_name(type_name::<F>()), arguments, count, outcome, &mut call) }
}
