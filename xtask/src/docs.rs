//! Builds the guide with mdBook into the target directory. A warning or a dead link is an error.

mod links;

use crate::{
    kernel,
    run::{ask, cargo, line, program, run, step},
};
use anyhow::{Context, Result, bail};
use std::{
    path::{Path, PathBuf},
    process::Command,
};

/// The version of mdBook that is known to build the guide.
const MDBOOK: &str = "0.5.4";

/// Builds the guide. If `open`, serves it and opens a browser, until the command is interrupted.
///
/// # Errors
///
/// mdBook cannot be installed, it fails or warns, or a link is dead.
pub(crate) fn docs(root: &Path, open: bool) -> Result<()> {
    let target = kernel::target(root)?;
    let mdbook = mdbook(&target)?;
    let problems = links::problems(root);
    if !problems.is_empty() {
        bail!("the guide has dead links:\n{}", problems.join("\n"));
    }
    let pages = target.join("guide");
    step("building the guide");
    build(book(&mdbook, "build", root, &pages))?;
    println!("\nguide: {}", pages.join("index.html").display());
    if open {
        run(book(&mdbook, "serve", root, &pages).arg("--open"))?;
    }
    Ok(())
}

fn book(mdbook: &Path, command: &str, root: &Path, pages: &Path) -> Command {
    let mut book = program(mdbook);
    book.arg(command).arg(root.join("docs")).arg("--dest-dir").arg(pages);
    book
}

/// Builds the pages. mdBook ends with success after a warning, so its messages are searched for one.
fn build(mut command: Command) -> Result<()> {
    let line = line(&command);
    eprintln!("  $ {line}");
    let output = command.output().with_context(|| format!("cannot start `{line}`"))?;
    let messages = String::from_utf8_lossy(&output.stderr);
    eprint!("{messages}");
    if !output.status.success() {
        bail!("`{line}` failed: {}", output.status);
    }
    if has_warning(&messages) {
        bail!("`{line}` warned: mend what the messages above name");
    }
    Ok(())
}

fn has_warning(messages: &str) -> bool {
    messages.lines().any(|line| {
        ["WARN", "ERROR"]
            .iter()
            .any(|level| line.trim_start().starts_with(level))
    })
}

/// Returns the path of mdBook's executable. Installs it into the target directory if it is missing or has another
/// version.
fn mdbook(target: &Path) -> Result<PathBuf> {
    let root = target.join("tools");
    let executable = root.join("bin").join(format!("mdbook{}", std::env::consts::EXE_SUFFIX));
    if ask(program(&executable).arg("--version")).is_some_and(|version| version == format!("mdbook v{MDBOOK}")) {
        return Ok(executable);
    }
    step("installing mdBook (some minutes)");
    // The feature that rebuilds pages while they are served is left out: it needs many more crates.
    run(cargo()
        .args(["install", "--locked", "mdbook", "--version", &format!("={MDBOOK}")])
        .args(["--no-default-features", "--features", "search,serve", "--root"])
        .arg(&root))?;
    Ok(executable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warnings_are_found_among_messages() {
        assert!(!has_warning(" INFO Book building has started\n INFO about WARN\n"));
        assert!(has_warning(" INFO Book building has started\n WARN unclosed tag\n"));
        assert!(has_warning("ERROR rendering failed"));
    }
}
