//! The commands of a cell: lines `:name arguments` before its code.
//!
//! [`table`] lists every command once, with who runs it: evcxr, or the kernel by a function of one of the files here.
//! The kernel runs the commands that evcxr cannot run here, or not well: evcxr's own version would break the session,
//! or miss what the kernel knows. [`steps`](steps::steps) splits a cell into commands and code, and [`completion`]
//! completes commands while they are typed.
//!
//! To add a command, see [`table`].

pub(crate) mod bench;
mod by_arguments;
mod clear;
mod command;
pub(crate) mod completion;
mod doc;
mod help;
pub(crate) mod profile;
mod settings;
pub(crate) mod steps;
mod table;
#[cfg(test)]
mod tests;
pub(crate) mod time;
mod vars;

use crate::{
    errors::{cell_error::CellError, error_name::ErrorName},
    mime_bundle::MimeBundle,
};
use serde_json::Value;

/// Appends what one step shows to what the steps before it have shown.
pub(super) fn append(shown: &mut MimeBundle, more: MimeBundle) {
    for (mime, content) in more {
        match (shown.get_mut(&mime), content) {
            (Some(Value::String(before)), Value::String(after)) => {
                if !before.is_empty() && !before.ends_with('\n') {
                    before.push('\n');
                }
                before.push_str(&after);
            }
            (_, content) => {
                shown.insert(mime, content);
            }
        }
    }
}

/// Returns the error of a command that failed.
fn failed(reason: String) -> CellError {
    CellError::new(ErrorName::Command, reason)
}

/// Returns a bundle of plain text.
pub(super) fn text(text: impl Into<String>) -> MimeBundle {
    MimeBundle::from([("text/plain".into(), Value::String(text.into()))])
}

/// Returns a bundle of plain text and HTML.
fn text_and_html(text: String, html: String) -> MimeBundle {
    MimeBundle::from([
        ("text/plain".into(), Value::String(text)),
        ("text/html".into(), Value::String(html)),
    ])
}

/// Escapes a text for HTML.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
