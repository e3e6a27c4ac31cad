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
///
/// The command does not get the variables by which that cargo describes this program's package. Build scripts, such as
/// that of ring, read them, and would have most of the kernel built again after each `cargo build` without `xtask`.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    for (name, _) in std::env::vars_os() {
        let describes_package = name
            .to_str()
            .is_some_and(|name| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_"));
        if describes_package {
            command.env_remove(name);
        }
    }
    command
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
    fn cargo_does_not_take_its_package_for_this_one() {
        let removed: Vec<_> = cargo()
            .get_envs()
            .map(|(name, value)| (name.to_owned(), value.is_none()))
            .collect();
        assert!(removed.contains(&("CARGO_PKG_NAME".into(), true)), "{removed:?}");
        assert!(removed.iter().all(|(_, is_removed)| *is_removed));
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
