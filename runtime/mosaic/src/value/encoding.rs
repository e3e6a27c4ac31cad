//! Encoding values, and those that are plain numbers in a row by one copy.
//!
//! Floats, complex numbers of them and bytes lie in memory as serde would encode them. Integers do not: serde writes small
//! ones in fewer bytes, one by one. Vectors and arrays of them travel as they lie in memory, wherever they are a whole
//! argument or result; inside of other values they are serde's. What asks for a type is not generic, so that it is compiled
//! with this crate and not with each cell; the question costs some nanoseconds.

use crate::{host, value::parallel_copy::fill};
use mosaic_abi::{Buffer, decode_first, encode as encode_each};
use ndarray::{Array, ArrayRef, Dimension, Ix1, Ix2, Ix3, Ix4, Ix5, Ix6, IxDyn};
use serde::{Serialize, de::DeserializeOwned};
use std::{
    any::{Any, TypeId},
    mem::{MaybeUninit, needs_drop},
};

/// How ndarray calls its own format.
pub(crate) const ARRAY_FORMAT: u8 = 1;

/// Calls a macro for each type of numbers that travel as they lie in memory.
macro_rules! for_plain_numbers {
    ($each:ident) => {
        $each!(f32);
        $each!(f64);
        $each!(u8);
        $each!(i8);
        $each!(u16);
        $each!(i16);
        $each!(u32);
        $each!(i32);
        $each!(u64);
        $each!(i64);
        $each!(u128);
        $each!(i128);
        $each!(usize);
        $each!(isize);
        $each!(num_complex::Complex<f32>);
        $each!(num_complex::Complex<f64>);
    };
}
pub(crate) use for_plain_numbers;

/// What a value is encoded for: a large one is written where it is to lie.
#[derive(Clone, Copy)]
pub(crate) enum Aim {
    Travel,
    Store,
}

/// Encodes a value.
pub(crate) fn encode<T: Serialize + 'static>(value: &T, aim: Aim) -> Result<Buffer, String> {
    // What owns nothing is no vector.
    let plain = if needs_drop::<T>() {
        encode_plain(value, aim)
    } else {
        None
    };
    plain.unwrap_or_else(|| encode_each(value).map(|bytes| written(bytes, aim)))
}

/// Encodes a text, or a vector or an array of plain numbers.
fn encode_plain(value: &dyn Any, aim: Aim) -> Option<Result<Buffer, String>> {
    macro_rules! try_number {
        ($number:ty) => {
            if let Some(numbers) = value.downcast_ref::<Vec<$number>>() {
                return Some(encode_slice(numbers, aim));
            }
            try_array!($number, Ix1, Ix2, Ix3, Ix4, Ix5, Ix6, IxDyn);
        };
    }
    macro_rules! try_array {
        ($number:ty, $($dimension:ty),*) => {$(
            if let Some(array) = value.downcast_ref::<Array<$number, $dimension>>() {
                return Some(encode_array(array, aim));
            }
        )*};
    }
    if let Some(text) = value.downcast_ref::<String>() {
        return Some(encode_text(text, aim));
    }
    for_plain_numbers!(try_number);
    None
}

/// Encodes a text.
pub(crate) fn encode_text(text: &str, aim: Aim) -> Result<Buffer, String> {
    Ok(with_bytes(&encode_each(&text.len())?, text.as_bytes(), aim))
}

/// Encodes numbers, or whatever it is, as those of a vector.
pub(crate) fn encode_slice<A: Serialize + 'static>(numbers: &[A], aim: Aim) -> Result<Buffer, String> {
    match bytes_of(numbers) {
        Some(bytes) => Ok(with_bytes(&encode_each(&numbers.len())?, bytes, aim)),
        None => encode_each(numbers).map(|bytes| written(bytes, aim)),
    }
}

/// Encodes an array, whatever is in it and in whatever order that lies.
pub(crate) fn encode_array<A: Serialize + 'static, D: Dimension + Serialize>(
    array: &ArrayRef<A, D>,
    aim: Aim,
) -> Result<Buffer, String> {
    if !is_plain::<A>() {
        return encode_each(&array.view()).map(|bytes| written(bytes, aim));
    }
    let prefix = encode_each(&(ARRAY_FORMAT, array.raw_dim(), array.len()))?;
    if let Some(bytes) = array.as_slice().and_then(bytes_of) {
        return Ok(with_bytes(&prefix, bytes, aim));
    }
    let mut bytes = mosaic_abi::room(size_of::<A>() * array.len());
    for number in array {
        bytes.extend_from_slice(bytes_of(std::slice::from_ref(number)).unwrap_or_default());
    }
    Ok(with_bytes(&prefix, &bytes, aim))
}

