//! A self-describing encoding for any value that serde can serialise.
//!
//! A compact encoding such as postcard's writes no types and no names, and assumes that `Deserialize` asks for exactly
//! what `Serialize` wrote. With serde's attributes that is often wrong: a skipped field shifts all fields after it, a
//! skipped variant shifts the numbers of the variants, and untagged enums, internally tagged enums, flattened structs
//! and types such as `serde_json::Value` ask the bytes what comes next. Neither the sender nor the receiver can see
//! this in advance. So each value carries its types and names. A name is written once, and numbers of one type in a row
//! are written without their types.
//!
//! The encoding keeps every distinction of serde's data model: `Some(None)` is not `None`, `Some(())` is not `None`,
//! and the bits of floats stay. It says that it is human-readable, like JSON. Serde's buffers for untagged enums,
//! internally tagged enums and flattened structs say so in any case. A type that switches by it must see the same at
//! both ends.
//!
//! | bytes | value |
//! | --- | --- |
//! | `FALSE`, `TRUE`, `UNIT`, `NONE` | itself; a unit struct is a unit |
//! | `U8` … `F64`, bytes | a number, in little-endian order |
//! | `CHAR`, four bytes | a character |
//! | `STRING` or `BYTES`, length, bytes | a text, or bytes |
//! | `SOME`, value | an option with a value |
//! | `SEQUENCE`, expected length + 1 or 0, elements, `END` | a sequence, a tuple, a tuple struct |
//! | `MAP`, expected length + 1 or 0, keys and values, `END` | a map |
//! | `STRUCT`, names and values, `END` | a struct |
//! | `UNIT_VARIANT`, name | a variant without fields |
//! | `VARIANT`, name, value | a variant with fields: one value, a sequence or a struct |
//!
//! A newtype struct is its content. Lengths are numbers in LEB128. A name is its number in LEB128, from one on. The
//! next unused number is followed by the length and the bytes of a new name. The first elements of a sequence can be a
//! *run*: `RUN`, the type, the count as a `u32`, and the numbers without their types. A run of tuples is `TUPLES`, the
//! count of numbers in each tuple, their type, the count of tuples as a `u32`, and the numbers. Vectors and arrays of
//! numbers and of tuples are recognised, and their runs are copied in [`bulk`].

mod bulk;
mod decoder;
mod decoder_access;
mod encoder;
mod error;
mod names;
mod output;
mod run;
mod stack;
mod tag;
#[cfg(test)]
mod tests;
mod token;
mod tuples;

use decoder::Decoder;
use encoder::Encoder;
use output::Allocate;
pub(crate) use output::Encoded;
use serde::{Serialize, de::DeserializeOwned};

/// Encodes a value. If it has large rows of numbers, it is written to shared memory from `allocate`, as far as there is
/// any.
///
/// # Errors
///
/// The value's own `Serialize` refuses; the text is its reason.
pub(crate) fn encode<T: Serialize + ?Sized>(value: &T, allocate: Allocate) -> Result<Encoded, String> {
    let mut encoder = Encoder::new(allocate);
    match encoder.part(value) {
        Ok(()) => Ok(encoder.finish()),
        Err(error) => Err(error.into_reason()),
    }
}

/// Decodes a value that [`encode`] encoded.
///
/// # Errors
///
/// The bytes encode no `T`.
pub(crate) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, String> {
    let mut decoder = Decoder::new(bytes);
    let value = T::deserialize(&mut decoder);
    match decoder.finish() {
        Ok(()) => value.map_err(error::Error::into_reason),
        Err(unfinished) => Err(value.err().unwrap_or(unfinished).into_reason()),
    }
}

/// Decodes the element number `index` of a tuple that [`encode`] encoded.
///
/// # Errors
///
/// The bytes encode no tuple that has a `T` there.
pub(crate) fn decode_element<T: DeserializeOwned>(bytes: &[u8], index: usize) -> Result<T, String> {
    let mut decoder = Decoder::new(bytes);
    let element = decoder.elements().and_then(|mut elements| elements.nth(index));
    element.map_err(error::Error::into_reason)
}
