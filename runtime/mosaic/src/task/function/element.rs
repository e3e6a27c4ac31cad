//! Functions that take an element out of an encoded tuple.

use super::tables::{answer, name, table};
use crate::{
    guest::{arguments::Arguments, async_call::now},
    host::failure,
    value::{encoding, portable::Portable},
};
use mosaic_abi::{Failure, FailureKind, FunctionTable, Layout, Outcome, Pending, Slice, VERSION};
use std::{ffi::c_void, marker::PhantomData};

/// Returns the table of a function that takes the element number `INDEX`, a `T`, out of an encoded tuple.
pub(crate) fn element<const INDEX: usize, T: Portable>() -> &'static FunctionTable {
    unsafe extern "C" fn run<const INDEX: usize, T: Portable>(
        _: *mut c_void,
        arguments: *const Slice,
        count: usize,
        outcome: *mut Outcome,
    ) -> Pending {
        let call = |arguments: Arguments<'_>| {
            let element = encoding::decode_element::<T>(arguments.first(), INDEX);
            now(&element.map_err(|error| not_a_tuple(&error))?)
        };
        // SAFETY: the host passes what `FunctionTable` says.
        unsafe { answer::<Element<T>>(arguments, count, outcome, call) }
    }
    table!(Element<T>, (), run::<INDEX, T>)
}

/// Not generic and not inlined, so that it is compiled once.
#[inline(never)]
fn not_a_tuple(error: &str) -> Failure {
    failure(
        FailureKind::NotPortable,
        format!("the result is no such tuple: {error}"),
    )
}

/// Names the function: its type name is shown in errors and timelines.
struct Element<T>(PhantomData<T>);
