//! `:help`.

use crate::{
    MimeBundle,
    evaluation::commands::{escaped, text_and_html},
};
use std::fmt::Write;

type Group = (&'static str, &'static [(&'static str, &'static str, &'static str)]);

/// Every command, as name, arguments and what it does, in groups.
const GROUPS: [Group; 6] = [
    (
        "Crates",
        &[
            (
                ":dep",
                "NAME = VERSION",
                "Uses a crate: `:dep rand = \"0.9\"`, or a path, or a table as in Cargo.toml",
            ),
            (":show_deps", "", "Lists the crates that cells use"),
            (":offline", "0 | 1", "Keeps cargo off the network"),
            (":cache", "MIB", "Keeps built crates for later sessions; 0 turns it off"),
            (":clear_cache", "", "Deletes what `:cache` kept"),
        ],
    ),
    (
        "Variables and types",
        &[
            (":vars", "", "Lists the variables, their types and sizes"),
            (":type", "VARIABLE", "Shows a variable's type"),
            (":t", "VARIABLE", "Shows a variable's type"),
            (":doc", "NAME", "Shows documentation"),
            (
                ":clear",
                "",
                "Forgets all variables, definitions and crates but the built-in ones",
            ),
            (
                ":restart",
                "",
                "Starts a new cell process: variables are lost, definitions stay",
            ),
            (":preserve_vars_on_panic", "0 | 1", "Keeps variables when a cell panics"),
        ],
    ),
    (
        "What cells show",
        &[
            (":fmt", "FORMAT", "Sets the format of results, `{:?}` by default"),
            (":types", "", "Shows results with their types, or no longer"),
            (":efmt", "FORMAT", "Sets the format of errors that `?` returns"),
            (":timing", "", "Shows how long cells take, or no longer"),
        ],
    ),
    (
        "Errors",
        &[
            (":explain", "", "Explains the last error of the compiler"),
            (":last_error_json", "", "Shows the last error of the compiler as JSON"),
        ],
    ),
    (
        "Compilation",
        &[
            (
                ":opt",
                "0 | 1 | 2 | 3 | s | z",
                "Sets the optimisation level of cells; crates stay optimised",
            ),
            (
                ":build_env",
                "KEY=VALUE",
                "Sets an environment variable for the compiler",
            ),
            (
                ":env",
                "KEY=VALUE",
                "Sets an environment variable for the cell process that `:restart` starts",
            ),
            (":last_compile_dir", "", "Shows where cells are compiled"),
            (":toolchain", "", "Shows the toolchain, if one was chosen"),
            (":linker", "", "Shows the linker"),
            (":codegen_backend", "", "Shows the backend of the compiler"),
            (":allow_static_linking", "1", "Links crates statically, as is the case"),
            (":time_passes", "", "Needs a nightly rustc, and is refused"),
            (":sccache", "", "Refused: the kernel has a wrapper of its own"),
        ],
    ),
    (
        "The kernel",
        &[
            (":help", "", "Shows this"),
            (":version", "", "Shows evcxr's version"),
            (":load_config", "", "Runs the start-up cells of evcxr.toml"),
            (":internal_debug", "", "Logs what evcxr does, or no longer"),
            (":quit", "", "Refused: shut the kernel down from the client"),
        ],
    ),
];

/// The names of all commands.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    GROUPS
        .iter()
        .flat_map(|(_, commands)| commands.iter().map(|(name, ..)| *name))
}

pub(super) fn is_known(name: &str) -> bool {
    names().any(|known| known == name)
}

/// All commands, for people.
pub(crate) fn help() -> MimeBundle {
    let mut text =
        String::from("Lines before a cell's code that begin with `:` are commands; `!` runs a shell command.\n");
    let mut html = String::from(
        "<p>Lines before a cell's code that begin with <code>:</code> are commands; <code>!</code> runs a shell command.</p>\n\
         <table>\n",
    );
    for (title, commands) in GROUPS {
        // Writing to a text does not fail.
        let _ = write!(text, "\n{title}\n");
        let _ = writeln!(
            html,
            "<tr><th colspan=\"2\" style=\"text-align: left\">{title}</th></tr>"
        );
        for (name, arguments, does) in commands {
            let usage = format!("{name} {arguments}");
            let usage = usage.trim_end();
            let _ = writeln!(text, "  {usage:<32} {}", does.replace('`', ""));
            let _ = writeln!(
                html,
                "<tr><td style=\"text-align: left\"><code>{}</code></td><td style=\"text-align: left\">{}</td></tr>",
                escaped(usage),
                code(&escaped(does))
            );
        }
    }
    html.push_str("</table>");
    text_and_html(text, html)
}

/// What is between backquotes, as HTML's code.
fn code(text: &str) -> String {
    let parts = text.split('`').enumerate();
    parts
        .map(|(index, part)| match index % 2 {
            1 => format!("<code>{part}</code>"),
            _ => part.to_owned(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn help_shows_every_command_in_both_formats() {
        let shown = help();
        for name in names() {
            assert!(
                shown["text/plain"].as_str().unwrap().contains(&format!("  {name}")),
                "{name}"
            );
            assert!(
                shown["text/html"].as_str().unwrap().contains(&format!("<code>{name}")),
                "{name}"
            );
        }
        assert!(
            shown["text/html"]
                .as_str()
                .unwrap()
                .contains("<code>:dep rand = \"0.9\"</code>")
        );
    }
}
