//! Functions that take an element out of an encoded tuple.

use super::tables::{answer, name, table};
use crate::{
    guest::{arguments::Arguments, async_call::now},
    host::failure,
    value::portable::Portable,
};
use mosaic_abi::{FailureKind, FunctionTable, Layout, Outcome, Pending, Slice, VERSION, decode_first};
use std::{ffi::c_void, marker::PhantomData};

/// The types that precede an element in a tuple.
pub(crate) trait Prefix {
    /// Skips values of these types, and returns the bytes after them.
    fn skip(bytes: &[u8]) -> Result<&[u8], String>;
}

macro_rules! prefix {
    ($($name:ident)*) => {
        impl<$($name: Portable),*> Prefix for ($($name,)*) {
            fn skip(bytes: &[u8]) -> Result<&[u8], String> {
                $(let (_, bytes) = decode_first::<$name>(bytes)?;)*
                Ok(bytes)
            }
        }
    };
}

prefix!();
prefix!(A);
prefix!(A B);
prefix!(A B C);
prefix!(A B C D);
prefix!(A B C D E);

/// Returns the table of a function that takes the element `T` out of an encoded tuple, in which it follows `Before`.
///
/// The elements of a tuple are encoded one after the other.
pub(crate) fn element<Before: Prefix + 'static, T: Portable>() -> &'static FunctionTable {
    unsafe extern "C" fn run<Before: Prefix, T: Portable>(
        _: *mut c_void,
        arguments: *const Slice,
        count: usize,
        outcome: *mut Outcome,
    ) -> Pending {
        let call = |arguments: Arguments<'_>| {
            let element = Before::skip(arguments.first()).and_then(decode_first::<T>);
            let refuse = |error| {
                failure(
                    FailureKind::NotPortable,
                    format!("the result is no such tuple: {error}"),
                )
            };
            now(&element.map_err(refuse)?.0)
        };
        // SAFETY: the host passes what `FunctionTable` says.
        unsafe { answer::<Element<T>>(arguments, count, outcome, call) }
    }
    table!(Element<T>, run::<Before, T>)
}

/// Names the function: its type name is shown in errors and timelines.
struct Element<T>(PhantomData<T>);
