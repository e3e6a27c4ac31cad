//! Files that only this user can read, in a directory that only this user can enter.

use crate::io_error::with_context;
use rustix::{
    fs::{FlockOperation, Mode, OFlags, flock, fstat},
    process::geteuid,
};
use std::{
    fs::{self, DirBuilder, OpenOptions},
    io::{self, Write},
    os::{
        fd::OwnedFd,
        unix::fs::{DirBuilderExt, OpenOptionsExt},
    },
    path::Path,
};

/// Makes a directory, or checks one that is there.
pub(super) fn create_directory(directory: &Path) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(directory) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            let text = format_args!("could not make the directory {}", directory.display());
            Err(with_context(&error, text))
        }
        _ => check_directory(directory),
    }
}

/// Checks that a directory belongs to this user, and that no other user can enter it. Nothing that another user has put
/// there would be trusted otherwise.
pub(super) fn check_directory(directory: &Path) -> io::Result<()> {
    let status = fstat(open_directory(directory)?)?;
    let denied = |text| Err(io::Error::new(io::ErrorKind::PermissionDenied, text));
    if status.st_uid != geteuid().as_raw() {
        return denied(format!(
            "{} belongs to another user: name another directory for the keys",
            directory.display()
        ));
    }
    if Mode::from_raw_mode(status.st_mode).intersects(Mode::RWXG | Mode::RWXO) {
        return denied(format!(
            "other users may enter {directory}, which holds keys: run `chmod 700 {directory}`",
            directory = directory.display()
        ));
    }
    Ok(())
}

/// Writes a file. A process that reads it meanwhile reads either the old content or the new one.
pub(super) fn write(path: &Path, content: &[u8]) -> io::Result<()> {
    let unnamed = path.with_extension("new");
    let write = || {
        // A killed process may have left one.
        match fs::remove_file(&unnamed) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&unnamed)?;
        file.write_all(content)?;
        fs::rename(&unnamed, path)
    };
    write().map_err(|error| with_context(&error, format_args!("could not write {}", path.display())))
}

/// Waits until no other process holds the lock of a directory, and holds it until the result is dropped.
pub(super) fn lock_directory(directory: &Path) -> io::Result<OwnedFd> {
    let opened = open_directory(directory)?;
    flock(&opened, FlockOperation::LockExclusive)?;
    Ok(opened)
}

fn open_directory(directory: &Path) -> io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    rustix::fs::open(directory, flags, Mode::empty()).map_err(|error| {
        let text = format_args!("could not open the directory {}", directory.display());
        with_context(&error.into(), text)
    })
}
