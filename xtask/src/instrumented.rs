//! Code that is compiled with the instrumentation of the fuzzer or of a sanitizer.

use anyhow::{Result, bail};

/// The architecture for which such code is compiled. Naming it keeps build scripts and macros without instrumentation.
pub(crate) const ARCHITECTURE: &str = "x86_64-unknown-linux-gnu";
/// Whether this machine is of that architecture.
pub(crate) const IS_SUPPORTED: bool = cfg!(all(target_arch = "x86_64", target_os = "linux", target_env = "gnu"));

/// Fails on machines that cannot run such code.
pub(crate) fn ensure() -> Result<()> {
    if !IS_SUPPORTED {
        bail!("the fuzzer and the sanitizer run on {ARCHITECTURE} alone");
    }
    Ok(())
}
