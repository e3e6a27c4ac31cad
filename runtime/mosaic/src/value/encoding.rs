//! Encoding of values: one bulk copy for texts and for vectors and arrays of numbers, and a self-describing encoding
//! for all other values.
//!
//! A text, a vector or an array of numbers is copied in bulk if it is a whole argument or result. Its length or shape
//! precedes it. `()` is no bytes. Both ends know these types, so nothing in the bytes has to say which encoding it is.
//! Inside another value, the [self-describing encoding](self_describing) applies, which copies their numbers in bulk too.
//!
//! The code that looks for these types is not generic. It is compiled once, with this crate, instead of in each cell.
//! The look costs a few nanoseconds.

use super::{
    parallel_copy::fill,
    self_describing::{self, Encoded},
};
use crate::host;
use mosaic_abi::{Buffer, decode_first, encode as encode_prefix};
use ndarray::{Array, ArrayRef, Dimension, Ix1, Ix2, Ix3, Ix4, Ix5, Ix6, IxDyn};
use serde::{Serialize, de::DeserializeOwned};
use std::{
    any::{Any, TypeId},
    mem::{MaybeUninit, needs_drop},
};

/// The version byte with which ndarray's serde format begins.
pub(crate) const ARRAY_FORMAT: u8 = 1;

/// Calls a macro for each number type that is copied in bulk.
macro_rules! for_each_number_type {
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
pub(crate) use for_each_number_type;

/// The destination of an encoded value. A large value is written directly to the memory in which it will stay.
#[derive(Clone, Copy)]
pub(crate) enum Destination {
    /// A constructor, a method, a function, or whoever fetches their result.
    Call,
    /// The warehouse.
    Store,
}

/// Encodes a value.
pub(crate) fn encode<T: Serialize + 'static>(value: &T, destination: Destination) -> Result<Buffer, String> {
    let in_bulk = if can_be_in_bulk::<T>() {
        encode_in_bulk(value, destination)
    } else {
        None
    };
    in_bulk.unwrap_or_else(|| describe(value, destination))
}

/// Encodes a value in the self-describing encoding.
fn describe<T: Serialize + ?Sized>(value: &T, destination: Destination) -> Result<Buffer, String> {
    // The file of a stored value is no larger than the value, whose size is not known before it is encoded.
    let allocate = match destination {
        Destination::Call => |len, prefix| host::shared_buffer(len, prefix, false),
        Destination::Store => |_, _| None,
    };
    Ok(match self_describing::encode(value, allocate)? {
        Encoded::Shared(buffer) => buffer,
        Encoded::Unshared(bytes) => into_buffer(bytes, destination),
    })
}

/// Returns whether `T` can be a type that [`encode_in_bulk`] knows. The compiler leaves out the look if not.
const fn can_be_in_bulk<T>() -> bool {
    // Texts, vectors and arrays have a destructor, and `()` has no bytes.
    needs_drop::<T>() || size_of::<T>() == 0
}

/// Encodes `()`, a text, or a vector or an array of numbers. Returns `None` for any other type.
fn encode_in_bulk(value: &dyn Any, destination: Destination) -> Option<Result<Buffer, String>> {
    macro_rules! try_number {
        ($number:ty) => {
            if let Some(numbers) = value.downcast_ref::<Vec<$number>>() {
                return Some(encode_slice(numbers, destination));
            }
            try_array!($number, Ix1, Ix2, Ix3, Ix4, Ix5, Ix6, IxDyn);
        };
    }
    macro_rules! try_array {
        ($number:ty, $($dimension:ty),*) => {$(
            if let Some(array) = value.downcast_ref::<Array<$number, $dimension>>() {
                return Some(encode_array(array, destination));
            }
        )*};
    }
    if value.is::<()>() {
        return Some(Ok(Buffer::default()));
    }
    if let Some(text) = value.downcast_ref::<String>() {
        return Some(encode_text(text, destination));
    }
    for_each_number_type!(try_number);
    None
}

/// Encodes a text.
pub(crate) fn encode_text(text: &str, destination: Destination) -> Result<Buffer, String> {
    Ok(concatenated(&encode_prefix(&text.len())?, text.as_bytes(), destination))
}

