//! Values that are looked at where their bytes lie.

use crate::{
    host::failure,
    remote::argument::{Arg, IntoArg, Portable},
    value::lent::Lent,
};
use mosaic_abi::{Buffer, Failure, FailureKind};
use std::{any::type_name, fmt, ops::Deref};

/// A value of the runtime, to be looked at: large arrays, vectors of numbers and texts where they lie, in memory that
/// processes share, and whatever else as a value of its own. Made by [`crate::TaskProxy::view`] and
/// [`crate::Stored::view`], which copy nothing of what lies there.
///
/// It can be kept as long as one likes, also when the value itself was dropped or its worker is lost. `(*view).clone()` is
/// a copy to be changed. As an argument it is copied, which the task or the stored value itself is not.
///
/// ```no_run
/// # async fn cell(task: mosaic::TaskProxy<ndarray::Array1<f32>>) -> Result<(), mosaic::TaskError> {
/// let wavefield = task.view().await?;
/// println!("{}", wavefield.sum());
/// # Ok(())
/// # }
/// ```
pub struct View<T> {
    /// Dropped before the bytes.
    lent: Lent<'static, T>,
    _bytes: Buffer,
}

impl<T: Portable> View<T> {
    /// The value that these bytes encode.
    pub(crate) fn read(bytes: Buffer) -> Result<View<T>, Failure> {
        // SAFETY: a buffer's bytes stay where they are while it lives, wherever it is moved to, and nobody writes to them.
        // It is dropped after what is lent of it, and `deref` lends that no longer than the view.
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

impl<T: Portable> IntoArg<T> for &View<T> {
    fn into_arg(self) -> Arg {
        <&T as IntoArg<T>>::into_arg(&**self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::encoding::{Aim, encode};
    use ndarray::Array1;

    #[test]
    fn a_view_is_the_value_wherever_it_is_moved() {
        let array = Array1::from_elem(1 << 10, 1.5_f64);
        let encoded = encode(&array, Aim::Travel).unwrap();
        let prefix = encoded.len() - size_of_val(array.as_slice().unwrap());
        // As a segment has it: the numbers are aligned.
        let memory = vec![0_u64; encoded.len() / 8 + 2].leak();
        let begin = prefix.next_multiple_of(8) - prefix;
        let all = memory.as_mut_ptr().cast::<u8>();
        // SAFETY: the words are leaked, are as many bytes and more, and nobody else has them.
        let bytes = unsafe {
            let place = all.add(begin);
            place.copy_from_nonoverlapping(encoded.as_ptr(), encoded.len());
            Buffer::from_raw_parts(place, encoded.len(), stay)
        };
        let view = View::read(bytes).unwrap();
        let views: Vec<View<Array1<f64>>> = vec![view];
        assert!(*views[0] == array);
        assert_eq!(views[0].as_ptr().addr(), all.addr() + begin + prefix, "it was copied");
    }

    unsafe extern "C" fn stay(_: *mut u8, _: usize, _: usize) {}

    #[test]
    fn what_is_not_aligned_is_a_value_of_its_own() {
        let array = Array1::from_elem(1 << 10, 1.5_f64);
        let view = View::<Array1<f64>>::read(encode(&array, Aim::Travel).unwrap()).unwrap();
        assert!(*view == array);
    }

    #[test]
    fn what_is_no_row_of_numbers_is_a_value_of_its_own() {
        let encoded = encode(&("text".to_owned(), 7_u8), Aim::Travel).unwrap();
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
