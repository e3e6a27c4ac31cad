//! The error of a request to the front end.

use std::{error, fmt};

/// The error of a request to the front end: nobody can be asked or shown anything.
///
/// ```
/// let error: notebook::Error = notebook::input("temperature in K: ").unwrap_err();    // outside a notebook
/// println!("{error}");
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Error {
    message: String,
}

impl Error {
    pub(crate) fn new(message: impl Into<String>) -> Error {
        Error {
            message: message.into(),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl error::Error for Error {}
