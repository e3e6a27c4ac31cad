//! The commands of a cell: lines `:name arguments` before its code.
//!
//! Most are evcxr's and are left to it. The kernel's own are those that evcxr cannot do here, or not well: what would
//! break the session, what is to be set for the rustc wrapper, and what is to be shown.

pub(crate) mod help;
pub(crate) mod session;
pub(crate) mod variables;

pub(crate) use crate::evaluation::commands::help::names;
pub(crate) use crate::evaluation::commands::variables::{VARIABLES, sizes, table};
use crate::{
    MimeBundle,
    errors::cell_error::CellError,
    prebuilt::builtin,
    source::preamble::{blank, end_of_preamble, is_command},
};
use serde_json::Value;
use std::ops::Range;

/// What a cell asks for before its code, in order.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Lines that evcxr runs: commands, shell commands and at the end the code. All other lines are blank.
    Evcxr(String),
    /// A command of the kernel's.
    Kernel(KernelCommand),
}

/// A command that the kernel runs itself.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum KernelCommand {
    Help,
    Variables,
    /// The documentation of a name.
    Doc(String),
    Clear,
    /// The optimisation level of cells, or the other of 0 and 2.
    Opt(Option<String>),
    /// The format of results.
    Format(Option<String>),
    /// Shows types or not, by turns.
    Types,
    /// A dependency that is there already.
    BuiltIn,
}

/// A command that is not run, and why.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// Where it stands, in bytes.
    pub(crate) range: Range<usize>,
    pub(crate) reason: String,
}

impl Refusal {
    pub(crate) fn error(&self, code: &str, number: u32) -> CellError {
        CellError::at("CommandError", code, number, self.range.clone(), &self.reason, &[])
    }
}

/// What a cell asks for, or the first of its commands that is refused. `is_built_in` tells whether the arguments of a
/// `:dep` are served by what is there.
pub(crate) fn steps(code: &str, versions: &builtin::Versions) -> Result<Vec<Step>, Refusal> {
    let (commands, _) = code.split_at(end_of_preamble(code));
    let mut steps = Vec::new();
    // Lines for evcxr are collected until a command of the kernel's comes.
    let mut open = String::new();
    let mut has_command = false;
    let mut at = 0;
    for line in commands.split_inclusive('\n') {
        let range = at + line.len() - line.trim_start().len()..at + line.trim_end().len();
        at += line.len();
        if !is_command(line) {
            has_command |= line.starts_with('!');
            open.push_str(line);
            continue;
        }
        match parse(line.trim(), versions).map_err(|reason| Refusal { range, reason })? {
            Parsed::Evcxr => {
                has_command = true;
                open.push_str(line);
            }
            Parsed::Kernel(own) => {
                if has_command {
                    steps.push(Step::Evcxr(open.clone()));
                }
                has_command = false;
                open = blank(&code[..at]);
                steps.push(Step::Kernel(own));
            }
        }
    }
    let rest = &code[at..];
    if has_command && !rest.trim().is_empty() {
        // What the code needs, its types and its crates' versions, is found out for code alone.
        steps.push(Step::Evcxr(std::mem::replace(&mut open, blank(&code[..at]))));
        has_command = false;
    }
    if steps.is_empty() || has_command || !rest.trim().is_empty() {
        steps.push(Step::Evcxr(open + rest));
    }
    Ok(steps)
}

/// Why a line is not run, if it is not.
pub(crate) fn refusal(line: &str) -> Option<Refusal> {
    steps(line, &builtin::Versions::default()).err()
}

enum Parsed {
    Evcxr,
    Kernel(KernelCommand),
}

fn parse(line: &str, versions: &builtin::Versions) -> Result<Parsed, String> {
    let (name, arguments) = line.split_once(' ').unwrap_or((line, ""));
    let arguments = Some(arguments.trim()).filter(|it| !it.is_empty());
    let own = |own| Ok(Parsed::Kernel(own));
    let owned = arguments.map(str::to_owned);
    match name {
        ":help" => own(KernelCommand::Help),
        ":vars" => own(KernelCommand::Variables),
        ":doc" => own(KernelCommand::Doc(
            owned.ok_or("`:doc` wants a name, such as `:doc Vec`")?,
        )),
        ":clear" => own(KernelCommand::Clear),
        ":opt" => own(KernelCommand::Opt(arguments.map(opt_level).transpose()?)),
        ":fmt" => own(KernelCommand::Format(owned)),
        ":types" => own(KernelCommand::Types),
        ":dep" => match builtin::serve(arguments.unwrap_or_default(), versions)? {
            builtin::Served::BuiltIn => own(KernelCommand::BuiltIn),
            builtin::Served::Cargo => Ok(Parsed::Evcxr),
        },
        _ => refuse(name, arguments).map_or(Ok(Parsed::Evcxr), Err),
    }
}

fn opt_level(level: &str) -> Result<String, String> {
    let level = level.trim_matches('"');
    match ["0", "1", "2", "3", "s", "z"].contains(&level) {
        true => Ok(level.to_owned()),
        false => Err(format!(
            "`{level}` is no optimisation level: they are 0, 1, 2, 3, s and z"
        )),
    }
}

