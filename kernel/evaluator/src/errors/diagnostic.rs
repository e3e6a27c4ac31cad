//! One of rustc's errors, as it is shown for the cell alone.

use crate::{
    errors::{
        places::{locate, place},
        unstorable::last_expression,
    },
    evcxr_text::rustc_messages::{in_words_of_the_cell, is_about_generated_code, is_wrapping},
};
use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use evcxr::CompilationError;
use mosaic_expand::{CellExpansion, Location, Place};
use std::ops::Range;

/// Generated code mentions a type several times, and rustc then complains of it as often. One complaint is enough, and the
/// one written for the user is the best.
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

/// One error, by byte ranges of the cell's text.
#[derive(Debug)]
pub(super) struct Diagnostic {
    pub(super) title: String,
    pub(super) code: Option<String>,
    /// What generated code it is about, if it is about such: "argument `data` of `Solver1::solve`".
    pub(super) subject: Option<String>,
    /// Range, label, and whether the error is there.
    pub(super) labels: Vec<(Range<usize>, String, bool)>,
    pub(super) notes: Vec<(Level<'static>, String)>,
}

impl Diagnostic {
    /// An error of our own at one place of the cell.
    pub(super) fn at(range: Range<usize>, title: &str, label: &str) -> Diagnostic {
        Diagnostic {
            title: title.to_owned(),
            code: None,
            subject: None,
            labels: vec![(range, label.to_owned(), true)],
            notes: Vec::new(),
        }
    }

    pub(super) fn new(error: &CompilationError, code: &str, expansion: Option<&CellExpansion>) -> Diagnostic {
        let mut title = in_words_of_the_cell(&without_progress(&error.message()));
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
                        in_words_of_the_cell(&message.label),
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
    pub(super) fn is_on_command(&self, code: &str) -> bool {
        let commands = code.len() - crate::source::preamble::without_commands(code).trim_start().len();
        self.code.is_none() && !self.labels.is_empty() && self.labels.iter().all(|(range, ..)| range.start < commands)
    }

    pub(super) fn render(&self, code: &str, path: &str) -> String {
        self.render_as(&Level::ERROR, code, path)
    }

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

/// The line that an error is in, where it is an item of an earlier cell.
fn earlier_line(error: &CompilationError) -> Option<String> {
    let spans = error.json["spans"].as_array()?;
    let primary = spans.iter().find(|span| span["is_primary"] == true)?;
    let line = primary["text"][0]["text"].as_str()?.trim();
    (!is_wrapping(line) && error.is_from_user_code()).then(|| line.to_owned())
}

/// rustc's notes and help that speak of the user's code.
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

/// What cargo says, without what it says it does.
pub(super) fn without_progress(message: &str) -> String {
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
