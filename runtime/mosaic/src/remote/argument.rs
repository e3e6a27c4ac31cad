//! Values that travel, and what may stand where one is expected.

use crate::{
    host::failure,
    task::task_proxy::TaskProxy,
    value::encoding::{self, Aim},
};
use mosaic_abi::{Buffer, Failure, FailureKind};
use ndarray::{Array, ArrayView, Dimension};
use serde::{Serialize, de::DeserializeOwned};

/// A value that can travel to a worker and back: anything that serde can take apart and put together again.
///
/// ```
/// #[derive(serde::Serialize, serde::Deserialize)]
/// struct Shot { position: (f32, f32) }
///
/// fn travels<T: mosaic::Portable>() {}
/// travels::<Shot>();
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot travel to a worker",
    note = "derive `serde::Serialize` and `serde::Deserialize` for it"
)]
pub trait Portable: Serialize + DeserializeOwned + 'static {}

impl<T: Serialize + DeserializeOwned + 'static> Portable for T {}

/// What a remote constructor or method takes where its parameter is a `T`: a value, a reference to one, or the task
/// that will produce one.
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
    /// The argument as it is handed to the host.
    #[doc(hidden)]
    fn into_arg(self) -> Arg;
}

/// An argument, ready to be handed over.
#[doc(hidden)]
#[derive(Clone)]
pub struct Arg(pub(crate) Result<Value, Failure>);

/// Encoded, or still to be produced by a task that stays alive as long as this.
pub(crate) enum Value {
    Encoded(Buffer),
    Produced(crate::remote::object::Object),
}

impl Clone for Value {
    fn clone(&self) -> Value {
        match self {
            Value::Encoded(bytes) => Value::Encoded(encoding::copy(bytes)),
            Value::Produced(task) => Value::Produced(task.clone()),
        }
    }
}

impl Arg {
    /// The result of a task.
    pub(crate) fn produced(task: crate::remote::object::Object) -> Arg {
        Arg(Ok(Value::Produced(task)))
    }

    /// An argument of type `T` that was encoded, or could not be.
    fn encoded<T: ?Sized>(encoded: Result<Buffer, String>) -> Arg {
        Arg::named(std::any::type_name::<T>(), encoded)
    }

    /// The same, compiled once.
    fn named(type_name: &str, encoded: Result<Buffer, String>) -> Arg {
        Arg(encoded.map(Value::Encoded).map_err(|error| {
            let message = format!("an argument of type `{type_name}` could not be encoded: {error}");
            failure(FailureKind::NotPortable, message)
        }))
    }
}

impl<T: Portable> IntoArg<T> for T {
    fn into_arg(self) -> Arg {
        Arg::encoded::<T>(encoding::encode(&self, Aim::Travel))
    }
}

impl<T: Portable> IntoArg<T> for &T {
    fn into_arg(self) -> Arg {
        Arg::encoded::<T>(encoding::encode(self, Aim::Travel))
    }
}

impl<T> IntoArg<T> for TaskProxy<T> {
    fn into_arg(self) -> Arg {
        Arg(Ok(Value::Produced(self.object)))
    }
}

impl<T> IntoArg<T> for &TaskProxy<T> {
    fn into_arg(self) -> Arg {
        Arg(Ok(Value::Produced(self.object.clone())))
    }
}

impl IntoArg<String> for &str {
    fn into_arg(self) -> Arg {
        Arg::encoded::<str>(encoding::encode_text(self, Aim::Travel))
    }
}

impl<U: Serialize + 'static> IntoArg<Vec<U>> for &[U] {
    fn into_arg(self) -> Arg {
        Arg::encoded::<[U]>(encoding::encode_slice(self, Aim::Travel))
    }
}

impl<A: Serialize + 'static, D: Dimension + Serialize> IntoArg<Array<A, D>> for ArrayView<'_, A, D> {
    fn into_arg(self) -> Arg {
        <&Self as IntoArg<Array<A, D>>>::into_arg(&self)
    }
}

impl<A: Serialize + 'static, D: Dimension + Serialize> IntoArg<Array<A, D>> for &ArrayView<'_, A, D> {
    fn into_arg(self) -> Arg {
        Arg::encoded::<ArrayView<'_, A, D>>(encoding::encode_array(self, Aim::Travel))
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