/// Why a command is not left to evcxr, if it is not.
fn refuse(name: &str, arguments: Option<&str>) -> Option<String> {
    let reason = match (name, arguments) {
        (":quit", _) => "`:quit` would end the kernel under its clients: shut it down from the client instead",
        (":sccache", _) => {
            "`:sccache` would take the place of the kernel's own wrapper around rustc, without which no cell runs: \
             `:cache 500` keeps built crates as well"
        }
        (":allow_static_linking", other) if other != Some("1") => {
            "`:allow_static_linking` would build the notebook's own crates anew, beside those that run: they are linked \
             dynamically as it is, and other crates statically"
        }
        (":toolchain", Some(_)) => {
            "`:toolchain` would compile cells against another standard library than the one that runs: start the kernel \
             with RUSTUP_TOOLCHAIN set instead"
        }
        (":linker", Some(other)) if other != "system" => {
            "`:linker` would build the notebook's own crates anew, beside those that run: put `lld` or `mold` on the PATH \
             before the kernel starts, and they are used"
        }
        (":codegen_backend", Some(other)) if other != "default" => {
            "`:codegen_backend` would build the notebook's own crates anew, beside those that run"
        }
        (":time_passes", _) => "`:time_passes` needs a nightly rustc: `:timing` shows how long a cell takes",
        (name, _) if !help::is_known(name) => return Some(unknown(name)),
        _ => return None,
    };
    Some(reason.to_owned())
}

fn unknown(name: &str) -> String {
    let distance = |known: &&str| strsim::damerau_levenshtein(known, name);
    let nearest = help::names()
        .min_by_key(distance)
        .filter(|known| distance(known) <= 1 + name.len() / 3);
    match nearest {
        Some(nearest) => format!("there is no command `{name}`: is `{nearest}` meant? `:help` lists them all"),
        None => format!("there is no command `{name}`: `:help` lists them all"),
    }
}

/// Adds what one command shows to what those before it have shown.
pub(crate) fn merge(shown: &mut MimeBundle, more: MimeBundle) {
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

fn text(text: impl Into<String>) -> MimeBundle {
    MimeBundle::from([("text/plain".into(), Value::String(text.into()))])
}

fn text_and_html(text: String, html: String) -> MimeBundle {
    MimeBundle::from([
        ("text/plain".into(), Value::String(text)),
        ("text/html".into(), Value::String(html)),
    ])
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn evcxr(text: &str) -> Step {
        Step::Evcxr(text.into())
    }

    fn steps_of(code: &str) -> Result<Vec<Step>, Refusal> {
        steps(code, &builtin::Versions::default())
    }

    #[test]
    fn commands_are_run_in_their_order() {
        for (code, expected) in [
            ("", vec![evcxr("")]),
            ("let x = 1;", vec![evcxr("let x = 1;")]),
            (":help", vec![Step::Kernel(KernelCommand::Help)]),
            (
                ":version\nlet x = 1;",
                vec![evcxr(":version\n"), evcxr("        \nlet x = 1;")],
            ),
            (
                ":opt 0\nx",
                vec![Step::Kernel(KernelCommand::Opt(Some("0".into()))), evcxr("      \nx")],
            ),
            (
                ":dep a\n// then\n:vars\n:dep b\ny",
                vec![
                    evcxr(":dep a\n// then\n"),
                    Step::Kernel(KernelCommand::Variables),
                    evcxr("      \n       \n     \n:dep b\n"),
                    evcxr("      \n       \n     \n      \ny"),
                ],
            ),
            ("::std::mem::drop(1);", vec![evcxr("::std::mem::drop(1);")]),
            ("let x = 1;\n:quit", vec![evcxr("let x = 1;\n:quit")]),
            (
                ":fmt {:#?}",
                vec![Step::Kernel(KernelCommand::Format(Some("{:#?}".into())))],
            ),
            ("!echo a", vec![evcxr("!echo a")]),
        ] {
            assert_eq!(steps_of(code).as_ref(), Ok(&expected), "{code:?}");
        }
    }

    #[test]
    fn what_would_break_the_session_is_refused_where_it_stands() {
        for (code, part) in [
            (":quit", "shut it down"),
            ("// all\n  :quit  ", "shut it down"),
            (":dep rand = \"0.9\"\n:sccache 1\nlet x = 1;", ":cache"),
            (":toolchain nightly", "RUSTUP_TOOLCHAIN"),
            (":opt fast", "0, 1, 2, 3"),
            (":var", "`:vars` meant"),
            (":hlep", "`:help` meant"),
            (":something_else_entirely", "lists them all"),
        ] {
            let refusal = steps_of(code).expect_err(code);
            assert!(refusal.reason.contains(part), "{}", refusal.reason);
            assert!(code[refusal.range].starts_with(':'));
        }
        for code in [
            ":toolchain",
            ":linker",
            ":allow_static_linking 1",
            ":timing",
            ":cache 100",
        ] {
            assert!(steps_of(code).is_ok(), "{code}");
        }
    }
}
