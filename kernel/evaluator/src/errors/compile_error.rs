//! How a compile error is shown: as rustc would show it for the cell alone, without a trace of the code that evcxr and
//! the kernel generate around the cell.
//!
//! Errors come from rustc, from evcxr, from the kernel's own check of the syntax, and from the expansion of
//! `#[tessera]`. Each becomes a [`Diagnostic`] on the text of the cell. An error that a variable cannot be stored is
//! explained by
//! [`unstorable`](super::unstorable) instead. Warnings are shown in the same way.

use crate::{
    errors::{
        cell_error::CellError,
        diagnostic::{Diagnostic, once_per_subject, without_progress},
        error_name::ErrorName,
        places::{Changes, byte_range},
        unstorable::{Explanation, Unstorable},
        warnings::Warning,
    },
    evcxr_text::messages,
    source::{preamble::without_commands, syntax::SyntaxError},
};
use annotate_snippets::Level;
use evcxr::CompilationError;
use mosaic_expand::{Location, TextRange};
use std::ops::Range;

const CANNOT_BE_KEPT: &str = "a variable of this cell cannot be kept for the next: it borrows from this one, or its type is \
    known here alone. Make it own what it holds, define its type as an item of a cell, or put braces around the cell's code";

/// rustc has failed without an error that evcxr can read.
const NO_ERROR: &str = "the cell does not compile, and rustc does not say why. If the cell sets a variable whose type comes \
    from a crate that the notebook has not added, add that crate with `:dep`. Otherwise start the kernel with \
    MOSAIC_FAST_PATH=0 and run the cell again";

impl CellError {
    /// Shows the errors of rustc as rustc would show them for the cell alone. `type_of` looks up the type of a variable
    /// by its name and the byte of the cell at which the name ends.
    pub(crate) fn from_compilation(
        errors: &[CompilationError],
        code: &str,
        number: u32,
        changes: Changes,
        type_of: impl FnOnce(&str, usize) -> Option<String>,
    ) -> CellError {
        let errors = errors.iter().filter(|error| error.level() != "warning");
        let errors: Vec<Diagnostic> = errors.map(|error| Diagnostic::new(error, code, changes)).collect();
        if let Some(variable) = errors.iter().find_map(|error| Unstorable::from_message(&error.title)) {
            return CellError::unstorable(&variable.explain(code, type_of), code, number);
        }
        // evcxr hides the places of errors on the code that stores variables. E0373 is about what a closure borrows.
        let of_storing = |error: &Diagnostic| {
            let code = error.code.as_deref();
            code == Some("E0521") && error.labels.is_empty() || code == Some("E0373")
        };
        if errors.is_empty() {
            return CellError::new(ErrorName::Compilation, NO_ERROR);
        }
        if errors.iter().all(of_storing) {
            return match Unstorable::closure_in(&without_commands(code)) {
                Some(variable) => CellError::unstorable(&variable.explain(code, type_of), code, number),
                None => CellError::new(ErrorName::Variable, CANNOT_BE_KEPT),
            };
        }
        CellError::from_diagnostics(&once_per_subject(errors), code, number)
    }

    /// Shows an error of the kernel's at one place of the cell, with help.
    pub(crate) fn at(
        ename: ErrorName,
        code: &str,
        number: u32,
        range: Range<usize>,
        title: &str,
        help: &[String],
    ) -> CellError {
        let mut error = Diagnostic::at(range, title, "");
        error.notes.extend(help.iter().map(|text| (Level::HELP, text.clone())));
        CellError {
            ename,
            ..CellError::from_diagnostics(&[error], code, number)
        }
    }

    fn unstorable(explanation: &Explanation, code: &str, number: u32) -> CellError {
        let Explanation { title, range, help } = explanation;
        match range {
            Some(range) => CellError::at(ErrorName::Variable, code, number, range.clone(), title, help),
            None => CellError::new(ErrorName::Variable, title),
        }
    }

    /// Shows a syntax error that the kernel has found without rustc.
    pub(crate) fn from_syntax(error: &SyntaxError, code: &str, number: u32) -> CellError {
        let mut shown = Diagnostic::at(error.range.clone(), &error.title, error.label);
        if let Some(opened) = &error.opened {
            shown
                .labels
                .push((opened.clone(), "unclosed delimiter".to_owned(), false));
        }
        CellError::from_diagnostics(&[shown], code, number)
    }

    /// Shows errors of the expansion of `#[tessera]`.
    pub(crate) fn from_expansion(errors: &[mosaic_expand::CellError], code: &str, number: u32) -> CellError {
        let errors = errors
            .iter()
            .map(|error| Diagnostic::at(byte_range(code, &error.range), &error.message, ""));
        CellError::from_diagnostics(&errors.collect::<Vec<_>>(), code, number)
    }

    /// Shows each of these errors once. They are errors of a command if all of them stand on commands.
    fn from_diagnostics(errors: &[Diagnostic], code: &str, number: u32) -> CellError {
        let path = format!("cell [{number}]");
        let mut traceback: Vec<String> = Vec::new();
        for text in errors.iter().map(|error| error.render(code, &path)) {
            if !traceback.contains(&text) {
                traceback.push(text);
            }
        }
        let is_command = !errors.is_empty() && errors.iter().all(|error| error.is_on_command(code));
        CellError {
            ename: if is_command {
                ErrorName::Command
            } else {
                ErrorName::Compilation
            },
            evalue: errors.first().map(|error| error.title.clone()).unwrap_or_default(),
            traceback,
        }
    }

    /// Shows an error of evcxr's that has no place in the cell.
    pub(crate) fn from_message(
        message: &str,
        code: &str,
        number: u32,
        type_of: impl FnOnce(&str, usize) -> Option<String>,
    ) -> CellError {
        if let Some(variable) = Unstorable::from_message(message) {
            return CellError::unstorable(&variable.explain(code, type_of), code, number);
        }
        let ename = match message {
            _ if messages::is_of_shell_command(message) => ErrorName::Command,
            _ if messages::is_of_compilation(message) => ErrorName::Compilation,
            _ => ErrorName::Returned,
        };
        CellError::new(ename, without_progress(message))
    }

    /// Shows a warning as text, to stand beside what the cell prints.
    pub(crate) fn warning(warning: &Warning, code: &str, number: u32, changes: Changes) -> String {
        let labels = warning.labels.iter().filter_map(|label| {
            let start = changes.locate(label.line, label.columns.start);
            let end = changes.locate(label.line, label.columns.end);
            match (start, end) {
                (Location::User(start), Location::User(end)) => Some((
                    byte_range(code, &TextRange { start, end }),
                    label.text.clone(),
                    label.primary,
                )),
                _ => None,
            }
        });
        let shown = Diagnostic {
            title: warning.title.clone(),
            code: None,
            subject: None,
            labels: labels.collect(),
            notes: warning.help.iter().map(|text| (Level::HELP, text.clone())).collect(),
        };
        shown.render_as(&Level::WARNING, code, &format!("cell [{number}]"))
    }
}
