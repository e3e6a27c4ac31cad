//! A cell as steps: the commands before its code, and the code, in their order.

use crate::{
    errors::{cell_error::CellError, error_name::ErrorName},
    evaluation::{
        Evaluation,
        commands::{
            command::{Action, CommandCode, KernelFunction, Runner},
            table,
        },
    },
    mime_bundle::MimeBundle,
    prebuilt::requested_dependency,
    source::preamble::{blank, end_of_preamble, is_command},
};
use std::{borrow::Cow, ops::Range};

/// A part of a cell that one program runs.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Text for evcxr: commands, shell commands, and at the end the code. All other lines of the cell are blank.
    Evcxr(String),
    /// A command for the kernel.
    Kernel(KernelCommand),
}

/// A command that the kernel runs.
#[derive(Debug)]
pub(crate) struct KernelCommand {
    name: &'static str,
    arguments: Option<String>,
    function: KernelFunction,
}

impl KernelCommand {
    /// Runs the command and returns what it shows.
    pub(crate) fn run(&self, evaluation: &mut Evaluation, execution: u64) -> Result<MimeBundle, CellError> {
        (self.function)(evaluation, self.arguments.as_deref(), execution)
    }
}

impl PartialEq for KernelCommand {
    fn eq(&self, other: &KernelCommand) -> bool {
        // The name and the arguments decide the function.
        (self.name, &self.arguments) == (other.name, &other.arguments)
    }
}

impl Eq for KernelCommand {}

/// A command that does not run, and the reason.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// The bytes of the cell that the command takes up.
    pub(crate) range: Range<usize>,
    pub(crate) reason: String,
}

impl Refusal {
    /// Returns the error that points at the command.
    pub(crate) fn error(&self, code: &str, number: u32) -> CellError {
        CellError::at(ErrorName::Command, code, number, self.range.clone(), &self.reason, &[])
    }
}

/// Splits a cell into steps, to be run in their order. `versions` are those of the built-in crates.
///
/// # Errors
///
/// The first command that is refused. No step has run by then.
pub(crate) fn steps(code: &str, versions: &requested_dependency::Versions) -> Result<Vec<Step>, Refusal> {
    let (commands, _) = code.split_at(end_of_preamble(code));
    let mut steps = Vec::new();
    // Lines for evcxr are collected until a command for the kernel comes.
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
        let begin = range.start;
        let run_by = run_by(line.trim(), versions).map_err(|reason| Refusal { range, reason })?;
        let step = match run_by {
            RunBy::Evcxr => {
                has_command = true;
                open.push_str(&for_cargo(line));
                continue;
            }
            RunBy::Kernel(command) => Step::Kernel(command),
            RunBy::Code(code_of) => {
                let written = &line.trim()[code_of.begins.len()..];
                let before = blank(&code[..begin]);
                Step::Evcxr(format!("{before}{}{written}{}", code_of.begins, code_of.ends))
            }
        };
        if has_command {
            steps.push(Step::Evcxr(open.clone()));
        }
        has_command = false;
        open = blank(&code[..at]);
        steps.push(step);
    }
    let rest = &code[at..];
    if has_command && !rest.trim().is_empty() {
        // The kernel infers types and keeps the versions of crates for steps that are code alone.
        steps.push(Step::Evcxr(std::mem::replace(&mut open, blank(&code[..at]))));
        has_command = false;
    }
    if steps.is_empty() || has_command || !rest.trim().is_empty() {
        steps.push(Step::Evcxr(open + rest));
    }
    Ok(steps)
}

/// Returns a line of commands with the keys of `:dep` as cargo spells them.
fn for_cargo(line: &str) -> Cow<'_, str> {
    let Some(arguments) = line.trim_start().strip_prefix(":dep ") else {
        return Cow::Borrowed(line);
    };
    let before = line.len() - arguments.len();
    match requested_dependency::with_hyphens(arguments) {
        Cow::Borrowed(_) => Cow::Borrowed(line),
        Cow::Owned(arguments) => Cow::Owned(format!("{}{arguments}", &line[..before])),
    }
}

/// What runs a command.
enum RunBy {
    Evcxr,
    Kernel(KernelCommand),
    Code(CommandCode),
}

