//! The versions of the crates of a session, which its lock file holds.
//!
//! Before evcxr adds a crate it asks cargo about that crate alone, and cargo then forgets the versions of all others. So
//! they are put back before anything is built: by a shell command, since evcxr runs these in their order among its own.
//! Where `cargo` is [our own](crate::cargo_shim), it does so itself.

use crate::session::files;
use std::{fs, io, path::Path};

/// Commands that add crates, with the versions of all others kept.
///
/// # Errors
///
/// The lock file cannot be copied.
pub(crate) fn kept(commands: &str, session: &Path) -> io::Result<String> {
    let saved = files::SAVED_VERSIONS.path(session);
    fs::copy(files::LOCK_FILE.path(session), &saved)?;
    Ok(format!("{}\n{}\n", commands.trim_end(), restore(&saved, session)))
}

/// The command that puts versions back. Aside and renamed: the file may share its content with others.
pub(crate) fn restore(saved: &Path, session: &Path) -> String {
    let aside = files::RESTORED_VERSIONS.path(session);
    let [saved, aside, lock] = [saved, &aside, &files::LOCK_FILE.path(session)].map(quoted);
    format!("!cp {saved} {aside} && mv {aside} {lock}")
}

/// A path as one word of the shell's.
fn quoted(path: &Path) -> String {
    format!("'{}'", path.display().to_string().replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn versions_are_put_back() {
        let session = tempfile::Builder::new().prefix("it's ").tempdir().unwrap();
        let lock = session.path().join("Cargo.lock");
        fs::write(&lock, "all").unwrap();
        let commands = kept(":dep rand\n", session.path()).unwrap();
        fs::write(&lock, "one").unwrap();
        let command = commands.lines().nth(1).unwrap().strip_prefix('!').unwrap();
        assert!(Command::new("sh").args(["-c", command]).status().unwrap().success());
        assert_eq!(fs::read_to_string(lock).unwrap(), "all");
        assert!(commands.starts_with(":dep rand\n"));
    }
}
