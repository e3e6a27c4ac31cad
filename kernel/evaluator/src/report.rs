//! What a failed cell shows.

mod diagnostic;
mod places;

use crate::{
    link::Report,
    syntax::SyntaxError,
    unkept::{Explanation, Unkept},
    warnings::Warning,
};
use annotate_snippets::Level;
use diagnostic::{Diagnostic, once_per_subject, without_progress};
use evcxr::CompilationError;
use mosaic_expand::{CellExpansion, Location, TextRange};
use places::{locate, place};
use std::ops::Range;

/// Why a cell failed, as Jupyter's `error` message wants it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CellError {
    /// The kind: `CompilationError`, `Panic`, `Error`, `Interrupted`, …
    pub ename: String,
    /// One line.
    pub evalue: String,
    /// What is shown, with ANSI colours.
    pub traceback: Vec<String>,
}

impl CellError {
    pub(crate) fn new(ename: &str, evalue: impl Into<String>) -> CellError {
        let evalue = evalue.into();
        let traceback = vec![format!("\x1b[1;31m{ename}\x1b[0m: {evalue}")];
        CellError {
            ename: ename.into(),
            evalue,
            traceback,
        }
    }

    /// The evaluation thread has ended.
    pub(crate) fn ended() -> CellError {
        CellError::new("KernelError", "the kernel is shutting down")
    }

    /// evcxr panicked, and everything that it knew is gone.
    pub(crate) fn evaluator_panicked() -> CellError {
        let message = "the evaluator panicked and starts anew: run the cells with your definitions again";
        CellError::new("KernelError", message)
    }

    /// The report of a cell that ran and failed, if it did.
    pub(crate) fn from_reports(reports: &[Report]) -> Option<CellError> {
        let panicked = reports.iter().find_map(|report| match report {
            Report::Panicked { message, backtrace } => Some(CellError::panicked(message, backtrace)),
            _ => None,
        });
        let interrupted = || {
            let message = "the cell was interrupted; all variables are kept";
            reports
                .contains(&Report::Interrupted)
                .then(|| CellError::new("Interrupted", message))
        };
        panicked.or_else(interrupted).or_else(|| {
            reports.iter().find_map(|report| match report {
                Report::Failed { message } => Some(CellError::new("Error", message)),
                Report::OutputLost { message } => Some(CellError::new(
                    "KernelError",
                    format!("what cells print cannot be shown: {message}"),
                )),
                _ => None,
            })
        })
    }

    fn panicked(message: &str, backtrace: &str) -> CellError {
        let mut error = CellError::new("Panic", message);
        error.traceback.extend(users_frames(backtrace));
        error
    }

    /// rustc's errors, as rustc would show them for the cell alone. `type_of` looks up the type of a variable, whose name
    /// ends at a byte of the cell.
    pub(crate) fn from_compilation(
        errors: &[CompilationError],
        code: &str,
        number: u32,
        expansion: Option<&CellExpansion>,
        type_of: impl FnOnce(&str, usize) -> Option<String>,
    ) -> CellError {
        let errors = errors.iter().filter(|error| error.level() != "warning");
        let errors: Vec<Diagnostic> = errors.map(|error| Diagnostic::new(error, code, expansion)).collect();
        if let Some(unkept) = errors.iter().find_map(|error| Unkept::from_message(&error.title)) {
            return CellError::unkept(&unkept.explain(code, type_of), code, number);
        }
        // evcxr keeps errors on storing a variable to itself, and rustc complains of what a closure borrows.
        let of_storing = |error: &Diagnostic| {
            let code = error.code.as_deref();
            code == Some("E0521") && error.labels.is_empty() || code == Some("E0373")
        };
        if errors.iter().all(of_storing) {
            return match Unkept::closure_in(&crate::preamble::without_commands(code)) {
                Some(unkept) => CellError::unkept(&unkept.explain(code, type_of), code, number),
                None => CellError::new("VariableError", CANNOT_BE_KEPT),
            };
        }
        CellError::from_diagnostics(&once_per_subject(errors), code, number)
    }

