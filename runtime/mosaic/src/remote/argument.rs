//! Arguments of remote calls, on their way to the host.

use super::object::Object;
use crate::{
    host::failure,
    value::{
        encoding::{self, Destination},
        portable::Portable,
        view::View,
    },
};
use mosaic_abi::{Buffer, Failure, FailureKind};
use ndarray::{Array, ArrayView, Dimension};
use serde::Serialize;

/// An argument of a remote constructor or method whose parameter has the type `T`.
///
/// It is implemented for `T` and `&T`, for tasks and stored values that give a `T`, and for cheaper forms of some
/// types: `&str` for a `String`, slices for a `Vec`, views for an array.
///
/// ```
/// fn takes(argument: impl mosaic::IntoArg<Vec<u8>>) { drop(argument) }
/// takes(vec![1, 2, 3]);
/// takes(&vec![1, 2, 3]);
/// takes([1, 2, 3]);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be passed where a remote method takes a `{T}`",
    label = "expected a `{T}`, a reference to one, or a task that returns one"
)]
pub trait IntoArg<T> {
    /// Returns the argument as it is handed to the host.
    #[doc(hidden)]
    fn into_arg(self) -> Arg;
}

/// An argument that is ready to be handed over, or the reason why it cannot be.
#[doc(hidden)]
#[derive(Clone)]
pub struct Arg(pub(crate) Result<Value, Failure>);

/// The value of an argument.
pub(crate) enum Value {
    /// Encoded in this process.
    Encoded(Buffer),
    /// The result of a task, or a stored value. The object stays alive as long as the argument.
    Produced(Object),
}

impl Clone for Value {
    fn clone(&self) -> Value {
        match self {
            Value::Encoded(bytes) => Value::Encoded(encoding::duplicate(bytes)),
            Value::Produced(producer) => Value::Produced(producer.clone()),
        }
    }
}

impl Arg {
    /// Makes an argument of a task's result or of a stored value.
    pub(crate) fn produced(producer: Object) -> Arg {
        producer.pass_failure_on();
        Arg(Ok(Value::Produced(producer)))
    }

    /// Makes an argument of an encoded `T`, or of the reason why `T` could not be encoded.
    fn encoded<T: ?Sized>(encoded: Result<Buffer, String>) -> Arg {
        Arg::named(std::any::type_name::<T>(), encoded)
    }

    /// Does the work of [`Arg::encoded`]. Not generic, so that it is compiled once.
    fn named(type_name: &str, encoded: Result<Buffer, String>) -> Arg {
        Arg(encoded.map(Value::Encoded).map_err(|error| {
            let message = format!("an argument of type `{type_name}` could not be encoded: {error}");
            failure(FailureKind::NotPortable, message)
        }))
    }
}

impl<T: Portable> IntoArg<T> for T {
    fn into_arg(self) -> Arg {
        Arg::encoded::<T>(encoding::encode(&self, Destination::Call))
    }
}

impl<T: Portable> IntoArg<T> for &T {
    fn into_arg(self) -> Arg {
        Arg::encoded::<T>(encoding::encode(self, Destination::Call))
    }
}

impl IntoArg<String> for &str {
    fn into_arg(self) -> Arg {
        Arg::encoded::<str>(encoding::encode_text(self, Destination::Call))
    }
}

impl<U: Serialize + 'static> IntoArg<Vec<U>> for &[U] {
    fn into_arg(self) -> Arg {
        Arg::encoded::<[U]>(encoding::encode_slice(self, Destination::Call))
    }
}

impl<A: Serialize + 'static, D: Dimension + Serialize> IntoArg<Array<A, D>> for ArrayView<'_, A, D> {
    fn into_arg(self) -> Arg {
        <&Self as IntoArg<Array<A, D>>>::into_arg(&self)
    }
}

impl<A: Serialize + 'static, D: Dimension + Serialize> IntoArg<Array<A, D>> for &ArrayView<'_, A, D> {
    fn into_arg(self) -> Arg {
        Arg::encoded::<ArrayView<'_, A, D>>(encoding::encode_array(self, Destination::Call))
    }
}

impl<U: Serialize + 'static, const N: usize> IntoArg<Vec<U>> for &[U; N] {
    fn into_arg(self) -> Arg {
        self.as_slice().into_arg()
    }
}

impl<U: Serialize + 'static, const N: usize> IntoArg<Vec<U>> for [U; N] {
    fn into_arg(self) -> Arg {
        self.as_slice().into_arg()
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
    use ndarray::{Array1, Array3, s};

    fn bytes<T>(argument: impl IntoArg<T>) -> Vec<u8> {
        match argument.into_arg().0 {
            Ok(Value::Encoded(bytes)) => bytes.to_vec(),
            _ => panic!("not an encoded value"),
        }
    }

    #[test]
    fn values_and_references_encode_alike() {
        assert_eq!(bytes::<u32>(300), bytes::<u32>(&300));
        assert_eq!(bytes::<String>("text"), bytes::<String>("text".to_owned()));
        assert_eq!(bytes::<Vec<u8>>(&[1, 2]), bytes::<Vec<u8>>(vec![1, 2]));
        assert_eq!(bytes::<Vec<u8>>([1, 2]), bytes::<Vec<u8>>([1, 2].as_slice()));
        let array = Array3::<f32>::ones((2, 3, 1));
        assert_eq!(bytes::<Array3<f32>>(&array), bytes::<Array3<f32>>(array.clone()));
        assert_eq!(bytes::<Array3<f32>>(&array), bytes::<Array3<f32>>(array.view()));
        let row = array.slice(s![1, .., 0]);
        assert_eq!(bytes::<Array1<f32>>(&row), bytes::<Array1<f32>>(row.to_owned()));
    }

    #[test]
    fn a_value_that_refuses_is_a_failure() {
        struct Refuses;
        impl Serialize for Refuses {
            fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
                Err(serde::ser::Error::custom("never"))
            }
        }
        impl<'de> serde::Deserialize<'de> for Refuses {
            fn deserialize<D: serde::Deserializer<'de>>(_: D) -> Result<Refuses, D::Error> {
                Ok(Refuses)
            }
        }
        let failure = match IntoArg::<Refuses>::into_arg(&Refuses).0 {
            Err(failure) => failure,
            Ok(_) => panic!("encoded"),
        };
        assert_eq!(failure.kind, FailureKind::NotPortable);
        assert!(failure.message.contains("Refuses"), "{}", failure.message);
    }
}