/// Both in a row.
fn with_bytes(prefix: &[u8], bytes: &[u8], aim: Aim) -> Buffer {
    in_room(prefix, bytes, aim).unwrap_or_else(|| {
        let mut encoded = mosaic_abi::room(prefix.len() + bytes.len());
        encoded.extend_from_slice(prefix);
        encoded.extend_from_slice(bytes);
        Buffer::from(encoded)
    })
}

/// Both in a row in memory of the host's, which processes share, where it has such room.
fn in_room(prefix: &[u8], bytes: &[u8], aim: Aim) -> Option<Buffer> {
    let len = prefix.len() + bytes.len();
    let mut room = host::room(len, prefix.len(), matches!(aim, Aim::Store))?;
    // SAFETY: the room is new, and of that length.
    let (begin, rest) = unsafe { room.as_mut_slice() }.split_at_mut(prefix.len());
    begin.copy_from_slice(prefix);
    fill(rest, bytes, <[u8]>::copy_from_slice);
    Some(room)
}

/// What serde wrote: where it is large, one copy more costs less than the way through a socket.
fn written(bytes: Vec<u8>, aim: Aim) -> Buffer {
    in_room(&[], &bytes, aim).unwrap_or_else(|| Buffer::from(bytes))
}

/// The same bytes once more.
pub(crate) fn copy(bytes: &[u8]) -> Buffer {
    with_bytes(&[], bytes, Aim::Travel)
}

/// Whether values of this type travel as they lie in memory.
fn is_plain<A: 'static>() -> bool {
    let mut plain = false;
    macro_rules! try_number {
        ($number:ty) => {
            plain |= TypeId::of::<A>() == TypeId::of::<$number>();
        };
    }
    for_plain_numbers!(try_number);
    // On others every value is serde's.
    plain && cfg!(target_endian = "little")
}

/// The bytes of numbers that travel as they lie in memory.
fn bytes_of<A: 'static>(numbers: &[A]) -> Option<&[u8]> {
    // SAFETY: an `A` is one of the plain numbers, which are all bytes and no padding, and the slice is lent for as long.
    is_plain::<A>().then(|| unsafe { std::slice::from_raw_parts(numbers.as_ptr().cast(), size_of_val(numbers)) })
}

/// Decodes what [`encode`] made.
pub(crate) fn decode<T: DeserializeOwned + 'static>(bytes: &[u8]) -> Result<T, String> {
    let mut decoded: Option<T> = None;
    if needs_drop::<T>() && cfg!(target_endian = "little") && decode_plain(&mut decoded, bytes) {
        return decoded.ok_or_else(|| "there are fewer numbers than it says".to_owned());
    }
    mosaic_abi::decode(bytes)
}

/// Decodes into the `Option` of a vector or an array of plain numbers, or leaves it empty where the bytes are no such
/// numbers; does nothing to another one. Says whether it is one.
fn decode_plain(decoded: &mut dyn Any, bytes: &[u8]) -> bool {
    macro_rules! try_number {
        ($number:ty) => {
            if let Some(numbers) = decoded.downcast_mut::<Option<Vec<$number>>>() {
                *numbers = decode_numbers!($number, bytes);
                return true;
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
                return true;
            }
        )*};
    }
    macro_rules! decode_numbers {
        ($number:ty, $bytes:expr) => {
            decode_first::<usize>($bytes)
                .ok()
                .and_then(|(len, bytes)| read::<$number>(bytes, len))
        };
    }
    for_plain_numbers!(try_number);
    false
}

