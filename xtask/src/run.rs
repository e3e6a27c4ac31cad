//! Runs programs: prints the command, lets its output through, and turns a failure into an error that names the
//! command.

use anyhow::{Context, Result, bail};
use std::{ffi::OsStr, process::Command};

/// Announces a step of the set-up.
pub(crate) fn step(text: &str) {
    eprintln!("==> {text}");
}

/// Returns a command for a program, given by its path or by a name on `PATH`.
pub(crate) fn program(name: impl AsRef<OsStr>) -> Command {
    Command::new(name)
}

/// Returns a command for the cargo that runs this program.
pub(crate) fn cargo() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// Runs a command to its end, with the standard streams of this process.
///
/// # Errors
///
/// The command cannot be started, or does not end with success.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let line = line(command);
    eprintln!("  $ {line}");
    let status = command.status().with_context(|| format!("cannot start `{line}`"))?;
    if !status.success() {
        bail!("`{line}` failed: {status}");
    }
    Ok(())
}

/// Runs a command and returns its output, or `None` if the command fails or does not exist.
pub(crate) fn ask(command: &mut Command) -> Option<String> {
    let output = command.output().ok()?;
    output
        .status
        .success()
        .then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Returns a command as a person would type it.
pub(crate) fn line(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_names_the_command() {
        let error = run(program("sh").args(["-c", "exit 3"])).unwrap_err().to_string();
        assert!(error.contains("sh -c exit 3") && error.contains('3'), "{error}");
    }

    #[test]
    fn a_missing_program_is_named() {
        let error = run(&mut program("no-such-program")).unwrap_err().to_string();
        assert_eq!(error, "cannot start `no-such-program`");
    }

    #[test]
    fn asking_a_missing_program_gives_nothing() {
        assert_eq!(ask(&mut program("no-such-program")), None);
        assert_eq!(ask(program("echo").arg("yes")).as_deref(), Some("yes"));
    }
}
