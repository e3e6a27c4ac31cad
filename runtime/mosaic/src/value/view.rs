//! Values that are read without a copy.

use super::{lent::Lent, portable::Portable};
use crate::host::failure;
use mosaic_abi::{Buffer, Failure, FailureKind};
use std::{any::type_name, fmt, ops::Deref};

/// A read-only value of the runtime that is read without a copy where possible.
///
/// Large arrays, vectors of numbers and texts stay in memory that processes share; other values are decoded. Made by
/// [`TaskProxy::view`](crate::TaskProxy::view) and [`Stored::view`](crate::Stored::view). A view stays valid when the
/// value is dropped or its worker is lost. `(*view).clone()` makes a copy that can be changed. As an argument of a
/// call, a view is copied; pass the task or the stored value instead to copy nothing.
///
/// ```
/// # use mosaic::prelude::*;
/// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
/// # mosaic::interactive(On).num_workers(1).await?;
/// let task = mosaic::spawn(|| vec![1.0_f32; 1_000_000], ());
/// let wavefield = task.view().await?;
/// assert_eq!(wavefield.iter().sum::<f32>(), 1e6);
/// # Ok(()) })? }
/// ```
pub struct View<T> {
    /// Refers to `_bytes`, and is dropped before them.
    lent: Lent<'static, T>,
    _bytes: Buffer,
}

impl<T: Portable> View<T> {
    /// Reads the value that `bytes` encode.
    pub(crate) fn read(bytes: Buffer) -> Result<View<T>, Failure> {
        // SAFETY: a buffer's bytes do not move while it lives, even if the buffer itself moves, and nobody writes to
        // them. The buffer is dropped after the value that borrows from it, and `deref` lends the value no longer than
        // the view.
        let lent = unsafe { std::slice::from_raw_parts(bytes.as_ptr(), bytes.len()) };
        match Lent::decode(lent) {
            Ok(lent) => Ok(View { lent, _bytes: bytes }),
            Err(error) => {
                let message = format!("the bytes that arrived are not a `{}`: {error}", type_name::<T>());
                Err(failure(FailureKind::NotPortable, message))
            }
        }
    }
}

impl<T> Deref for View<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.lent
    }
}

impl<T: fmt::Debug> fmt::Debug for View<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: fmt::Display> fmt::Display for View<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::encoding::{Destination, encode};
    use ndarray::Array1;

    #[test]
    fn a_view_stays_valid_when_it_is_moved() {
        let array = Array1::from_elem(1 << 10, 1.5_f64);
        let encoded = encode(&array, Destination::Call).unwrap();
        let prefix = encoded.len() - size_of_val(array.as_slice().unwrap());
        // Aligned, as in a shared segment.
        let memory = vec![0_u64; encoded.len() / 8 + 2].leak();
        let begin = prefix.next_multiple_of(8) - prefix;
        let all = memory.as_mut_ptr().cast::<u8>();
        // SAFETY: the words are leaked, hold more bytes than are written, and nobody else has them.
        let bytes = unsafe {
            let data = all.add(begin);
            data.copy_from_nonoverlapping(encoded.as_ptr(), encoded.len());
            Buffer::from_raw_parts(data, encoded.len(), stay)
        };
        let view = View::read(bytes).unwrap();
        let views: Vec<View<Array1<f64>>> = vec![view];
        assert!(*views[0] == array);
        assert_eq!(views[0].as_ptr().addr(), all.addr() + begin + prefix, "it was copied");
    }

    unsafe extern "C" fn stay(_: *mut u8, _: usize, _: usize) {}

    #[test]
    fn unaligned_numbers_are_decoded() {
        let array = Array1::from_elem(1 << 10, 1.5_f64);
        let view = View::<Array1<f64>>::read(encode(&array, Destination::Call).unwrap()).unwrap();
        assert!(*view == array);
    }

    #[test]
    fn values_of_other_types_are_decoded() {
        let encoded = encode(&("text".to_owned(), 7_u8), Destination::Call).unwrap();
        let view = View::<(String, u8)>::read(encoded).unwrap();
        assert_eq!(
            (&*view.0, view.1, format!("{view:?}")),
            ("text", 7, "(\"text\", 7)".to_owned())
        );
        let error = View::<(String, u8)>::read(Buffer::default()).unwrap_err();
        assert!(
            error.message.contains("are not a `(alloc::string::String, u8)`"),
            "{}",
            error.message
        );
    }
}
