//! Encoding values, and those that are plain numbers in a row by one copy.
//!
//! Floats and bytes lie in memory as they are encoded, so what is copied here and what serde writes number by number are
//! the same bytes, and either side may do either. All else is serde's. What asks for a type is not generic, so that it is
//! compiled with this crate and not with each cell; the question costs some nanoseconds.

use crate::host;
use mosaic_abi::{Buffer, decode_first, encode as encode_each};
use ndarray::{Array, Dimension, Ix1, Ix2, Ix3, Ix4, Ix5, Ix6, IxDyn};
use serde::{Serialize, de::DeserializeOwned};
use std::any::{Any, TypeId};

/// How ndarray calls its own format.
pub(crate) const ARRAY_FORMAT: u8 = 1;

/// Calls a macro for each type of numbers that lie in memory as they are encoded.
macro_rules! for_plain_numbers {
    ($each:ident) => {
        $each!(f32);
        $each!(f64);
        $each!(u8);
        $each!(i8);
    };
}
pub(crate) use for_plain_numbers;

/// Encodes a value as [`mosaic_abi::encode`] does.
pub(crate) fn encode<T: Serialize + 'static>(value: &T) -> Result<Buffer, String> {
    encode_plain(value).unwrap_or_else(|| encode_each(value).map(Buffer::from))
}

/// Encodes a vector or an array of plain numbers that lie in a row.
fn encode_plain(value: &dyn Any) -> Option<Result<Buffer, String>> {
    macro_rules! try_number {
        ($number:ty) => {
            if let Some(numbers) = value.downcast_ref::<Vec<$number>>() {
                return Some(encode_slice(numbers));
            }
            try_array!($number, Ix1, Ix2, Ix3, Ix4, Ix5, Ix6, IxDyn);
        };
    }
    macro_rules! try_array {
        ($number:ty, $($dimension:ty),*) => {$(
            if let Some(array) = value.downcast_ref::<Array<$number, $dimension>>() {
                return encode_row(&array.raw_dim(), array.as_slice());
            }
        )*};
    }
    for_plain_numbers!(try_number);
    None
}

/// Encodes numbers, or whatever it is, as those of a vector.
pub(crate) fn encode_slice<A: Serialize + 'static>(numbers: &[A]) -> Result<Buffer, String> {
    match bytes_of(numbers) {
        Some(bytes) => Ok(with_bytes(&encode_each(&numbers.len())?, bytes)),
        None => encode_each(numbers).map(Buffer::from),
    }
}

/// Encodes an array, whose numbers are `numbers` where they lie in a row.
pub(crate) fn encode_array<A: 'static, D: Dimension + Serialize>(
    dimension: &D,
    numbers: Option<&[A]>,
    array: &impl Serialize,
) -> Result<Buffer, String> {
    encode_row(dimension, numbers).unwrap_or_else(|| encode_each(array).map(Buffer::from))
}

/// Encodes an array of plain numbers that lie in a row.
fn encode_row<A: 'static, D: Dimension + Serialize>(
    dimension: &D,
    numbers: Option<&[A]>,
) -> Option<Result<Buffer, String>> {
    let numbers = numbers?;
    let bytes = bytes_of(numbers)?;
    let prefix = encode_each(&(ARRAY_FORMAT, dimension, numbers.len()));
    Some(prefix.map(|prefix| with_bytes(&prefix, bytes)))
}

/// Both in a row: in memory of the host's, which processes share, where it has such room.
fn with_bytes(prefix: &[u8], bytes: &[u8]) -> Buffer {
    let len = prefix.len() + bytes.len();
    if let Some(mut room) = host::room(len, prefix.len()) {
        // SAFETY: the room is new, and of that length.
        let (begin, rest) = unsafe { room.as_mut_slice() }.split_at_mut(prefix.len());
        begin.copy_from_slice(prefix);
        rest.copy_from_slice(bytes);
        return room;
    }
    let mut encoded = mosaic_abi::room(len);
    encoded.extend_from_slice(prefix);
    encoded.extend_from_slice(bytes);
    Buffer::from(encoded)
}

/// The same bytes once more.
pub(crate) fn copy(bytes: &[u8]) -> Buffer {
    with_bytes(&[], bytes)
}

/// The bytes of numbers that lie in memory as they are encoded.
fn bytes_of<A: 'static>(numbers: &[A]) -> Option<&[u8]> {
    let mut plain = false;
    macro_rules! try_number {
        ($number:ty) => {
            plain |= TypeId::of::<A>() == TypeId::of::<$number>();
        };
    }
    for_plain_numbers!(try_number);
    if !plain || cfg!(target_endian = "big") {
        return None;
    }
    // SAFETY: an `A` is one of the numbers above, which are all bytes and no padding, and the slice is lent for as long.
    Some(unsafe { std::slice::from_raw_parts(numbers.as_ptr().cast(), size_of_val(numbers)) })
}

