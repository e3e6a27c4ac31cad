//! The arguments of one call, as its worker receives them.

use crate::{
    host::failure,
    value::{
        encoding::{self, Destination},
        lent::Lent,
        portable::Portable,
    },
};
use mosaic_abi::{Buffer, Failure, FailureKind, Slice};

/// The encoded arguments of one call.
pub struct Arguments<'a>(&'a [Slice]);

impl<'a> Arguments<'a> {
    /// Takes the arguments that the host lends for a call.
    ///
    /// # Safety
    ///
    /// `arguments` points to `count` slices that live for `'a`.
    pub(crate) unsafe fn lent(arguments: *const Slice, count: usize) -> Arguments<'a> {
        if count == 0 {
            return Arguments(&[]);
        }
        // SAFETY: by this function's contract.
        Arguments(unsafe { std::slice::from_raw_parts(arguments, count) })
    }

    /// Returns the bytes of the first argument.
    pub(crate) fn first(&self) -> &'a [u8] {
        // SAFETY: the host lends the bytes for the call, and `'a` ends with it.
        self.0.first().map_or(&[], |argument| unsafe { argument.as_bytes() })
    }

    /// Decodes argument number `index`, which the signature calls `name`.
    ///
    /// # Errors
    ///
    /// The argument is missing, or it is no `T`.
    pub fn decode<T: Portable>(&self, index: usize, name: &str) -> Result<T, Failure> {
        encoding::decode(self.bytes(index, name)?).map_err(|error| undecodable::<T>(name, &error))
    }

    /// Reads argument number `index` in place, if its bytes allow it, for a method that borrows it.
    ///
    /// # Errors
    ///
    /// The argument is missing, or it is no `T`.
    pub fn lend<T: Portable>(&self, index: usize, name: &str) -> Result<Lent<'a, T>, Failure> {
        Lent::decode(self.bytes(index, name)?).map_err(|error| undecodable::<T>(name, &error))
    }

    fn bytes(&self, index: usize, name: &str) -> Result<&'a [u8], Failure> {
        match self.0.get(index) {
            // SAFETY: the host lends the bytes for the call (see `TesseraTable`), and `'a` ends with it.
            Some(argument) => Ok(unsafe { argument.as_bytes() }),
            None => {
                let message = format!("argument `{name}` is missing: {} were passed", self.0.len());
                Err(failure(FailureKind::NotPortable, message))
            }
        }
    }
}

fn undecodable<T>(name: &str, error: &str) -> Failure {
    undecodable_as(std::any::type_name::<T>(), name, error)
}

/// Not generic and not inlined, so that it is compiled once.
#[inline(never)]
fn undecodable_as(type_name: &str, name: &str, error: &str) -> Failure {
    let message = format!("argument `{name}` could not be decoded as `{type_name}`: {error}");
    failure(FailureKind::NotPortable, message)
}

/// Encodes the value that a method returned.
///
/// # Errors
///
/// The value's `Serialize` refuses.
pub fn encode<T: Portable>(value: &T) -> Result<Buffer, Failure> {
    encoding::encode(value, Destination::Call).map_err(|error| unencodable(std::any::type_name::<T>(), &error))
}

/// Not generic and not inlined, so that it is compiled once.
#[inline(never)]
fn unencodable(type_name: &str, error: &str) -> Failure {
    let message = format!("the returned `{type_name}` could not be encoded: {error}");
    failure(FailureKind::NotPortable, message)
}
