//! Keeps the versions of a session's crates while commands add others.
//!
//! Before evcxr adds a crate, it asks cargo about that crate alone, and cargo drops the versions of all other crates
//! from the lock file. So the lock file is put back before anything is built. A shell command does that, since evcxr
//! runs shell commands in order among its own. The [cargo shim](crate::cargo_shim::crate_lookup) puts the lock file
//! back by itself, so the command is needed only without the shim.

use crate::session::files;
use std::{fs, io, path::Path};

/// Saves the lock file, and returns the commands followed by one that puts it back.
///
/// # Errors
///
/// The lock file cannot be copied.
pub(crate) fn with_restore_command(commands: &str, session: &Path) -> io::Result<String> {
    let saved = files::SAVED_VERSIONS.path(session);
    fs::copy(files::LOCK_FILE.path(session), &saved)?;
    Ok(format!(
        "{}\n{}\n",
        commands.trim_end(),
        restore_command(&saved, session)
    ))
}

/// Returns the command that puts a saved lock file back. The command copies the file aside and renames it, since the
/// lock file may share its content with other sessions.
pub(crate) fn restore_command(saved: &Path, session: &Path) -> String {
    let aside = files::RESTORED_VERSIONS.path(session);
    let [saved, aside, lock] = [saved, &aside, &files::LOCK_FILE.path(session)].map(quoted);
    format!("!cp {saved} {aside} && mv {aside} {lock}")
}

/// Quotes a path as one word for the shell.
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
        let commands = with_restore_command(":dep rand\n", session.path()).unwrap();
        fs::write(&lock, "one").unwrap();
        let command = commands.lines().nth(1).unwrap().strip_prefix('!').unwrap();
        assert!(Command::new("sh").args(["-c", command]).status().unwrap().success());
        assert_eq!(fs::read_to_string(lock).unwrap(), "all");
        assert!(commands.starts_with(":dep rand\n"));
    }
}
