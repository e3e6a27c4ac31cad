//! `:help`.

use crate::{
    evaluation::commands::{
        command::{Command, Group},
        escaped, text_and_html,
    },
    mime_bundle::MimeBundle,
};
use std::fmt::Write;

/// Says what a command is.
const INTRODUCTION: &str = "Lines before a cell's code that begin with `:` are commands; `!` runs a shell command. A \
    line such as `!ready` is Rust if the rest of the cell parses as Rust and the line calls something, or uses only \
    names that the notebook knows. A space before `!` always makes it Rust.";

/// Lists commands in their groups.
pub(super) fn help(commands: &[Command]) -> MimeBundle {
    let mut text = format!("{INTRODUCTION}\n");
    let mut html = format!("<p>{}</p>\n<table>\n", code(&escaped(INTRODUCTION)));
    for group in Group::ALL {
        let title = group.title();
        // Writing to a text does not fail.
        let _ = write!(text, "\n{title}\n");
        let _ = writeln!(
            html,
            "<tr><th colspan=\"2\" style=\"text-align: left\">{title}</th></tr>"
        );
        for command in commands.iter().filter(|command| command.group == group) {
            let usage = format!("{} {}", command.name, command.arguments);
            let usage = usage.trim_end();
            let _ = writeln!(text, "  {usage:<32} {}", command.doc.replace('`', ""));
            let _ = writeln!(
                html,
                "<tr><td style=\"text-align: left\"><code>{}</code></td><td style=\"text-align: left\">{}</td></tr>",
                escaped(usage),
                code(&escaped(command.doc))
            );
        }
    }
    html.push_str("</table>");
    text_and_html(text, html)
}

/// Turns backquotes into HTML's `code`.
fn code(text: &str) -> String {
    let parts = text.split('`').enumerate();
    parts
        .map(|(index, part)| match index % 2 {
            1 => format!("<code>{part}</code>"),
            _ => part.to_owned(),
        })
        .collect()
}
