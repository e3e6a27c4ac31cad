//! Which values can travel.

use serde::{Serialize, de::DeserializeOwned};

/// A value that can travel to a worker and back: any owned type that serde can serialise and deserialise.
///
/// The trait is implemented for all such types. Derive `serde::Serialize` and `serde::Deserialize` for yours.
///
/// All attributes of serde may be used. A value arrives as it would arrive in JSON; numbers, bytes, map keys of any
/// type and options inside options also arrive exactly. A field that serde skips gets its default on arrival.
///
/// ```
/// #[derive(serde::Serialize, serde::Deserialize)]
/// struct Shot { position: (f32, f32) }
///
/// fn travels<T: mosaic::Portable>() {}
/// travels::<Shot>();
/// travels::<Vec<ndarray::Array2<f64>>>();
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot travel to a worker",
    note = "derive `serde::Serialize` and `serde::Deserialize` for it"
)]
pub trait Portable: Serialize + DeserializeOwned + 'static {}

impl<T: Serialize + DeserializeOwned + 'static> Portable for T {}

/// Compiles only if `T` can travel. Generated code calls it for each parameter and result.
pub fn assert_portable<T: Portable>() {}