/// Encodes a slice as [`encode`] encodes a vector of its elements.
pub(crate) fn encode_slice<A: Serialize + 'static>(numbers: &[A], destination: Destination) -> Result<Buffer, String> {
    match bytes_of(numbers) {
        Some(bytes) => Ok(concatenated(&encode_prefix(&numbers.len())?, bytes, destination)),
        None => describe(numbers, destination),
    }
}

/// Encodes an array of any element type and any memory order.
pub(crate) fn encode_array<A: Serialize + 'static, D: Dimension + Serialize>(
    array: &ArrayRef<A, D>,
    destination: Destination,
) -> Result<Buffer, String> {
    if !is_number::<A>() {
        return describe(&array.view(), destination);
    }
    let prefix = encode_prefix(&(ARRAY_FORMAT, array.raw_dim(), array.len()))?;
    if let Some(bytes) = array.as_slice().and_then(bytes_of) {
        return Ok(concatenated(&prefix, bytes, destination));
    }
    let mut bytes = mosaic_abi::large_vec(size_of::<A>() * array.len());
    for number in array {
        bytes.extend_from_slice(bytes_of(std::slice::from_ref(number)).unwrap_or_default());
    }
    Ok(concatenated(&prefix, &bytes, destination))
}

/// Returns `prefix` followed by `bytes`.
fn concatenated(prefix: &[u8], bytes: &[u8], destination: Destination) -> Buffer {
    in_shared_buffer(prefix, bytes, destination).unwrap_or_else(|| {
        let mut encoded = mosaic_abi::large_vec(prefix.len() + bytes.len());
        encoded.extend_from_slice(prefix);
        encoded.extend_from_slice(bytes);
        Buffer::from(encoded)
    })
}

/// Returns `prefix` followed by `bytes` in memory that the host shares between processes, if the host offers any.
fn in_shared_buffer(prefix: &[u8], bytes: &[u8], destination: Destination) -> Option<Buffer> {
    let len = prefix.len() + bytes.len();
    let mut buffer = host::shared_buffer(len, prefix.len(), matches!(destination, Destination::Store))?;
    // SAFETY: the host has just made the buffer, with this length.
    let (begin, rest) = unsafe { buffer.as_mut_slice() }.split_at_mut(prefix.len());
    begin.copy_from_slice(prefix);
    fill(rest, bytes, <[u8]>::copy_from_slice);
    Some(buffer)
}

/// Hands over bytes that were encoded. Large ones are copied into shared memory, which is cheaper than a socket.
fn into_buffer(bytes: Vec<u8>, destination: Destination) -> Buffer {
    in_shared_buffer(&[], &bytes, destination).unwrap_or_else(|| Buffer::from(bytes))
}

/// Copies encoded bytes.
pub(crate) fn duplicate(bytes: &[u8]) -> Buffer {
    concatenated(&[], bytes, Destination::Call)
}

/// Returns whether `A` is a number type that is copied in bulk.
fn is_number<A: 'static>() -> bool {
    let mut plain = false;
    macro_rules! try_number {
        ($number:ty) => {
            plain |= TypeId::of::<A>() == TypeId::of::<$number>();
        };
    }
    for_each_number_type!(try_number);
    // On big-endian machines nothing but texts is copied in bulk.
    plain && cfg!(target_endian = "little")
}

/// Returns the bytes of a slice of numbers, or `None` if `A` is not copied in bulk.
pub(crate) fn bytes_of<A: 'static>(numbers: &[A]) -> Option<&[u8]> {
    // SAFETY: the number types consist of bytes without padding, and the bytes are lent for as long as the slice.
    is_number::<A>().then(|| unsafe { std::slice::from_raw_parts(numbers.as_ptr().cast(), size_of_val(numbers)) })
}

/// Decodes a value that [`encode`] encoded.
pub(crate) fn decode<T: DeserializeOwned + 'static>(bytes: &[u8]) -> Result<T, String> {
    let mut decoded: Option<T> = None;
    if can_be_in_bulk::<T>() && decode_in_bulk(&mut decoded, bytes) {
        return decoded.ok_or_else(|| "there are fewer numbers or less text than it says".to_owned());
    }
    self_describing::decode(bytes)
}

/// Decodes the element number `index` of a tuple that [`encode`] encoded.
pub(crate) fn decode_element<T: DeserializeOwned>(bytes: &[u8], index: usize) -> Result<T, String> {
    self_describing::decode_element(bytes, index)
}

