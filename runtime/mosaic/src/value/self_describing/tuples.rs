//! Rows of pairs, triples, short arrays of numbers and complex numbers, copied in bulk.
//!
//! serde writes each of these types as a tuple of numbers of one type. In memory, each consists of these numbers in a
//! row. So a vector of them is one run of tuples: the width of a tuple, the type of its numbers, and then all numbers.
//! Whoever reads the run element by element sees sequences of numbers.

use super::{bulk::is_serdes, decoder::Decoder, encoder::Encoder, run::Run, tag::*};
use crate::value::encoding::read_plain;
use num_complex::Complex;
use std::{any::TypeId, mem::offset_of, slice};

/// Calls a macro with each type of tuples, the type and the tag of its numbers, and how many it has.
macro_rules! for_each_tuple {
    ($each:ident) => {
        for_each_tuple!($each, u8, U8);
        for_each_tuple!($each, i32, I32);
        for_each_tuple!($each, u32, U32);
        for_each_tuple!($each, i64, I64);
        for_each_tuple!($each, u64, U64);
        for_each_tuple!($each, f32, F32);
        for_each_tuple!($each, f64, F64);
        #[cfg(target_pointer_width = "64")]
        for_each_tuple!($each, usize, U64);
        $each!(Complex<f32>, f32, F32, 2);
        $each!(Complex<f64>, f64, F64, 2);
    };
    ($each:ident, $number:ty, $tag:ident) => {
        $each!(($number, $number), $number, $tag, 2);
        $each!(($number, $number, $number), $number, $tag, 3);
        $each!([$number; 2], $number, $tag, 2);
        $each!([$number; 3], $number, $tag, 3);
        $each!([$number; 4], $number, $tag, 4);
    };
}

/// Returns whether a `T` is `width` numbers of the type `N` in a row. Rust does not promise the order of a tuple's
/// fields.
const fn is_row<T, N>(width: usize) -> bool {
    cfg!(target_endian = "little")
        && size_of::<T>() == width * size_of::<N>()
        && offset_of!((N, N), 0) == 0
        && offset_of!((N, N), 1) == size_of::<N>()
        && offset_of!((N, N, N), 0) == 0
        && offset_of!((N, N, N), 1) == size_of::<N>()
        && offset_of!((N, N, N), 2) == 2 * size_of::<N>()
}

/// Writes a sequence in bulk, if `row` is a reference to a vector or a slice of such tuples, as `type_id` tells.
/// Returns whether it did.
///
/// # Safety
///
/// `row` points to a value of the type of `type_id`, but for its lifetime, which is borrowed during this call.
pub(super) unsafe fn write_row_of(type_id: TypeId, row: *const (), encoder: &mut Encoder) -> bool {
    macro_rules! try_tuple {
        ($tuple:ty, $number:ty, $tag:ident, $width:literal) => {
            let tuples = if type_id == TypeId::of::<&'static Vec<$tuple>>() {
                // SAFETY: the caller says so.
                Some(unsafe { *row.cast::<&Vec<$tuple>>() }.as_slice())
            } else if type_id == TypeId::of::<&'static [$tuple]>() {
                // SAFETY: as above.
                Some(unsafe { *row.cast::<&[$tuple]>() })
            } else {
                None
            };
            if let Some(tuples) = tuples {
                if !const { is_row::<$tuple, $number>($width) } {
                    return false;
                }
                // SAFETY: the tuples consist of numbers in a row, so of bytes without padding, which are lent for as
                // long as the tuples.
                let bytes = unsafe { slice::from_raw_parts(tuples.as_ptr().cast(), size_of_val(tuples)) };
                return encoder.row(&[TUPLES, $width, $tag], tuples.len(), bytes);
            }
        };
    }
    for_each_tuple!(try_tuple);
    false
}

/// Reads a vector of tuples in bulk, if `type_id` is that of such a vector and the bytes have such tuples. Otherwise
/// reads nothing. `visitor` is the name of the type of serde's visitor.
///
/// # Safety
///
/// `vector` points to an option of the type of `type_id`, which is borrowed during this call.
pub(super) unsafe fn read_vector_of(type_id: TypeId, visitor: &str, vector: *mut (), decoder: &mut Decoder) {
    macro_rules! try_tuple {
        ($tuple:ty, $number:ty, $tag:ident, $width:literal) => {
            if type_id == TypeId::of::<Vec<$tuple>>() {
                // Another visitor may make another vector of the same tuples.
                if is_serdes(visitor) && const { is_row::<$tuple, $number>($width) } {
                    let tuples = decoder
                        .row(Run::tuples($tag, $width), size_of::<$tuple>())
                        // SAFETY: a tuple is numbers in a row, and any bytes are a number.
                        .and_then(|(count, bytes)| unsafe { read_plain::<$tuple>(bytes, count) });
                    // SAFETY: the caller says so.
                    unsafe { *vector.cast::<Option<Vec<$tuple>>>() = tuples };
                }
                return;
            }
        };
    }
    for_each_tuple!(try_tuple);
}
