//! Arguments that a method borrows, read in place from the encoded bytes.

use super::{
    encoding::{self, for_each_number_type},
    portable::Portable,
};
use mosaic_abi::decode_first;
use ndarray::{Array, Dimension, Ix1, Ix2, Ix3, Ix4, Ix5, Ix6, IxDyn};
use std::{any::Any, marker::PhantomData, mem::ManuallyDrop, ops::Deref};

/// A value that lives for one call: either decoded, or a view of numbers in the encoded bytes.
#[derive(Debug)]
pub struct Lent<'a, T> {
    value: ManuallyDrop<T>,
    is_own: bool,
    bytes: PhantomData<&'a [u8]>,
}

impl<'a, T: Portable> Lent<'a, T> {
    /// Decodes `bytes`, or reads them in place.
    ///
    /// # Errors
    ///
    /// The bytes do not encode a `T`.
    pub(crate) fn decode(bytes: &'a [u8]) -> Result<Lent<'a, T>, String> {
        // Never dropped here: an in-place value does not own its memory.
        let mut value = ManuallyDrop::new(None::<T>);
        lend_in_place(&mut *value, bytes);
        match ManuallyDrop::into_inner(value) {
            Some(value) => Ok(Lent {
                value: ManuallyDrop::new(value),
                is_own: false,
                bytes: PhantomData,
            }),
            None => Ok(Lent {
                value: ManuallyDrop::new(encoding::decode(bytes)?),
                is_own: true,
                bytes: PhantomData,
            }),
        }
    }
}

impl<T> Deref for Lent<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> Drop for Lent<'_, T> {
    fn drop(&mut self) {
        if self.is_own {
            // SAFETY: the value is dropped only here, and not used afterwards.
            unsafe { ManuallyDrop::drop(&mut self.value) };
        }
    }
}

/// Sets `lent`, an `Option` of a vector or an array of numbers, to one whose memory is `bytes`.
///
/// Leaves `None` if `lent` is of another type, or if the numbers are not aligned. As long as `bytes` are lent, the
/// result must neither be dropped nor changed.
fn lend_in_place(lent: &mut dyn Any, bytes: &[u8]) {
    macro_rules! try_number {
        ($number:ty) => {
            if let Some(numbers) = lent.downcast_mut::<Option<Vec<$number>>>() {
                *numbers = decode_first::<usize>(bytes)
                    .ok()
                    .and_then(|(len, bytes)| numbers_in_place(bytes, len))
                    .map(ManuallyDrop::into_inner);
                return;
            }
            try_array!($number, Ix1, Ix2, Ix3, Ix4, Ix5, Ix6, IxDyn);
        };
    }
    macro_rules! try_array {
        ($number:ty, $($dimension:ty),*) => {$(
            if let Some(array) = lent.downcast_mut::<Option<Array<$number, $dimension>>>() {
                *array = array_in_place::<$number, $dimension>(bytes).map(ManuallyDrop::into_inner);
                return;
            }
        )*};
    }
    for_each_number_type!(try_number);
}

fn array_in_place<A: Copy, D>(bytes: &[u8]) -> Option<ManuallyDrop<Array<A, D>>>
where
    D: Dimension + for<'de> serde::Deserialize<'de>,
{
    let ((format, dimension, len), bytes) = decode_first::<(u8, D, usize)>(bytes).ok()?;
    if format != encoding::ARRAY_FORMAT || dimension.size_checked() != Some(len) {
        return None;
    }
    let numbers = ManuallyDrop::into_inner(numbers_in_place(bytes, len)?);
    // SAFETY: there are as many numbers as the shape has elements, and at least one. So no axis is empty and the
    // product of the axes did not overflow.
    Some(ManuallyDrop::new(unsafe {
        Array::from_shape_vec_unchecked(dimension, numbers)
    }))
}

/// Returns `len` numbers at the beginning of `bytes` in place. Returns `None` for zero numbers, and if they are not
/// aligned.
fn numbers_in_place<A: Copy>(bytes: &[u8], len: usize) -> Option<ManuallyDrop<Vec<A>>> {
    let is_there = len > 0 && len.checked_mul(size_of::<A>()).is_some_and(|size| size <= bytes.len());
    let begin = bytes.as_ptr().cast::<A>();
    if !is_there || !begin.is_aligned() || cfg!(target_endian = "big") {
        return None;
    }
    // SAFETY: `A` is a number type, for which all bytes are valid. The bytes hold `len` of them, aligned, and live as
    // long as they are lent. The allocator does not know this vector, so nobody may free or grow it: it is never
    // dropped, and `Lent` gives only shared access.
    Some(ManuallyDrop::new(unsafe {
        Vec::from_raw_parts(begin.cast_mut(), len, len)
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::encoding::{Destination, encode};
    use ndarray::{Array2, ArrayD};

    /// Returns a value's bytes with its numbers at a multiple of eight, or one byte beside it.
    fn bytes<T: Portable>(value: &T, numbers: usize, aligned: bool) -> (Vec<u64>, usize, usize) {
        let encoded = encode(value, Destination::Call).unwrap();
        let prefix = encoded.len() - numbers;
        let begin = prefix.next_multiple_of(8) - prefix + usize::from(!aligned);
        let mut memory = vec![0_u64; (begin + encoded.len()).div_ceil(8)];
        // SAFETY: the words consist of exactly these bytes.
        let all = unsafe { std::slice::from_raw_parts_mut(memory.as_mut_ptr().cast::<u8>(), memory.len() * 8) };
        all[begin..begin + encoded.len()].copy_from_slice(&encoded);
        (memory, begin, encoded.len())
    }

    fn check<T: Portable + PartialEq + std::fmt::Debug>(value: &T, numbers: usize, in_place: bool) {
        for aligned in [true, false] {
            let (memory, begin, len) = bytes(value, numbers, aligned);
            // SAFETY: as above.
            let all = unsafe { std::slice::from_raw_parts(memory.as_ptr().cast::<u8>(), memory.len() * 8) };
            let lent = Lent::<T>::decode(&all[begin..begin + len]).unwrap();
            assert_eq!(*lent, *value);
            assert_eq!(lent.is_own, !(aligned && in_place), "{value:?}");
            assert!(Lent::<T>::decode(&all[begin..begin + len - 1]).is_err());
        }
    }

    #[test]
    fn aligned_numbers_are_read_in_place() {
        check(&vec![1.5_f32, -2.0], 8, true);
        check(
            &Array2::<f64>::from_shape_fn((3, 4), |(i, j)| (i * 4 + j) as f64),
            96,
            true,
        );
        check(&ArrayD::<f32>::ones(vec![2, 3, 1]), 24, true);
        check(&vec![1_u64, 2], 16, true);
        check(&vec![true, false], 2, false);
        check(&"text".to_owned(), 4, false);
    }

    #[test]
    fn empty_arrays_are_decoded() {
        let encoded = encode(&Array2::<f32>::zeros((0, 3)), Destination::Call).unwrap();
        let lent = Lent::<Array2<f32>>::decode(&encoded).unwrap();
        assert!(lent.is_own && lent.dim() == (0, 3));
        let wrong = mosaic_abi::encode(&(1_u8, ndarray::Ix2(2, 2), 3_usize, [0.0_f32; 3])).unwrap();
        assert!(Lent::<Array2<f32>>::decode(&wrong).is_err());
    }
}
