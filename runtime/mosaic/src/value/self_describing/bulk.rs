//! Vectors and arrays of numbers and of `bool` inside other values, copied in bulk. `tuples` has those of pairs and the
//! like.
//!
//! serde hands over numbers one by one. Here the encoder and the decoder recognise the types that have all their numbers
//! in a row, and copy the row. The bytes are the same either way.
//!
//! A type is recognised by its [`typeid`], which also types with lifetimes have. It tells types apart as a `TypeId`
//! does, except for lifetimes.

use super::{decoder::Decoder, encoder::Encoder, error::Error, run::Run, tag::*, tuples};
use crate::value::encoding::{ARRAY_FORMAT, bytes_of, read_numbers};
use ndarray::{Array, Dimension, Ix1, Ix2, Ix3, Ix4, Ix5, Ix6, IxDyn};
use num_complex::Complex;
use serde::{Serialize, Serializer, ser::SerializeStruct};
use std::{
    any::{TypeId, type_name},
    mem::needs_drop,
};

/// Begins the names of serde's own visitors, in the crates that have had them.
const SERDES_VISITORS: [&str; 2] = ["serde_core::de::impls::", "serde::de::impls::"];

/// Returns whether the visitor whose type has this name is serde's own. Any other may make something else of a
/// sequence.
pub(super) fn is_serdes(visitor: &str) -> bool {
    SERDES_VISITORS.iter().any(|begin| visitor.starts_with(begin))
}

/// Calls a macro with each number type that serde has, and with its tag.
macro_rules! for_each_number {
    ($each:ident) => {
        $each!(u8, U8);
        $each!(u16, U16);
        $each!(u32, U32);
        $each!(u64, U64);
        $each!(u128, U128);
        $each!(i8, I8);
        $each!(i16, I16);
        $each!(i32, I32);
        $each!(i64, I64);
        $each!(i128, I128);
        $each!(f32, F32);
        $each!(f64, F64);
        // serde writes these with 64 bits.
        #[cfg(target_pointer_width = "64")]
        $each!(usize, U64);
        #[cfg(target_pointer_width = "64")]
        $each!(isize, I64);
    };
}

/// Writes an array of numbers or of `bool` as ndarray would. Returns `None`, and writes nothing, if the value is no such
/// array.
#[inline]
pub(super) fn write_array<T: ?Sized>(value: &T, encoder: &mut Encoder) -> Option<Result<(), Error>> {
    // Arrays own memory. The compiler leaves out the rest for other types.
    match needs_drop::<T>() {
        true => write_array_of(typeid::of::<T>(), (&raw const *value).cast(), encoder),
        false => None,
    }
}

/// Does the work of [`write_array`]. Not generic, so that no cell compiles it.
fn write_array_of(type_id: TypeId, value: *const (), encoder: &mut Encoder) -> Option<Result<(), Error>> {
    macro_rules! try_number {
        ($number:ty, $tag:ident) => {
            try_array!($number, Ix1, Ix2, Ix3, Ix4, Ix5, Ix6, IxDyn);
        };
    }
    macro_rules! try_array {
        ($number:ty, $($dimension:ty),*) => {$(
            if type_id == TypeId::of::<Array<$number, $dimension>>() {
                // SAFETY: the caller's value has this type, which has no lifetimes, and is borrowed during this call.
                let array = unsafe { &*value.cast::<Array<$number, $dimension>>() };
                return Some(write_parts(array.raw_dim(), array.as_slice()?, encoder));
            }
        )*};
    }
    for_each_number!(try_number);
    try_array!(Complex<f32>, Ix1, Ix2, Ix3, Ix4, Ix5, Ix6, IxDyn);
    try_array!(Complex<f64>, Ix1, Ix2, Ix3, Ix4, Ix5, Ix6, IxDyn);
    try_array!(bool, Ix1, Ix2, Ix3, Ix4, Ix5, Ix6, IxDyn);
    None
}

/// Writes what ndarray's `Serialize` writes.
fn write_parts<A: Serialize, D: Dimension + Serialize>(
    dimension: D,
    numbers: &[A],
    encoder: &mut Encoder,
) -> Result<(), Error> {
    let mut parts = encoder.serialize_struct("Array", 3)?;
    parts.serialize_field("v", &ARRAY_FORMAT)?;
    parts.serialize_field("dim", &dimension)?;
    parts.serialize_field("data", numbers)?;
    parts.end()
}

