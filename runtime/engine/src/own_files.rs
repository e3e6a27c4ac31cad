//! Files and directories in places where every user may create some, such as `/tmp` and `/dev/shm`.
//!
//! Another user may have put a named pipe, a link, or a file of their own where a file of this user is expected. The
//! functions here never wait for such a file, never follow such a link, and never trust such a content.
//!
//! A process that keeps a directory there holds a lock on a file in it. The system releases the lock however the
//! process ends, so the next process finds and removes the directories of killed processes.

use rustix::{
    fs::{CWD, FileType, FlockOperation, Mode, OFlags, flock, fstat, openat},
    process::geteuid,
};
use std::{
    fs::{self, DirBuilder, File},
    io,
    os::{
        fd::{AsFd, OwnedFd},
        unix::fs::DirBuilderExt,
    },
    path::Path,
};

/// Opens an existing file for reading, if it is a regular file of this user. Never waits.
///
/// # Errors
///
/// There is no such file, or it is a link, a named pipe or another special file, or it belongs to another user.
pub fn open_own_file(path: &Path) -> io::Result<File> {
    open_own_file_in(CWD, path)
}

/// Locks an existing file of this user until the returned file is dropped. Never waits.
///
/// # Errors
///
/// The file cannot be opened by [`open_own_file`], or another process holds its lock.
pub fn lock_own_file(path: &Path) -> io::Result<File> {
    locked(open_own_file(path)?)
}

/// Makes a directory that only this user may enter, and a file in it that is locked until the returned file is dropped.
///
/// # Errors
///
/// The directory exists already, or cannot be made.
pub fn create_locked_directory(directory: &Path, lock: &str) -> io::Result<File> {
    DirBuilder::new().mode(0o700).create(directory)?;
    lock_new_file(&directory.join(lock))
}

/// Makes a file that is locked until the returned file is dropped.
///
/// # Errors
///
/// The file cannot be made.
pub fn lock_new_file(path: &Path) -> io::Result<File> {
    // The file is locked before it gets the name for which `remove_abandoned` of another process looks.
    let unlocked = path.with_extension("new");
    let file = locked(File::create_new(&unlocked)?)?;
    fs::rename(unlocked, path)?;
    Ok(file)
}

/// Removes the directories that killed processes of this user left in `parent`: those whose name begins with `prefix`
/// and whose file `lock` nobody holds locked.
pub fn remove_abandoned(parent: &Path, prefix: &str, lock: &str) {
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        let path = entry.path();
        let is_named_so = entry.file_name().as_encoded_bytes().starts_with(prefix.as_bytes());
        if is_named_so && let Err(error) = remove_if_abandoned(&path, lock) {
            // It belongs to a living process or to another user, or another process has removed it meanwhile.
            tracing::debug!(%error, directory = %path.display(), "not removed");
        }
    }
}

fn remove_if_abandoned(directory: &Path, lock: &str) -> io::Result<()> {
    let opened = open_own_directory(directory)?;
    let _lock = locked(open_own_file_in(opened, Path::new(lock))?)?;
    fs::remove_dir_all(directory)
}

/// Checks that a directory belongs to this user, and that no other user may create or rename files in it.
///
/// # Errors
///
/// The directory cannot be opened, or the check fails. The text names the command that mends it.
pub fn check_own_directory(directory: &Path) -> io::Result<()> {
    let status = fstat(rustix::fs::open(directory, DIRECTORY, Mode::empty())?)?;
    let (path, user) = (directory.display(), geteuid().as_raw());
    if status.st_uid != user {
        return Err(denied(format!(
            "{path} belongs to the user with the number {}, who could change what is run from it: run \
             `sudo chown -R {user} {}`, or name another directory",
            status.st_uid,
            quoted(directory)
        )));
    }
    if Mode::from_raw_mode(status.st_mode).intersects(Mode::WGRP | Mode::WOTH) {
        return Err(denied(format!(
            "other users may write to {path}, and so change what is run from it: if you trust its content, run \
             `chmod go-w {directory}`, and otherwise `rm -r {directory}`",
            directory = quoted(directory)
        )));
    }
    Ok(())
}

/// Returns a path as a word of a shell command.
fn quoted(path: &Path) -> String {
    let text = path.to_string_lossy();
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-+:@".contains(&byte);
    match text.bytes().all(is_plain) {
        true => text.into_owned(),
        false => format!("'{}'", text.replace('\'', r"'\''")),
    }
}