/// The first `len` numbers in `bytes`, if so many are there and travel as they lie in memory.
fn read<A: 'static>(bytes: &[u8], len: usize) -> Option<Vec<A>> {
    let bytes = bytes
        .get(..len.checked_mul(size_of::<A>())?)
        .filter(|_| is_plain::<A>())?;
    let mut numbers = mosaic_abi::room::<A>(len);
    let room = numbers.spare_capacity_mut()[..len]
        .as_mut_ptr()
        .cast::<MaybeUninit<u8>>();
    // SAFETY: the room is that of `len` numbers, which are so many bytes, and nobody else has it.
    let room = unsafe { std::slice::from_raw_parts_mut(room, bytes.len()) };
    fill(room, bytes, |to, from| {
        to.write_copy_of_slice(from);
    });
    // SAFETY: there is room for so many, `fill` has written all their bytes, and any bytes are such a number.
    unsafe { numbers.set_len(len) };
    Some(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array0, Array1, Array2, Array3, ArrayD, s};
    use num_complex::Complex;
    use std::fmt::Debug;

    /// Whether a value's bytes are read again, and no fewer of them.
    fn check<T: Serialize + DeserializeOwned + PartialEq + Debug + 'static>(value: &T) {
        let encoded = encode(value, Aim::Travel).unwrap();
        assert!(decode::<T>(&encoded).unwrap() == *value, "{value:?}");
        for len in 0..encoded.len().min(20) {
            assert!(decode::<T>(&encoded[..len]).is_err(), "{value:?} of {len} bytes");
        }
    }

    #[test]
    fn what_is_encoded_is_decoded() {
        check(&vec![1.5_f32, f32::MIN, -0.0, f32::INFINITY]);
        check(&vec![1.5_f64; 300]);
        check(&(0..=255).collect::<Vec<u8>>());
        check(&(-128..=127).collect::<Vec<i8>>());
        check(&Vec::<f32>::new());
        check(&vec![1_u32, 70_000]);
        check(&vec![usize::MAX, 0]);
        check(&vec![true, false]);
        check(&"a text".to_owned());
        check(&String::new());
        check(&vec![vec![1.0_f32], vec![]]);
        check(&("text".to_owned(), vec![2.0_f32]));
        check(&Array0::from_elem((), 1.0_f32));
        check(&Array1::from_elem(300, 1.5_f64));
        check(&Array2::<f32>::from_shape_fn((3, 4), |(i, j)| (i * 4 + j) as f32));
        check(&Array3::<u8>::zeros((0, 2, 3)));
        check(&ArrayD::<f32>::ones(vec![2, 3, 1, 1, 1, 1, 2]));
        check(&Array2::<i64>::from_elem((2, 3), -1));
        check(&Array2::<u128>::from_elem((2, 3), u128::MAX - 1));
        check(&vec![i128::MIN, -1, 0]);
        check(&vec![Complex::new(1.5_f32, -2.0), Complex::new(f32::MAX, -0.0)]);
        check(&Array2::from_shape_fn((3, 4), |(i, j)| {
            Complex::new(i as f64, -(j as f64))
        }));
        check(&Array1::from(vec!["a".to_owned(), String::new()]));
    }

    #[test]
    fn floats_and_bytes_are_as_serde_writes_them() {
        fn check<T: Serialize + 'static>(value: &T) {
            assert_eq!(&*encode(value, Aim::Travel).unwrap(), encode_each(value).unwrap());
        }
        check(&vec![1.5_f64; 300]);
        check(&(0..=255).collect::<Vec<u8>>());
        check(&Array2::<f32>::from_shape_fn((3, 4), |(i, j)| (i * 4 + j) as f32));
        check(&vec![Complex::new(1.5_f64, -2.0); 3]);
        check(&"a text".to_owned());
    }

    #[test]
    fn what_does_not_lie_in_a_row_is_read_in_its_order() {
        let array = Array2::<f32>::from_shape_fn((3, 4), |(i, j)| (i * 4 + j) as f32);
        check(&array.clone().reversed_axes());
        check(&array.slice(s![.., ..;2]).to_owned());
        let view = array.slice(s![.., 1]);
        assert_eq!(
            &*encode_array(&view, Aim::Travel).unwrap(),
            &*encode(&view.to_owned(), Aim::Travel).unwrap()
        );
        let integers = Array2::<i32>::from_shape_fn((3, 4), |(i, j)| i as i32 - j as i32);
        check(&integers.clone().reversed_axes());
        let view = integers.slice(s![1.., ..;3]);
        assert_eq!(
            &*encode_array(&view, Aim::Travel).unwrap(),
            &*encode(&view.to_owned(), Aim::Travel).unwrap()
        );
    }

    #[test]
    fn numbers_that_are_not_there_are_an_error() {
        assert!(decode::<Vec<f32>>(&encode_each(&usize::MAX).unwrap()).is_err());
        let shape = encode_each(&(ARRAY_FORMAT, Ix2(3, 2), 5, [0.0_f32; 5])).unwrap();
        assert!(decode::<Array2<f32>>(&shape).is_err());
    }
}