/// Writes a sequence in bulk, if `I` is a reference to a vector or a slice of numbers or of `bool`. Returns whether it
/// did.
#[inline]
pub(super) fn write_row<I>(row: &I, encoder: &mut Encoder) -> bool {
    // A reference, and no other iterator.
    match !needs_drop::<I>() && size_of::<I>() <= size_of::<&[u8]>() {
        true => write_row_of(typeid::of::<I>(), (&raw const *row).cast(), encoder),
        false => false,
    }
}

/// Does the work of [`write_row`].
fn write_row_of(type_id: TypeId, row: *const (), encoder: &mut Encoder) -> bool {
    macro_rules! row_of {
        ($element:ty) => {
            if type_id == TypeId::of::<&'static Vec<$element>>() {
                // SAFETY: the caller's value has this type but for its lifetime, and is borrowed during this call.
                Some(unsafe { *row.cast::<&Vec<$element>>() }.as_slice())
            } else if type_id == TypeId::of::<&'static [$element]>() {
                // SAFETY: as above.
                Some(unsafe { *row.cast::<&[$element]>() })
            } else {
                None
            }
        };
    }
    macro_rules! try_number {
        ($number:ty, $tag:ident) => {
            if let Some(numbers) = row_of!($number) {
                return bytes_of(numbers).is_some_and(|bytes| encoder.row(&[RUN, $tag], numbers.len(), bytes));
            }
        };
    }
    for_each_number!(try_number);
    if let Some(flags) = row_of!(bool) {
        return encoder.flags(flags);
    }
    // SAFETY: as above.
    unsafe { tuples::write_row_of(type_id, row, encoder) }
}

/// Reads a vector of numbers or of `bool` in bulk, if that is what serde's visitor `V` makes of a sequence and the bytes
/// have the elements in a row. Otherwise reads nothing.
#[inline]
pub(super) fn read_vector<V, T>(decoder: &mut Decoder) -> Option<T> {
    let mut vector: Option<T> = None;
    if needs_drop::<T>() {
        read_vector_of(typeid::of::<T>(), type_name::<V>(), (&raw mut vector).cast(), decoder);
    }
    vector
}

/// Does the work of [`read_vector`]: sets `vector`, an `Option` of the type of `type_id`.
fn read_vector_of(type_id: TypeId, visitor: &str, vector: *mut (), decoder: &mut Decoder) {
    macro_rules! try_number {
        ($number:ty, $tag:ident) => {
            if type_id == TypeId::of::<Vec<$number>>() {
                // Another visitor may make another vector of the same numbers.
                if is_serdes(visitor) && cfg!(target_endian = "little") {
                    let numbers = decoder
                        .row(Run::numbers($tag), size_of::<$number>())
                        .and_then(|(count, bytes)| read_numbers::<$number>(bytes, count));
                    // SAFETY: the caller's value is an option of this type, which has no lifetimes, and is borrowed
                    // during this call.
                    unsafe { *vector.cast::<Option<Vec<$number>>>() = numbers };
                }
                return;
            }
        };
    }
    for_each_number!(try_number);
    if type_id == TypeId::of::<Vec<bool>>() && is_serdes(visitor) {
        let flags = decoder.flags();
        // SAFETY: as above.
        unsafe { *vector.cast::<Option<Vec<bool>>>() = flags };
        return;
    }
    // SAFETY: as above.
    unsafe { tuples::read_vector_of(type_id, visitor, vector, decoder) };
}

impl Encoder {
    /// Writes a sequence of `bool`, each of which is its tag. Returns whether it did.
    fn flags(&mut self, flags: &[bool]) -> bool {
        if self.stack.check().is_err() {
            return false;
        }
        self.output.reserve(flags.len());
        self.tag(SEQUENCE);
        self.expected(Some(flags.len()));
        self.output
            .tail
            .extend(flags.iter().map(|flag| if *flag { TRUE } else { FALSE }));
        self.tag(END);
        true
    }
}

impl<'de> Decoder<'de> {
    /// Reads a sequence if it is next and consists of `bool`. Otherwise reads nothing.
    fn flags(&mut self) -> Option<Vec<bool>> {
        let begin = self.position;
        let found = self.try_flags();
        if found.is_none() {
            self.position = begin;
        }
        found
    }

    fn try_flags(&mut self) -> Option<Vec<bool>> {
        if self.is_left || self.stack.check().is_err() || !self.read_tag_if(SEQUENCE) {
            return None;
        }
        let count = self.expected().ok()??;
        let tags = self.take(count).ok()?;
        let are_flags = tags.iter().all(|tag| matches!(*tag, FALSE | TRUE)) && self.read_end();
        are_flags.then(|| tags.iter().map(|tag| *tag == TRUE).collect())
    }
}
