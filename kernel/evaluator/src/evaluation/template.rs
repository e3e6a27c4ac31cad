//! The template of a toolchain: a directory of evcxr's in which the notebook's crates are built. Each session clones
//! it.

use crate::{
    evaluation::{
        request::Options,
        start_evcxr::{full_message, start_evcxr},
    },
    prebuilt::{builtin, cache_directory::CacheDirectory, toolchain::Toolchain},
    session::{
        directory::SessionDirectory,
        files,
        shared_files::{is_whole, keep_directory},
    },
};
use anyhow::{Context, Result, anyhow};
use evcxr::CommandContext;
use std::{
    fs::{self, TryLockError},
    path::Path,
};

/// Builds the template of a toolchain, unless another kernel has done so meanwhile, or does it now. `notice` tells the
/// user that this takes long.
///
/// # Errors
///
/// The cache cannot be written, or the notebook's crates do not build.
pub(super) fn build(
    options: &Options,
    crates: &CacheDirectory,
    toolchain: &Toolchain,
    notice: &dyn Fn(&str),
) -> Result<()> {
    let lock = fs::File::options()
        .write(true)
        .create(true)
        .truncate(false)
        .open(crates.template_lock())?;
    let must_wait = matches!(lock.try_lock(), Err(TryLockError::WouldBlock));
    if must_wait {
        notice(&format!(
            "another kernel is building the notebook's crates for rustc {}: waiting for it, about a minute …",
            toolchain.version()
        ));
        lock.lock()?;
    }
    if is_whole(&crates.template()) {
        if must_wait {
            notice("the notebook's crates are built");
        }
        return Ok(());
    }
    // A power loss may have cut files.
    let _ = fs::remove_dir_all(crates.template());
    notice(&format!(
        "building the notebook's crates ({}) for rustc {}: once, about a minute …",
        builtin::names().collect::<Vec<_>>().join(", "),
        toolchain.version()
    ));
    let session = SessionDirectory::create(crates.directory())?;
    let mut context = CommandContext::with_eval_context(start_evcxr(options, crates, session.path(), None)?);
    // A cell that does not compile is checked by cargo, which wants its own artefacts of the crates.
    context
        .check("let _ = ();")
        .map_err(|error| anyhow!("the notebook's crates cannot be checked: {}", full_message(&error)))?;
    drop(context);
    // A clone starts without the cells that were compiled here.
    let _ = fs::remove_dir_all(files::SOURCES.path(session.path()));
    remove_incremental(&files::TARGET.path(session.path()));
    keep_directory(session.path(), &crates.template()).context("cannot keep the prebuilt crates")?;
    notice("the notebook's crates are built");
    Ok(())
}

/// Removes the files that would only serve to build the crates again, which no clone does.
fn remove_incremental(directory: &Path) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let is_directory = entry.file_type().is_ok_and(|it| it.is_dir());
        if is_directory && entry.file_name() == "incremental" {
            let _ = fs::remove_dir_all(entry.path());
        } else if is_directory {
            remove_incremental(&entry.path());
        }
    }
}
