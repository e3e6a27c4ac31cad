//! What a failed cell shows.

use crate::{
    link::Report,
    syntax::SyntaxError,
    unkept::{Unkept, last_expression},
    warnings::Warning,
};
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

    /// rustc's errors, as rustc would show them for the cell alone. `type_of` looks up the type of the variable whose name
    /// ends at a byte of the cell.
    pub(crate) fn from_compilation(
        errors: &[CompilationError],
        code: &str,
        number: u32,
        expansion: Option<&CellExpansion>,
        type_of: impl FnOnce(usize) -> Option<String>,
    ) -> CellError {
        let errors = errors.iter().filter(|error| error.level() != "warning");
        let errors: Vec<Diagnostic> = errors.map(|error| Diagnostic::new(error, code, expansion)).collect();
        if let Some(unkept) = errors.iter().find_map(|error| Unkept::from_message(&error.title)) {
            return unkept.error(code, number, type_of);
        }
        // evcxr keeps errors on storing a variable to itself, and rustc complains of what a closure borrows.
        let of_storing = |error: &Diagnostic| {
            let code = error.code.as_deref();
            code == Some("E0521") && error.labels.is_empty() || code == Some("E0373")
        };
        if errors.iter().all(of_storing) {
            return match Unkept::closure_in(&crate::commands::without_commands(code)) {
                Some(unkept) => unkept.error(code, number, type_of),
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

    /// A warning as text, to be shown beside what the cell prints.
    pub(crate) fn warning(warning: &Warning, code: &str, number: u32, expansion: Option<&CellExpansion>) -> String {
        let labels = warning.labels.iter().filter_map(|label| {
            let start = locate(expansion, label.line, label.columns.start);
            let end = locate(expansion, label.line, label.columns.end);
            match (start, end) {
                (Location::User(start), Location::User(end)) => {
                    Some((place(code, &Place { start, end }), label.text.clone(), label.primary))
                }
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
        type_of: impl FnOnce(usize) -> Option<String>,
    ) -> CellError {
        if let Some(unkept) = Unkept::from_message(message) {
            return unkept.error(code, number, type_of);
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

/// What cargo says, without what it says it does.
fn without_progress(message: &str) -> String {
    let does = [
        "Updating",
        "Locking",
        "Adding",
        "Downloading",
        "Downloaded",
        "Blocking",
        "Compiling",
    ];
    let lines = message
        .lines()
        .filter(|line| !does.iter().any(|word| line.trim_start().starts_with(word)));
    let said = lines.collect::<Vec<_>>().join("\n");
    said.strip_prefix("error: ").map_or(said.clone(), str::to_owned)
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
        let mut title = of_the_cell(&without_progress(&error.message()));
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
                        of_the_cell(&message.label),
                        message.is_primary,
                    ));
                }
            }
        }
        let mut notes = notes(error);
        if labels.is_empty()
            && earlier_line(error).is_none()
            && let Some(last) = last_expression(code)
        {
            // evcxr's wrapping of it is where the error is.
            if error.code() == Some("E0277") && title.ends_with("doesn't implement `Debug`") {
                notes = vec![(Level::HELP, derive_debug(error, &title))];
            }
            labels.push((last, String::new(), true));
        }
        if labels.is_empty()
            && let Some(line) = earlier_line(error)
        {
            notes.insert(0, (Level::NOTE, format!("in an earlier cell: `{line}`")));
        }
        if error.code() == Some("E0277") && title.contains("`!: ") {
            notes = vec![(Level::HELP, UNSAID.to_owned())];
        }
        Diagnostic {
            title,
            code: error.code().map(str::to_owned),
            subject,
            labels,
            notes,
        }
    }

    /// Whether it is evcxr's error on a command, and none of rustc's.
    fn is_on_command(&self, code: &str) -> bool {
        let commands = code.len() - crate::commands::without_commands(code).trim_start().len();
        self.code.is_none() && !self.labels.is_empty() && self.labels.iter().all(|(range, ..)| range.start < commands)
    }

    fn render(&self, code: &str, path: &str) -> String {
        self.render_as(&Level::ERROR, code, path)
    }

    fn render_as(&self, level: &Level<'static>, code: &str, path: &str) -> String {
        let title = level.clone().primary_title(&*self.title);
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

const CANNOT_BE_KEPT: &str = "a variable of this cell cannot be kept for the next: it borrows from this one, or its type is \
    known here alone. Make it own what it holds, define its type as an item of a cell, or put braces around the cell's code";

/// In the place of what rustc says of a type that it took to be `!`.
const UNSAID: &str = "nothing says which type is meant: write it, as in `let value: TYPE = …;` or `parse::<TYPE>()`";

/// What the user is to do about a result that has no `Debug`.
fn derive_debug(error: &CompilationError, title: &str) -> String {
    let name = title.split('`').nth(1).unwrap_or_default();
    let is_users = error
        .json
        .to_string()
        .contains(&format!("add `#[derive(Debug)]` to `{name}`"));
    match is_users {
        true => format!(
            "to show it, write `#[derive(Debug)]` before the definition of `{name}`; to show nothing, end with `;`"
        ),
        false => "show a part of it that has `Debug`, or end the line with `;` to show nothing".to_owned(),
    }
}

/// rustc's words without those on evcxr's wrapping.
fn of_the_cell(text: &str) -> String {
    let mut text = text.to_owned();
    for (generated, own) in [
        ("`evcxr_variable_store`", "the end of the cell"),
        ("<end of input>", "the end of the cell"),
        ("an async block that returns `Result`", "a cell"),
        // The whole path, where the notebook has another `Result` as well.
        (
            "std::result::Result<(), EvcxrUserCodeError>",
            "Result<(), EvcxrUserCodeError>",
        ),
        (" compatible with `Result<(), EvcxrUserCodeError>`", ""),
        ("`EvcxrUserCodeError`", "the cell's error"),
        (
            "return type inferred to be `()` here",
            "a cell returns a `Result`: end it early with `return Ok(());`",
        ),
    ] {
        text = text.replace(generated, own);
    }
    text
}

/// What only notes on generated code, or lists of traits' implementations, contain.
const GENERATED: [&str; 8] = [
    "evcxr",
    "Evcxr",
    "mosaic_cell",
    "mosaic::__private",
    "__mosaic_",
    "the following other types implement",
    "to implement `Portable`",
    "#[warn(",
];

/// The line that an error is in, where it is an item of an earlier cell.
fn earlier_line(error: &CompilationError) -> Option<String> {
    let spans = error.json["spans"].as_array()?;
    let primary = spans.iter().find(|span| span["is_primary"] == true)?;
    let line = primary["text"][0]["text"].as_str()?.trim();
    let is_wrapping =
        ["(", ").evcxr_display();", ""].contains(&line) || GENERATED.iter().any(|name| line.contains(name));
    (!is_wrapping && error.is_from_user_code()).then(|| line.to_owned())
}

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
            _ if message.contains("`cargo add ") => message
                .replace("use `cargo add ", "add it with `:dep ")
                .replace(" to add it to your `Cargo.toml`", ""),
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
        let interrupted = [Report::Failed { message: "no".into() }, Report::Interrupted];
        assert_eq!(CellError::from_reports(&interrupted).unwrap().ename, "Interrupted");
    }
}
