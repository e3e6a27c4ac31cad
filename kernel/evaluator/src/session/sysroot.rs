//! The layout of a Rust toolchain's directory, which rustc calls its *sysroot*.

use std::path::{Path, PathBuf};

/// The sources of the standard library, relative to the sysroot. The rustup component `rust-src` installs them.
pub(crate) const STD_SOURCES: &str = "lib/rustlib/src/rust/library";

/// Returns the directory of the standard library's sources in a toolchain.
pub(crate) fn std_sources(sysroot: &Path) -> PathBuf {
    sysroot.join(STD_SOURCES)
}

/// Returns the path of a program of a toolchain, such as `rustc`. The file need not exist.
pub(crate) fn program(sysroot: &Path, name: &str) -> PathBuf {
    sysroot.join("bin").join(name)
}

/// Returns the path of the linker of a toolchain for a target. The file need not exist.
pub(crate) fn linker(sysroot: &Path, target: &str) -> PathBuf {
    sysroot.join("lib/rustlib").join(target).join("bin/rust-lld")
}

/// Returns whether `directory` holds the standard library's sources.
pub(crate) fn has_std_sources(directory: &Path) -> bool {
    directory.join("core/src/lib.rs").is_file()
}
