//! What a failed cell shows.

use crate::link::Report;
use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use evcxr::CompilationError;
use mosaic_expand::{CellExpansion, Location, Place, Position};
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
        panicked.or_else(|| {
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

    /// rustc's errors, as rustc would show them for the cell alone.
    pub(crate) fn from_compilation(
        errors: &[CompilationError],
        code: &str,
        number: u32,
        expansion: Option<&CellExpansion>,
    ) -> CellError {
        let errors = errors.iter().filter(|error| error.level() != "warning");
        let errors = once_per_subject(errors.map(|error| Diagnostic::new(error, code, expansion)).collect());
        if errors.is_empty() {
            // evcxr keeps errors on storing a variable to itself.
            return CellError::new("CompilationError", CLOSURE);
        }
        CellError::from_diagnostics(&errors, code, number)
    }

    /// A `let` whose pattern is missing, at this line and column.
    pub(crate) fn missing_pattern(code: &str, number: u32, (line, column): (usize, usize)) -> CellError {
        let range = bytes(code, (line, column), (line, column + 1));
        let error = Diagnostic::at(range, "expected a pattern after `let`", "expected pattern");
        CellError::from_diagnostics(&[error], code, number)
    }

    /// Errors of the expansion of `#[tessera]`.
    pub(crate) fn from_expansion(errors: &[mosaic_expand::CellError], code: &str, number: u32) -> CellError {
        let errors = errors
            .iter()
            .map(|error| Diagnostic::at(place(code, &error.place), &error.message, ""));
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
        CellError {
            ename: "CompilationError".into(),
            evalue: errors.first().map(|error| error.title.clone()).unwrap_or_default(),
            traceback,
        }
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

/// Generated code mentions a type several times, and rustc then complains of it as often. One complaint is enough, and the
/// one written for the user is the best.
fn once_per_subject(errors: Vec<Diagnostic>) -> Vec<Diagnostic> {
    let mut kept: Vec<Diagnostic> = Vec::new();
    for error in errors {
        let twin = kept
            .iter_mut()
            .find(|other| other.subject.is_some() && other.subject == error.subject);
        match twin {
            Some(twin) if error.title.contains("cannot travel") && !twin.title.contains("cannot travel") => {
                *twin = error
            }
            Some(_) => {}
            None => kept.push(error),
        }
    }
    kept
}

/// One error, by byte ranges of the cell's text.
#[derive(Debug)]
struct Diagnostic {
    title: String,
    code: Option<String>,
    /// What generated code it is about, if it is about such: "argument `data` of `Solver1::solve`".
    subject: Option<String>,
    /// Range, label, and whether the error is there.
    labels: Vec<(Range<usize>, String, bool)>,
    notes: Vec<(Level<'static>, String)>,
}

impl Diagnostic {
    /// An error of our own at one place of the cell.
    fn at(range: Range<usize>, title: &str, label: &str) -> Diagnostic {
        Diagnostic {
            title: title.to_owned(),
            code: None,
            subject: None,
            labels: vec![(range, label.to_owned(), true)],
            notes: Vec::new(),
        }
    }

    fn new(error: &CompilationError, code: &str, expansion: Option<&CellExpansion>) -> Diagnostic {
        let mut title = match error.code() {
            // evcxr checks by a call of its own that a variable can be kept.
            Some("E0521") if error.spanned_messages().iter().all(|message| message.span.is_none()) => {
                CLOSURE.to_owned()
            }
            _ => error.message(),
        };
        let mut subject = None;
        let mut labels = Vec::new();
        for message in error.spanned_messages() {
            let Some(span) = message.span else { continue };
            match locate(expansion, span.start_line, span.start_column) {
                Location::Generated(origin) => {
                    // In code that the user did not write: say what it was made from.
                    if message.is_primary && subject.is_none() {
                        title = format!("{}: {title}", origin.what);
                        subject = Some(origin.what.clone());
                    }
                    labels.push((place(code, &origin.place), String::new(), message.is_primary));
                }
                Location::User(start) => {
                    let end = match locate(expansion, span.end_line, span.end_column) {
                        Location::User(end) => end,
                        Location::Generated(_) => start,
                    };
                    labels.push((
                        place(code, &Place { start, end }),
                        message.label.clone(),
                        message.is_primary,
                    ));
                }
            }
        }
        Diagnostic {
            title,
            code: error.code().map(str::to_owned),
            subject,
            labels,
            notes: notes(error),
        }
    }

    fn render(&self, code: &str, path: &str) -> String {
        let title = Level::ERROR.primary_title(&*self.title);
        let title = match &self.code {
            Some(id) => title.id(&**id),
            None => title,
        };
        let mut group = if self.labels.is_empty() {
            Group::with_title(title)
        } else {
            let annotations = self.labels.iter().map(|(range, label, primary)| {
                let kind = if *primary {
                    AnnotationKind::Primary
                } else {
                    AnnotationKind::Context
                };
                // Where rustc gives no label, evcxr repeats the title.
                let label = Some(&**label).filter(|label| !label.is_empty() && !label.ends_with(&self.title));
                kind.span(range.clone()).label(label)
            });
            title.element(Snippet::source(code).path(path).fold(true).annotations(annotations))
        };
        for (level, text) in &self.notes {
            group = group.element(level.clone().message(&**text));
        }
        Renderer::styled().render(&[group])
    }
}

/// In the place of rustc's "borrowed data escapes outside of function".
const CLOSURE: &str = "a variable of this cell cannot be kept for the next: closures and references live only within a cell. \
    Make it a `fn` or a `Box<dyn Fn(…) -> …>`, or wrap the cell in braces";

/// What only notes on generated code, or lists of traits' implementations, contain.
const GENERATED: [&str; 7] = [
    "evcxr",
    "mosaic_cell",
    "mosaic::__private",
    "__mosaic_",
    "the following other types implement",
    "to implement `Portable`",
    "#[warn(",
];

/// rustc's notes and help that speak of the user's code.
fn notes(error: &CompilationError) -> Vec<(Level<'static>, String)> {
    let children = error.json["children"].as_array().map(Vec::as_slice).unwrap_or_default();
    let texts = children.iter().filter_map(|child| {
        let (level, message) = (child["level"].as_str()?, child["message"].as_str()?);
        let generated = GENERATED.iter().any(|name| message.contains(name));
        let suggestion = child["spans"][0]["suggested_replacement"]
            .as_str()
            .filter(|text| !text.trim().is_empty());
        let text = match suggestion {
            _ if generated => return None,
            Some(suggestion) => format!("{message}: `{}`", suggestion.trim()),
            None => message.to_owned(),
        };
        Some(match level {
            "help" => (Level::HELP, text),
            "note" => (Level::NOTE, text),
            other => (Level::NOTE, format!("{other}: {text}")),
        })
    });
    texts.collect()
}

/// What stands at a place of the text that was compiled.
fn locate(expansion: Option<&CellExpansion>, line: usize, column: usize) -> Location<'_> {
    expansion.map_or(Location::User(Position { line, column }), |expansion| {
        expansion.locate(line, column)
    })
}

/// The byte range between two places, each a line and a column of characters, from 1. Never outside the text.
fn bytes(code: &str, start: (usize, usize), end: (usize, usize)) -> Range<usize> {
    let (start, end) = (offset(code, start), offset(code, end));
    start..end.max(start)
}

fn place(code: &str, place: &Place) -> Range<usize> {
    bytes(
        code,
        (place.start.line, place.start.column),
        (place.end.line, place.end.column),
    )
}

fn offset(code: &str, (line, column): (usize, usize)) -> usize {
    let before: usize = code
        .split_inclusive('\n')
        .take(line.saturating_sub(1))
        .map(str::len)
        .sum();
    let text = code[before..].split('\n').next().unwrap_or_default();
    before
        + text
            .char_indices()
            .nth(column.saturating_sub(1))
            .map_or(text.len(), |(at, _)| at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_become_bytes() {
        let code = "let ä = 1;\nlet b = ü;\n";
        assert_eq!(&code[bytes(code, (1, 5), (1, 6))], "ä");
        assert_eq!(&code[bytes(code, (2, 9), (2, 10))], "ü");
        assert_eq!(bytes(code, (9, 1), (9, 5)), code.len()..code.len());
        assert_eq!(&code[bytes(code, (1, 5), (2, 4))], "ä = 1;\nlet");
    }

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
    }
}
