//! Why a value cannot be encoded or decoded.

use serde::{
    de::{self, Expected, Unexpected},
    ser,
};
use std::fmt::{self, Display};

/// The reason why a value cannot be encoded or decoded. Small, since it is part of each result.
#[derive(Debug)]
#[allow(clippy::box_collection, reason = "one pointer, where a `String` has three words")]
pub(super) struct Error(Box<String>);

impl Error {
    /// Not generic and not inlined, so that cells do not compile it.
    #[cold]
    #[inline(never)]
    pub(super) fn new(reason: &dyn Display) -> Error {
        Error(Box::new(reason.to_string()))
    }

    pub(super) fn into_reason(self) -> String {
        *self.0
    }
}

/// Makes the error of bytes that no encoder wrote.
#[cold]
pub(super) fn malformed() -> Error {
    Error::new(&"the bytes encode no value")
}

/// Makes the error of bytes that are too few.
#[cold]
pub(super) fn ends_early() -> Error {
    Error::new(&"the bytes end early")
}

impl Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Error {}

impl ser::Error for Error {
    fn custom<T: Display>(reason: T) -> Error {
        Error::new(&reason)
    }
}

impl de::Error for Error {
    fn custom<T: Display>(reason: T) -> Error {
        Error::new(&reason)
    }

    // The provided methods are repeated here, since they would be compiled in each cell.

    fn invalid_type(unexpected: Unexpected<'_>, expected: &dyn Expected) -> Error {
        Error::new(&format_args!("invalid type: {unexpected}, expected {expected}"))
    }

    fn invalid_value(unexpected: Unexpected<'_>, expected: &dyn Expected) -> Error {
        Error::new(&format_args!("invalid value: {unexpected}, expected {expected}"))
    }

    fn invalid_length(len: usize, expected: &dyn Expected) -> Error {
        Error::new(&format_args!("invalid length {len}, expected {expected}"))
    }

    fn missing_field(field: &'static str) -> Error {
        Error::new(&format_args!("missing field `{field}`"))
    }

    fn duplicate_field(field: &'static str) -> Error {
        Error::new(&format_args!("duplicate field `{field}`"))
    }
}
