//! One error of rustc's, translated to the text of the cell and rendered.

use crate::{
    errors::{
        imports,
        places::{Changes, byte_range},
        unstorable::last_expression,
    },
    evcxr_text::rustc_messages::{in_words_of_the_cell, is_about_generated_code, is_wrapping},
    session::files,
    source::preamble::without_commands,
};
use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use evcxr::CompilationError;
use mosaic_expand::{Location, TextRange};
use std::ops::Range;

/// Keeps one error for each subject. Generated code mentions a type several times, and rustc complains as often. The
/// error that was written for the user is kept if there is one.
pub(super) fn once_per_subject(errors: Vec<Diagnostic>) -> Vec<Diagnostic> {
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

/// Bytes of the cell, what is said of them, and whether the error itself is there.
type Label = (Range<usize>, String, bool);

/// An error on the text of a cell.
#[derive(Debug)]
pub(super) struct Diagnostic {
    pub(super) title: String,
    /// rustc's code of the error, such as `E0308`.
    pub(super) code: Option<String>,
    /// What the error is about if it is in generated code: "argument `data` of `Solver1::solve`".
    pub(super) subject: Option<String>,
    pub(super) labels: Vec<Label>,
    /// Notes and help below the code.
    pub(super) notes: Vec<(Level<'static>, String)>,
}

impl Diagnostic {
    /// Makes an error of the kernel's at one place of the cell.
    pub(super) fn at(range: Range<usize>, title: &str, label: &str) -> Diagnostic {
        Diagnostic {
            title: title.to_owned(),
            code: None,
            subject: None,
            labels: vec![(range, label.to_owned(), true)],
            notes: Vec::new(),
        }
    }

    /// Translates an error of rustc's on a cell that was compiled with some changes.
    pub(super) fn new(error: &CompilationError, code: &str, changes: Changes) -> Diagnostic {
        let mut title = in_words_of_the_cell(&without_progress(&error.message()));
        let (mut labels, subject) = labels(error, code, changes);
        // The user did not write this code: the title says what it was made from.
        if let Some(what) = &subject {
            title = format!("{what}: {title}");
        }
        let mut notes = notes(error);
        let file = line_of_file(error);
        if let Some(line) = &file {
            notes.insert(0, (Level::NOTE, format!("in {line}")));
        }
        if labels.is_empty()
            && file.is_none()
            && earlier_line(error).is_none()
            && let Some(last) = last_expression(code)
        {
            // The error is in the code that evcxr puts around the last expression.
            if error.code() == Some("E0277") && title.ends_with("doesn't implement `Debug`") {
                notes = vec![(Level::HELP, derive_debug(error, &title))];
            }
            labels.push((last, String::new(), true));
        }
        if labels.is_empty()
            && file.is_none()
            && let Some(line) = earlier_line(error)
        {
            notes.insert(0, (Level::NOTE, format!("in an earlier cell: `{line}`")));
        }
        if error.code() == Some("E0277") && title.contains("`!: ") {
            notes = vec![(Level::HELP, TYPE_NEEDED.to_owned())];
        }
        Diagnostic {
            title,
            code: error.code().map(str::to_owned),
            subject,
            labels,
            notes,
        }
    }

    /// Returns whether this is an error of evcxr's on a command, and none of rustc's.
    pub(super) fn is_on_command(&self, code: &str) -> bool {
        let commands = code.len() - without_commands(code).trim_start().len();
        self.code.is_none() && !self.labels.is_empty() && self.labels.iter().all(|(range, ..)| range.start < commands)
    }

    /// Renders the error with colours. `path` names the cell.
    pub(super) fn render(&self, code: &str, path: &str) -> String {
        self.render_as(&Level::ERROR, code, path)
    }

    /// Renders the error as a message of another level.
    pub(super) fn render_as(&self, level: &Level<'static>, code: &str, path: &str) -> String {
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

/// Help in the place of rustc's, where rustc took an unknown type for `!`.
const TYPE_NEEDED: &str =
    "nothing says which type is meant: write it, as in `let value: TYPE = …;` or `parse::<TYPE>()`";

/// Returns help for a result whose type does not implement `Debug`.
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

/// Finds the parts of the cell that an error names: their bytes, what rustc says of them, and whether the error is about
/// them. Also returns the item for which the code was generated that the error is about, if it is generated code.
fn labels(error: &CompilationError, code: &str, changes: Changes) -> (Vec<Label>, Option<String>) {
    let mut subject = None;
    let mut labels = Vec::new();
    for message in error.spanned_messages() {
        let Some(span) = message.span else { continue };
        match changes.locate(span.start_line, span.start_column) {
            Location::Generated(origin) => {
                if message.is_primary && subject.is_none() {
                    subject = Some(origin.what.clone());
                }
                labels.push((byte_range(code, &origin.range), String::new(), message.is_primary));
            }
            Location::User(start) => {
                let end = match changes.locate(span.end_line, span.end_column) {
                    Location::User(end) => end,
                    Location::Generated(_) => start,
                };
                labels.push((
                    byte_range(code, &TextRange { start, end }),
                    in_words_of_the_cell(&message.label),
                    message.is_primary,
                ));
            }
        }
    }
    if labels.is_empty()
        && let Some((place, label)) = imports::place(error, code)
    {
        labels.push((place, in_words_of_the_cell(label), true));
    }
    (labels, subject)
}

/// Returns the line that an error is in, if it is a line of an earlier cell's item.
fn earlier_line(error: &CompilationError) -> Option<String> {
    let spans = error.json["spans"].as_array()?;
    let primary = spans.iter().find(|span| span["is_primary"] == true)?;
    let line = primary["text"][0]["text"].as_str()?.trim();
    (!is_wrapping(line) && error.is_from_user_code()).then(|| line.to_owned())
}

/// Returns the place and the line of an error in a file beside the notebook. Other files have absolute paths.
fn line_of_file(error: &CompilationError) -> Option<String> {
    let spans = error.json["spans"].as_array()?;
    let primary = spans.iter().find(|span| span["is_primary"] == true)?;
    let name = primary["file_name"].as_str()?;
    if name == files::CELL_SOURCE.name() || name.starts_with(['/', '<']) {
        return None;
    }
    let (line, column) = (&primary["line_start"], &primary["column_start"]);
    let text = primary["text"][0]["text"].as_str().unwrap_or_default().trim();
    Some(format!("{}:{line}:{column}: `{text}`", name.trim_end()))
}

/// Returns rustc's notes and help on the user's code, without those on generated code.
fn notes(error: &CompilationError) -> Vec<(Level<'static>, String)> {
    let children = error.json["children"].as_array().map(Vec::as_slice).unwrap_or_default();
    let texts = children.iter().filter_map(|child| {
        let (level, message) = (child["level"].as_str()?, child["message"].as_str()?);
        let generated = is_about_generated_code(message);
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

/// Returns a message of cargo's without its lines on progress.
pub(super) fn without_progress(message: &str) -> String {
    let progress = [
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
        .filter(|line| !progress.iter().any(|word| line.trim_start().starts_with(word)));
    let said = lines.collect::<Vec<_>>().join("\n");
    said.strip_prefix("error: ").map_or(said.clone(), str::to_owned)
}
