//! The components of the Rust toolchain that the kernel and its checks need beside cargo.

use crate::run::{ask, cargo, program, run, step};
use anyhow::{Context, Result, bail};
use std::path::Path;

/// Adds the missing components.
///
/// # Errors
///
/// A component is missing and rustup is not there to add it.
pub(crate) fn ensure() -> Result<()> {
    let missing = missing()?;
    if missing.is_empty() {
        return Ok(());
    }
    step(&format!("adding to the Rust toolchain: {}", missing.join(", ")));
    if ask(program("rustup").arg("--version")).is_none() {
        bail!("{}", without_rustup(&missing));
    }
    run(program("rustup").args(["component", "add"]).args(&missing))
}

fn missing() -> Result<Vec<&'static str>> {
    let sysroot = ask(program("rustc").args(["--print", "sysroot"]))
        .context("cannot run rustc: install Rust from https://rustup.rs, or put rustc on PATH")?;
    let sources = Path::new(&sysroot).join("lib/rustlib/src/rust/library/std/src/lib.rs");
    let components = [
        // Code help reads the sources of the standard library.
        ("rust-src", sources.exists()),
        ("rustfmt", ask(cargo().args(["fmt", "--version"])).is_some()),
        ("clippy", ask(cargo().args(["clippy", "--version"])).is_some()),
    ];
    Ok(components
        .into_iter()
        .filter(|(_, present)| !present)
        .map(|(name, _)| name)
        .collect())
}

fn without_rustup(missing: &[&str]) -> String {
    let missing = missing.join(" ");
    format!(
        "this Rust toolchain lacks {missing}, and rustup is not on PATH to add it: install the packages of that name \
         with what installed Rust, or install rustup from https://rustup.rs and run `rustup component add {missing}`"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_has_the_command_that_mends_it() {
        assert!(without_rustup(&["rust-src", "clippy"]).ends_with("`rustup component add rust-src clippy`"));
    }
}
