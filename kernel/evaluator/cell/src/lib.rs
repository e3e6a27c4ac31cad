//! The library of every cell: what the generated code around a cell calls, compiled once instead of in every cell.
//!
//! evcxr talks to itself through marker lines on the cell's standard output. Nothing here prints: events go to the cell
//! process through the host's table, so that a cell may print whatever it likes.

mod ask;
pub mod bench;
mod fingerprint;
mod order;
mod rest;
mod show_result;
mod sizes;
mod statics;
mod variable_store;

pub use ask::ask;
pub use mosaic_message as message;
pub use order::{after_print, before_stderr, before_stdout};
pub use rest::{End, Rest, rest};
pub use show_result::{BeginResult, DisplayDebug, DisplayRich, show_picture, size_of_picture};
pub use variable_store::{
    Fingerprints, VariableStore, create_variable_store, mosaic_cell_drop_variables, mosaic_cell_variables,
};

use mosaic::__private::{CellEvent, note_cell_unwound, tell};
use std::{any::Any, error::Error, fmt, panic::AssertUnwindSafe, thread};

/// Runs the code of a cell, and catches its unwinding.
///
/// # Errors
///
/// The payload with which the code unwound.
pub fn catch_unwind(cell: AssertUnwindSafe<impl FnOnce()>) -> thread::Result<()> {
    let mut cell = Some(cell.0);
    catch(&mut || {
        if let Some(cell) = cell.take() {
            cell();
        }
    })
}

/// Catches unwinding. Not generic, so that no cell compiles it.
fn catch(cell: &mut dyn FnMut()) -> thread::Result<()> {
    std::panic::catch_unwind(AssertUnwindSafe(cell))
}

/// Reports that the cell's code unwound with this payload. The message of the panic follows when the guest ends the
/// cell.
pub fn unwound(payload: Box<dyn Any + Send>) {
    note_cell_unwound(payload);
    tell(CellEvent::Unwound, "", "");
}

/// Reports that a `?` of the cell returned `error`, with the error's causes.
pub fn question_mark_returned(error: Box<dyn Error + '_>) {
    tell(CellEvent::Failed, &error.to_string(), &causes(&*error));
}

/// Reports that a `?` of the cell returned something else than an error. It is formatted here, so that no cell compiles
/// that code.
pub fn question_mark_failed(error: fmt::Arguments<'_>) {
    tell(CellEvent::Failed, &error.to_string(), "");
}

/// Lists the causes of an error as anyhow does: the nearest one first, numbered if there are several.
fn causes(error: &dyn Error) -> String {
    let (mut causes, mut next) = (Vec::new(), error.source());
    while let Some(cause) = next {
        causes.push(cause.to_string());
        next = cause.source();
    }
    let indented = |cause: &str, indent: usize| cause.replace('\n', &format!("\n{:indent$}", ""));
    match &causes[..] {
        [] => String::new(),
        [cause] => format!("Caused by:\n    {}", indented(cause, 4)),
        _ => causes
            .iter()
            .enumerate()
            .fold("Caused by:".to_owned(), |list, (number, cause)| {
                format!("{list}\n{number:>5}: {}", indented(cause, 7))
            }),
    }
}

/// Shows the text of the cell's last expression, if evcxr's code formatted it.
pub fn send_text_plain(text: &str) {
    tell(CellEvent::Result, "text/plain", text);
}

/// Does nothing. The debugger stops a cell here at its end, to read the cell's variables.
///
/// Cells that are compiled for the debugger call this. The name is that by which the debugger finds it.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn mosaic_cell_end_for_debugger() {
    // Without any effect the call would be left out.
    std::hint::black_box(());
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An error with the rest of the texts as its causes.
    #[derive(Debug)]
    struct Chain(&'static str, Option<Box<Chain>>);

    impl fmt::Display for Chain {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }
    }

    impl Error for Chain {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            self.1.as_deref().map(|cause| cause as &dyn Error)
        }
    }

    #[test]
    fn causes_are_listed_as_anyhow_lists_them() {
        for (texts, expected) in [
            (&["a"][..], ""),
            (&["a", "b\nc"], "Caused by:\n    b\n    c"),
            (&["a", "b", "c\nd"], "Caused by:\n    0: b\n    1: c\n       d"),
        ] {
            let chain = texts
                .iter()
                .rev()
                .fold(None, |cause, text| Some(Box::new(Chain(text, cause))));
            assert_eq!(causes(&chain.unwrap()), expected);
        }
    }
}
