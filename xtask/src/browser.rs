//! The browser in which the tests use JupyterLab.

use crate::{
    debian,
    run::{ask, program},
};
use anyhow::{Result, bail};

/// The names of the browser's executable. `tests/conftest.py` looks for the same ones.
const NAMES: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];

/// Installs Chromium if nobody has to be asked for that: as root on Debian.
///
/// On other systems, tests that need a browser are skipped if there is none, except in CI.
///
/// # Errors
///
/// There is no browser and `CI` is set, or Debian's package cannot be installed.
pub(crate) fn ensure() -> Result<()> {
    if present() {
        return Ok(());
    }
    if debian::can_install() {
        return debian::install("the test of JupyterLab", &["chromium"]);
    }
    let missing = "no Chromium on PATH: install the package chromium";
    if std::env::var_os("CI").is_some() {
        bail!("{missing}");
    }
    eprintln!("{missing}, else the test of JupyterLab is skipped");
    Ok(())
}

fn present() -> bool {
    NAMES.iter().any(|name| ask(program(name).arg("--version")).is_some())
}