/// Decodes what [`encode`] or [`mosaic_abi::encode`] made.
pub(crate) fn decode<T: DeserializeOwned + 'static>(bytes: &[u8]) -> Result<T, String> {
    let mut decoded: Option<T> = None;
    decode_plain(&mut decoded, bytes);
    decoded.map_or_else(|| mosaic_abi::decode(bytes), Ok)
}

/// Decodes into the `Option` of a vector or an array of plain numbers; does nothing to another one, or where the bytes are
/// no such numbers, of which serde says why.
fn decode_plain(decoded: &mut dyn Any, bytes: &[u8]) {
    macro_rules! try_number {
        ($number:ty) => {
            if let Some(numbers) = decoded.downcast_mut::<Option<Vec<$number>>>() {
                return *numbers = decode_numbers!($number, bytes);
            }
            try_array!($number, Ix1, Ix2, Ix3, Ix4, Ix5, Ix6, IxDyn);
        };
    }
    macro_rules! try_array {
        ($number:ty, $($dimension:ty),*) => {$(
            if let Some(array) = decoded.downcast_mut::<Option<Array<$number, $dimension>>>() {
                if let Ok(((ARRAY_FORMAT, dimension), bytes)) = decode_first::<(u8, $dimension)>(bytes) {
                    let numbers: Option<Vec<$number>> = decode_numbers!($number, bytes);
                    *array = numbers.and_then(|numbers| Array::from_shape_vec(dimension, numbers).ok());
                }
                return;
            }
        )*};
    }
    macro_rules! decode_numbers {
        ($number:ty, $bytes:expr) => {
            decode_first::<usize>($bytes).ok().and_then(|(len, bytes)| {
                let (numbers, _) = bytes.as_chunks::<{ size_of::<$number>() }>();
                let numbers = numbers.get(..len)?;
                let mut decoded = mosaic_abi::room(len);
                decoded.extend(numbers.iter().map(|number| <$number>::from_le_bytes(*number)));
                Some(decoded)
            })
        };
    }
    for_plain_numbers!(try_number);
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array0, Array1, Array2, Array3, ArrayD, s};
    use std::fmt::Debug;

    /// Whether a value's bytes are those that serde writes, and are read again.
    fn check<T: Serialize + DeserializeOwned + PartialEq + Debug + 'static>(value: &T) {
        let encoded = encode(value).unwrap();
        assert!(*encoded == encode_each(value).unwrap()[..], "{value:?}");
        assert!(decode::<T>(&encoded).unwrap() == *value, "{value:?}");
        for len in 0..encoded.len().min(20) {
            assert!(decode::<T>(&encoded[..len]).is_err(), "{value:?} of {len} bytes");
        }
    }

    #[test]
    fn bytes_are_those_of_serde() {
        check(&vec![1.5_f32, f32::MIN, -0.0, f32::INFINITY]);
        check(&vec![1.5_f64; 300]);
        check(&(0..=255).collect::<Vec<u8>>());
        check(&(-128..=127).collect::<Vec<i8>>());
        check(&Vec::<f32>::new());
        check(&vec![1_u32, 70_000]);
        check(&vec![vec![1.0_f32], vec![]]);
        check(&("text".to_owned(), vec![2.0_f32]));
        check(&Array0::from_elem((), 1.0_f32));
        check(&Array1::from_elem(300, 1.5_f64));
        check(&Array2::<f32>::from_shape_fn((3, 4), |(i, j)| (i * 4 + j) as f32));
        check(&Array3::<u8>::zeros((0, 2, 3)));
        check(&ArrayD::<f32>::ones(vec![2, 3, 1, 1, 1, 1, 2]));
        check(&Array2::<i64>::ones((2, 3)));
    }

    #[test]
    fn what_does_not_lie_in_a_row_is_read_in_its_order() {
        let array = Array2::<f32>::from_shape_fn((3, 4), |(i, j)| (i * 4 + j) as f32);
        check(&array.clone().reversed_axes());
        check(&array.slice(s![.., ..;2]).to_owned());
        let view = array.slice(s![.., 1]);
        assert_eq!(
            &*encode_array(&view.raw_dim(), view.as_slice(), &view).unwrap(),
            encode_each(&view.to_owned()).unwrap()
        );
    }

    #[test]
    fn numbers_that_are_not_there_are_an_error() {
        assert!(decode::<Vec<f32>>(&encode_each(&usize::MAX).unwrap()).is_err());
        let shape = encode_each(&(ARRAY_FORMAT, Ix2(3, 2), 5, [0.0_f32; 5])).unwrap();
        assert!(decode::<Array2<f32>>(&shape).is_err());
    }
}
