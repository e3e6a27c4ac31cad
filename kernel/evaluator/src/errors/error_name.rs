//! The kinds of errors that a failed cell shows.

use std::fmt;

/// The kind of an error, which Jupyter's `error` message calls `ename`.
///
/// ```
/// assert_eq!(mosaic_evaluator::ErrorName::Compilation.to_string(), "CompilationError");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorName {
    /// The cell does not compile.
    Compilation,
    /// A command before the cell's code is refused or fails.
    Command,
    /// A variable of the cell cannot be kept for the next cell.
    Variable,
    /// The cell panicked.
    Panic,
    /// A `?` at the top level of the cell returned an error.
    Returned,
    /// The user interrupted the cell.
    Interrupted,
    /// The process of the cells ended while the cell ran.
    CellProcessEnded,
    /// The kernel itself cannot go on.
    Kernel,
}

impl ErrorName {
    /// Returns the name that clients show.
    pub const fn as_str(self) -> &'static str {
        match self {
            ErrorName::Compilation => "CompilationError",
            ErrorName::Command => "CommandError",
            ErrorName::Variable => "VariableError",
            ErrorName::Panic => "Panic",
            ErrorName::Returned => "Error",
            ErrorName::Interrupted => "Interrupted",
            ErrorName::CellProcessEnded => "CellProcessEnded",
            ErrorName::Kernel => "KernelError",
        }
    }
}

impl fmt::Display for ErrorName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