/// The flags that open a directory and nothing else.
const DIRECTORY: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
/// The flags that open a file without waiting for whoever has made it, and without following a link.
const FILE: OFlags = OFlags::RDONLY
    .union(OFlags::NONBLOCK)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::NOCTTY)
    .union(OFlags::CLOEXEC);

fn open_own_directory(path: &Path) -> io::Result<OwnedFd> {
    let directory = rustix::fs::open(path, DIRECTORY.union(OFlags::NOFOLLOW), Mode::empty())?;
    check_owner(&directory)?;
    Ok(directory)
}

fn open_own_file_in(directory: impl AsFd, path: &Path) -> io::Result<File> {
    let file = openat(directory, path, FILE, Mode::empty())?;
    check_owner(&file)?;
    if FileType::from_raw_mode(fstat(&file)?.st_mode) != FileType::RegularFile {
        return Err(denied("it is no regular file".to_owned()));
    }
    Ok(file.into())
}

fn check_owner(file: impl AsFd) -> io::Result<()> {
    match fstat(file)?.st_uid == geteuid().as_raw() {
        true => Ok(()),
        false => Err(denied("it belongs to another user".to_owned())),
    }
}

fn locked(file: File) -> io::Result<File> {
    flock(&file, FlockOperation::NonBlockingLockExclusive)?;
    Ok(file)
}

fn denied(reason: String) -> io::Error {
    io::Error::new(io::ErrorKind::PermissionDenied, reason)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::fs::mknodat;
    use std::os::unix::fs::{PermissionsExt, chown, symlink};

    fn named_pipe(path: &Path) {
        mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    }

    #[test]
    fn only_regular_files_of_this_user_open() {
        let parent = tempfile::tempdir().unwrap();
        let [file, pipe, link, missing] = ["file", "pipe", "link", "missing"].map(|name| parent.path().join(name));
        fs::write(&file, "").unwrap();
        named_pipe(&pipe);
        symlink(&file, &link).unwrap();
        assert!(open_own_file(&file).is_ok());
        for other in [&pipe, &link, &missing, &parent.path().to_owned()] {
            assert!(open_own_file(other).is_err(), "{}", other.display());
        }
        if geteuid().is_root() {
            chown(&file, Some(65534), None).unwrap();
            assert_eq!(
                open_own_file(&file).unwrap_err().kind(),
                io::ErrorKind::PermissionDenied
            );
        }
    }

    #[test]
    fn only_directories_of_killed_processes_are_removed() {
        let parent = tempfile::tempdir().unwrap();
        let at = |name: &str| parent.path().join(name);
        let living = create_locked_directory(&at("x-living"), "lock").unwrap();
        drop(create_locked_directory(&at("x-dead"), "lock").unwrap());
        drop(create_locked_directory(&at("other"), "lock").unwrap());
        drop(create_locked_directory(&at("x-target"), "lock").unwrap());
        fs::rename(at("x-target"), at("target")).unwrap();
        symlink(at("target"), at("x-link")).unwrap();
        fs::create_dir(at("x-without")).unwrap();
        fs::create_dir(at("x-pipe")).unwrap();
        named_pipe(&at("x-pipe/lock"));
        remove_abandoned(parent.path(), "x-", "lock");
        let mut left: Vec<_> = fs::read_dir(parent.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        left.sort();
        assert_eq!(left, ["other", "target", "x-link", "x-living", "x-pipe", "x-without"]);
        assert!(create_locked_directory(&at("x-living"), "lock").is_err(), "it exists");
        drop(living);
    }

    #[test]
    fn a_directory_that_others_may_write_is_refused_with_the_command_that_mends_it() {
        let parent = tempfile::tempdir().unwrap();
        let directory = parent.path().join("it's");
        fs::create_dir(&directory).unwrap();
        for (mode, is_own) in [(0o700, true), (0o755, true), (0o775, false), (0o1777, false)] {
            fs::set_permissions(&directory, fs::Permissions::from_mode(mode)).unwrap();
            let checked = check_own_directory(&directory);
            assert_eq!(checked.is_ok(), is_own, "{mode:o}");
            if let Err(error) = checked {
                assert!(error.to_string().contains("`chmod go-w '"), "{error}");
                assert!(error.to_string().contains(r"it'\''s'"), "{error}");
            }
        }
        if geteuid().is_root() {
            chown(&directory, Some(65534), None).unwrap();
            let error = check_own_directory(&directory).unwrap_err();
            assert!(error.to_string().contains("`sudo chown -R 0 "), "{error}");
        }
    }
}
