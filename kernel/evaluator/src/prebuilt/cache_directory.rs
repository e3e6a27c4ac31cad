//! The layout of the cache directory of one toolchain, in which the sessions lie beside all that they share.
//!
//! | name | what it is | who writes it |
//! | --- | --- | --- |
//! | `crates/` | the sources of the [built-in crates](crate::prebuilt::builtin), a cargo workspace | kernel |
//! | `template/` | a session with everything built, of which each session is a clone | kernel, once |
//! | `template.lock` | held while the template is built | kernel |
//! | `library/` | the standard library's sources as rust-analyzer sees them | kernel, once |
//! | `answers/` | what cargo answered while a kernel started | cargo shim |
//! | `pool/` | crates that sessions have built for `:dep`, with what is known of them | cargo shim |
//! | `pool/shared/` | dylibs through which cells link these crates | rustc wrapper |
//! | `idle/` | the libraries of empty cells | rustc wrapper |
//! | `session-*/`, `session-*.lock` | the [session](crate::session::directory) of one kernel | kernel |
//!
//! Dynamic libraries find one another by paths relative to their own, so a session must lie as deep as the template.

use std::path::{Path, PathBuf};

/// The cache directory of one toolchain and one version of the built-in crates.
#[derive(Clone, Debug)]
pub(crate) struct CacheDirectory {
    directory: PathBuf,
}

impl CacheDirectory {
    /// Names a cache directory by its path.
    pub(super) fn at(directory: PathBuf) -> CacheDirectory {
        CacheDirectory { directory }
    }

    /// Returns the cache directory in which a session lies.
    pub(crate) fn of_session(session: &Path) -> CacheDirectory {
        CacheDirectory::at(session.parent().unwrap_or(session).to_owned())
    }

    /// Returns the path of the cache directory itself.
    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Returns the directory of the sources of the built-in crates.
    pub(crate) fn crates(&self) -> PathBuf {
        self.directory.join("crates")
    }

    /// Returns the template, which exists once it is complete.
    pub(crate) fn template(&self) -> PathBuf {
        self.directory.join("template")
    }

    /// Returns the file whose lock is held while the template is built.
    pub(crate) fn template_lock(&self) -> PathBuf {
        self.directory.join("template.lock")
    }

    /// Returns the standard library's sources as rust-analyzer sees them.
    pub(crate) fn view(&self) -> PathBuf {
        self.directory.join("library")
    }

    /// Returns the directory of the answers that cargo gave while a kernel started.
    pub(crate) fn answers(&self) -> PathBuf {
        self.directory.join("answers")
    }

    /// Returns the directory of the crates that sessions have built for `:dep`.
    pub(crate) fn pool(&self) -> PathBuf {
        self.directory.join("pool")
    }

    /// Returns the directory of the dylibs through which cells link the crates of the pool.
    pub(crate) fn shared_libraries(&self) -> PathBuf {
        self.pool().join("shared")
    }

    /// Returns the directory of the libraries of empty cells.
    pub(crate) fn empty_cells(&self) -> PathBuf {
        self.directory.join("idle")
    }
}
