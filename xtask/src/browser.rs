//! The browser in which the tests use JupyterLab.

use crate::run::{ask, program, run, step};
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
    if can_install() {
        step("installing Debian's chromium, for the test of JupyterLab");
        run(program("apt-get").args(["-qq", "update"]))?;
        return run(program("apt-get")
            .args(["-qq", "install", "--yes", "--no-install-recommends", "chromium"])
            .env("DEBIAN_FRONTEND", "noninteractive"));
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

/// Says whether this is Debian. Ubuntu does not count: its package of this name installs a snap, which needs a running
/// snapd.
fn can_install() -> bool {
    let system = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
    system.lines().any(|line| line == "ID=debian") && ask(program("id").arg("-u")).as_deref() == Some("0")
}
