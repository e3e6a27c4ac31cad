//! What a failed cell shows, and what is said of warnings and of lost variables.
//!
//! | file | about |
//! | --- | --- |
//! | [`cell_error`] | [`CellError`](cell_error::CellError), and the errors of cells that ran |
//! | [`compile_error`](mod@compile_error) | how a compile error is shown |
//! | [`error_name`] | the kinds of errors |
//! | [`diagnostic`] | one error of rustc's, translated to the text of the cell and rendered |
//! | [`imports`] | the place of an error in a `use` of the cell |
//! | [`places`] | lines and columns of the compiled text as bytes of the cell |
//! | [`unstorable`] | variables that cannot be kept for the next cell: why, and what to write instead |
//! | [`executed_cells`] | the line of an executed cell that a panic came from |
//! | [`gone_variables`] | which cell took a variable that is not there any more, and why |
//! | [`lost_variables`] | what an interrupt or the end of the cell process costs |
//! | [`warnings`] | which of rustc's warnings are shown, and where |
//!
//! Invariants: places are bytes of the cell as the user wrote it, never of generated code. No text names evcxr, or an
//! item that the kernel generates. Everything here is pure text, but for the file in which [`warnings`] pass from the
//! rustc wrapper to the kernel.

pub(crate) mod cell_error;
mod compile_error;
mod diagnostic;
pub(crate) mod error_name;
pub(crate) mod executed_cells;
pub(crate) mod gone_variables;
mod imports;
pub(crate) mod lost_variables;
pub(crate) mod places;
pub(crate) mod unstorable;
pub(crate) mod warnings;
