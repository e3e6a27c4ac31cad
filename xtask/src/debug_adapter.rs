//! The adapter by which the kernel debugs cells.

use crate::{
    debian,
    run::{ask, program},
};
use anyhow::{Result, bail};

/// The names of the adapter. `kernel/debugger/src/adapter/find.rs` and `tests/test_debugger.py` look for more.
const NAMES: [&str; 3] = ["lldb-dap", "lldb-dap-19", "lldb-dap-21"];

/// Installs `lldb-dap` if nobody has to be asked for that: as root on Debian.
///
/// On other systems, tests of the debugger are skipped if there is none, except in CI.
///
/// # Errors
///
/// There is no adapter and `CI` is set, or Debian's package cannot be installed.
pub(crate) fn ensure() -> Result<()> {
    if NAMES.iter().any(|name| ask(program(name).arg("--help")).is_some()) {
        return Ok(());
    }
    if debian::can_install() {
        return debian::install("the tests of the debugger", &["lldb-19"]);
    }
    let missing = "no debug adapter on PATH: install the package lldb-19";
    if std::env::var_os("CI").is_some() {
        bail!("{missing}");
    }
    eprintln!("{missing}, else the tests of the debugger are skipped");
    Ok(())
}