    /// An error at one place of the cell, with what to do about it.
    pub(crate) fn at(
        ename: &str,
        code: &str,
        number: u32,
        range: Range<usize>,
        title: &str,
        help: &[String],
    ) -> CellError {
        let mut error = Diagnostic::at(range, title, "");
        error.notes.extend(help.iter().map(|text| (Level::HELP, text.clone())));
        CellError {
            ename: ename.into(),
            ..CellError::from_diagnostics(&[error], code, number)
        }
    }

    fn unkept(explanation: &Explanation, code: &str, number: u32) -> CellError {
        let Explanation { title, range, help } = explanation;
        match range {
            Some(range) => CellError::at("VariableError", code, number, range.clone(), title, help),
            None => CellError::new("VariableError", title),
        }
    }

    /// A warning as text, to be shown beside what the cell prints.
    pub(crate) fn warning(warning: &Warning, code: &str, number: u32, expansion: Option<&CellExpansion>) -> String {
        let labels = warning.labels.iter().filter_map(|label| {
            let start = locate(expansion, label.line, label.columns.start);
            let end = locate(expansion, label.line, label.columns.end);
            match (start, end) {
                (Location::User(start), Location::User(end)) => Some((
                    place(code, &TextRange { start, end }),
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

    /// A syntax error that rustc is not asked about.
    pub(crate) fn from_syntax(error: &SyntaxError, code: &str, number: u32) -> CellError {
        let mut shown = Diagnostic::at(error.range.clone(), &error.title, error.label);
        if let Some(opened) = &error.opened {
            shown
                .labels
                .push((opened.clone(), "unclosed delimiter".to_owned(), false));
        }
        CellError::from_diagnostics(&[shown], code, number)
    }

    /// Errors of the expansion of `#[tessera]`.
    pub(crate) fn from_expansion(errors: &[mosaic_expand::CellError], code: &str, number: u32) -> CellError {
        let errors = errors
            .iter()
            .map(|error| Diagnostic::at(place(code, &error.range), &error.message, ""));
        CellError::from_diagnostics(&errors.collect::<Vec<_>>(), code, number)
    }

    /// Each of these errors once.
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
            ename: if is_command { "CommandError" } else { "CompilationError" }.into(),
            evalue: errors.first().map(|error| error.title.clone()).unwrap_or_default(),
            traceback,
        }
    }

    /// What evcxr says without a place.
    pub(crate) fn from_message(
        message: &str,
        code: &str,
        number: u32,
        type_of: impl FnOnce(&str, usize) -> Option<String>,
    ) -> CellError {
        if let Some(unkept) = Unkept::from_message(message) {
            return CellError::unkept(&unkept.explain(code, type_of), code, number);
        }
        let ename = match message {
            _ if message.starts_with("Shell command failed") => "CommandError",
            _ if message.contains("missing a semicolon") || message.contains("Compilation failed") => {
                "CompilationError"
            }
            _ => "Error",
        };
        CellError::new(ename, without_progress(message))
    }
}

/// The frames of a backtrace between the panic's own and those that call the cell.
fn users_frames(backtrace: &str) -> impl Iterator<Item = String> {
    let names = backtrace
        .lines()
        .filter_map(|line| line.trim_start().split_once(": "))
        .map(|(_, name)| name);
    let frames = names
        .skip_while(|name| !name.contains("ctx::"))
        .take_while(|name| !name.starts_with("run_user_code_") && !name.contains("ctx::run_user_code_"));
    frames.map(|name| format!("  in {}", name.replace("ctx::", "")))
}

const CANNOT_BE_KEPT: &str = "a variable of this cell cannot be kept for the next: it borrows from this one, or its type is \
    known here alone. Make it own what it holds, define its type as an item of a cell, or put braces around the cell's code";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_worth_more_than_what_came_with_it() {
        let reports = [
            Report::Result {
                mime: "text/plain".into(),
                content: "1".into(),
            },
            Report::Failed { message: "no".into() },
            Report::Panicked {
                message: "oh".into(),
                backtrace: String::new(),
            },
        ];
        assert_eq!(CellError::from_reports(&reports).unwrap().ename, "Panic");
        assert_eq!(CellError::from_reports(&reports[..2]).unwrap().evalue, "no");
        assert_eq!(CellError::from_reports(&reports[..1]), None);
        let interrupted = [Report::Failed { message: "no".into() }, Report::Interrupted];
        assert_eq!(CellError::from_reports(&interrupted).unwrap().ename, "Interrupted");
    }
}