/// Reads the line of a command. The error is the reason for which the command is refused.
fn run_by(line: &str, versions: &requested_dependency::Versions) -> Result<RunBy, String> {
    let (name, arguments) = line.split_once(' ').unwrap_or((line, ""));
    let arguments = Some(arguments.trim()).filter(|arguments| !arguments.is_empty());
    let command = table::find(name).ok_or_else(|| unknown(name))?;
    let runner = match command.action {
        Action::Evcxr => Runner::Evcxr,
        Action::Kernel(function) => Runner::Kernel(function),
        Action::ByArguments(decide) => decide(arguments, versions)?,
        Action::Refused(reason) => return Err(reason.to_owned()),
    };
    Ok(match runner {
        Runner::Evcxr => RunBy::Evcxr,
        Runner::Code(code) => RunBy::Code(code),
        Runner::Kernel(function) => RunBy::Kernel(KernelCommand {
            name: command.name,
            arguments: arguments.map(str::to_owned),
            function,
        }),
    })
}

fn unknown(name: &str) -> String {
    match table::nearest(name) {
        Some(nearest) => format!(
            "there is no command `{name}`: is `{}` meant? `:help` lists them all",
            nearest.name
        ),
        None => format!("there is no command `{name}`: `:help` lists them all"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn evcxr(text: &str) -> Step {
        Step::Evcxr(text.into())
    }

    fn kernel(name: &'static str, arguments: Option<&str>) -> Step {
        Step::Kernel(KernelCommand {
            name,
            arguments: arguments.map(str::to_owned),
            function: |_, _, _| unreachable!("steps are compared, not run"),
        })
    }

    fn steps_of(code: &str) -> Result<Vec<Step>, Refusal> {
        steps(code, &requested_dependency::Versions::default())
    }

    #[test]
    fn steps_keep_the_order_of_the_cell() {
        for (code, expected) in [
            ("", vec![evcxr("")]),
            ("let x = 1;", vec![evcxr("let x = 1;")]),
            (":help", vec![kernel(":help", None)]),
            (
                ":version\nlet x = 1;",
                vec![evcxr(":version\n"), evcxr("        \nlet x = 1;")],
            ),
            (":opt 0\nx", vec![kernel(":opt", Some("0")), evcxr("      \nx")]),
            (
                ":dep a\n// then\n:vars\n:dep b\ny",
                vec![
                    evcxr(":dep a\n// then\n"),
                    kernel(":vars", None),
                    evcxr("      \n       \n     \n:dep b\n"),
                    evcxr("      \n       \n     \n      \ny"),
                ],
            ),
            ("::std::mem::drop(1);", vec![evcxr("::std::mem::drop(1);")]),
            ("let x = 1;\n:quit", vec![evcxr("let x = 1;\n:quit")]),
            (":fmt {:#?}", vec![kernel(":fmt", Some("{:#?}"))]),
            (" :bench  x + 1", vec![evcxr(" Bench!( x + 1\n);")]),
            (
                ":vars\n:bench x // now\ny",
                vec![
                    kernel(":vars", None),
                    evcxr("     \nBench!(x // now\n);"),
                    evcxr("     \n               \ny"),
                ],
            ),
            (
                ":dep a\n:bench f().await",
                vec![evcxr(":dep a\n"), evcxr("      \nBench!(f().await\n; await);")],
            ),
            ("!echo a", vec![evcxr("!echo a")]),
            (
                "  :dep a = { default_features = false }  \nb",
                vec![
                    evcxr("  :dep a = { default-features = false }  \n"),
                    evcxr("                                         \nb"),
                ],
            ),
        ] {
            assert_eq!(steps_of(code).as_ref(), Ok(&expected), "{code:?}");
        }
    }

    #[test]
    fn commands_that_would_break_the_session_are_refused_where_they_stand() {
        for (code, part) in [
            (":quit", "shut it down"),
            ("// all\n  :quit  ", "shut it down"),
            (":opt fast", "0, 1, 2, 3"),
            (":var", "`:vars` meant"),
            (":hlep", "`:help` meant"),
            (":something_else_entirely", "lists them all"),
            (":bench", "wants an expression"),
            (":bench let x = 1;", "no expression"),
            (":bench f(", "no expression"),
            (":time 1 + 1", "on the next line"),
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
