//! Errors of the system with what was being done.

use std::{fmt, io};

/// Puts what could not be done before an error's text, and keeps the error's kind.
pub(crate) fn with_context(error: &io::Error, context: impl fmt::Display) -> io::Error {
    io::Error::new(error.kind(), format!("{context}: {error}"))
}