/// Decodes a value that [`encode_in_bulk`] encoded into `decoded`, an `Option` of its type; leaves `None` if the bytes
/// are malformed.
///
/// Returns `false`, and does nothing, if `decoded` is an `Option` of another type.
fn decode_in_bulk(decoded: &mut dyn Any, bytes: &[u8]) -> bool {
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
                .and_then(|(len, bytes)| read_numbers::<$number>(bytes, len))
        };
    }
    if let Some(unit) = decoded.downcast_mut::<Option<()>>() {
        *unit = Some(());
        return true;
    }
    if let Some(text) = decoded.downcast_mut::<Option<String>>() {
        *text = read_text(bytes);
        return true;
    }
    if cfg!(target_endian = "big") {
        return false;
    }
    for_each_number_type!(try_number);
    false
}

fn read_text(bytes: &[u8]) -> Option<String> {
    let (len, bytes) = decode_first::<usize>(bytes).ok()?;
    str::from_utf8(bytes.get(..len)?).ok().map(str::to_owned)
}

/// Reads `len` numbers from the beginning of `bytes`. Returns `None` if there are fewer, or if `A` is not copied in
/// bulk.
pub(crate) fn read_numbers<A: 'static>(bytes: &[u8], len: usize) -> Option<Vec<A>> {
    // SAFETY: any bytes are a number.
    is_number::<A>().then(|| unsafe { read_plain(bytes, len) })?
}

/// Reads `len` values from the beginning of `bytes`. Returns `None` if there are fewer.
///
/// # Safety
///
/// Any bytes are an `A`.
pub(crate) unsafe fn read_plain<A>(bytes: &[u8], len: usize) -> Option<Vec<A>> {
    let bytes = bytes.get(..len.checked_mul(size_of::<A>())?)?;
    let mut numbers = mosaic_abi::large_vec::<A>(len);
    let spare = numbers.spare_capacity_mut()[..len]
        .as_mut_ptr()
        .cast::<MaybeUninit<u8>>();
    // SAFETY: `len` values have `bytes.len()` bytes, and only this function has the vector's spare capacity.
    let spare = unsafe { std::slice::from_raw_parts_mut(spare, bytes.len()) };
    fill(spare, bytes, |to, from| {
        to.write_copy_of_slice(from);
    });
    // SAFETY: the capacity is `len`, `fill` has written all bytes, and any bytes are an `A`.
    unsafe { numbers.set_len(len) };
    Some(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array0, Array1, Array2, Array3, ArrayD, s};
    use num_complex::Complex;
    use std::fmt::Debug;

    /// Checks that a value survives a round trip, and that fewer bytes are refused.
    fn check<T: Serialize + DeserializeOwned + PartialEq + Debug + 'static>(value: &T) {
        let encoded = encode(value, Destination::Call).unwrap();
        assert!(decode::<T>(&encoded).unwrap() == *value, "{value:?}");
        for len in 0..encoded.len().min(20) {
            assert!(decode::<T>(&encoded[..len]).is_err(), "{value:?} of {len} bytes");
        }
    }

    #[test]
    fn values_survive_a_round_trip() {
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
    fn arrays_are_encoded_in_their_own_order_whatever_their_memory_order() {
        let array = Array2::<f32>::from_shape_fn((3, 4), |(i, j)| (i * 4 + j) as f32);
        check(&array.clone().reversed_axes());
        check(&array.slice(s![.., ..;2]).to_owned());
        let view = array.slice(s![.., 1]);
        assert_eq!(
            &*encode_array(&view, Destination::Call).unwrap(),
            &*encode(&view.to_owned(), Destination::Call).unwrap()
        );
        let integers = Array2::<i32>::from_shape_fn((3, 4), |(i, j)| i as i32 - j as i32);
        check(&integers.clone().reversed_axes());
        let view = integers.slice(s![1.., ..;3]);
        assert_eq!(
            &*encode_array(&view, Destination::Call).unwrap(),
            &*encode(&view.to_owned(), Destination::Call).unwrap()
        );
    }

    #[test]
    fn numbers_that_are_not_there_are_an_error() {
        assert!(decode::<Vec<f32>>(&encode_prefix(&usize::MAX).unwrap()).is_err());
        let shape = encode_prefix(&(ARRAY_FORMAT, Ix2(3, 2), 5, [0.0_f32; 5])).unwrap();
        assert!(decode::<Array2<f32>>(&shape).is_err());
    }
}
