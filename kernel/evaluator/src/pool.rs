//! Crates that sessions have built for `:dep`, kept for the next ones of the same toolchain.
//!
//! They lie in a directory beside the sessions with all that cargo needs to find them fresh. A session leaves there
//! what it built when it has added crates. Another one takes from there just what it needs, if cargo was asked for the
//! same before; else it gets copies of all, and it is cargo that decides. What is not whole, as another kernel is still
//! writing it, is built again.

use crate::crates::{copy_with_time, link_if_built};
use anyhow::{Context, Result};
use std::{
    fs, io,
    path::{Path, PathBuf},
};
use tempfile::TempDir;

/// Where cargo has what it built in a target directory, and at the end what says that it is whole.
const PARTS: [&str; 3] = ["deps", "build", ".fingerprint"];
/// Crates that each session has of its own: dylibs, which have the same file name however they were built, and cells.
const OF_SESSIONS: [&str; 9] = [
    "code_",
    "ctx",
    "mosaic",
    "mosaic_abi",
    "mosaic_cell",
    "mosaic_message",
    "mosaic_std",
    "notebook",
    "tokio",
];
/// A pool that is larger is begun anew.
const LARGE: u64 = 8 << 30;

/// In the session's directory: the crates for which it was given what others have built.
const GIVEN: &str = "mosaic-given.txt";

pub(crate) struct Pool {
    directory: PathBuf,
    /// What every session has from the beginning.
    template: PathBuf,
}

impl Pool {
    /// The pool beside a session.
    pub(crate) fn of_session(session: &Path) -> Pool {
        Pool {
            directory: session.with_file_name("pool"),
            template: session.with_file_name("template"),
        }
    }

    /// Where is kept what is known of the crates, of one kind.
    pub(crate) fn kept(&self, kind: &str) -> PathBuf {
        self.directory.join(kind)
    }

    /// Where a file of a session's lies here.
    pub(crate) fn file(&self, of_session: &Path) -> PathBuf {
        self.directory.join(of_session)
    }

    /// Whether each session has a file of its own, by where it lies and by its name.
    pub(crate) fn is_of_session(file: &Path) -> bool {
        let mut names = file.iter().map(|name| name.to_string_lossy());
        let of_part = names.by_ref().find(|name| PARTS.contains(&&**name)).and(names.next());
        let name = of_part.or_else(|| Some(file.file_name()?.to_string_lossy()));
        name.is_none_or(|name| is_of_session(&name))
    }

    /// Gives a session all that there is, unless it was last given it for the same crates. Returns whether it did.
    ///
    /// # Errors
    ///
    /// The session cannot be written to.
    pub(crate) fn give_for(&self, crates: &str, session: &Path) -> Result<bool> {
        let given = session.join(GIVEN);
        if fs::read_to_string(&given).is_ok_and(|last| last == crates) {
            return Ok(false);
        }
        each_part(&self.directory, session, |from, to| add(from, to, session))
            .context("cannot give the session the crates of earlier ones")?;
        fs::write(given, crates).context("cannot note which crates were given")?;
        Ok(true)
    }

    /// Takes what a session has built beside what is in the template.
    ///
    /// # Errors
    ///
    /// The cache cannot be written to.
    pub(crate) fn take(&self, session: &Path) -> Result<()> {
        if size(&self.directory) > LARGE {
            // Aside first: another kernel may be reading it.
            let aside = TempDir::new_in(session)?;
            fs::rename(&self.directory, aside.path().join("pool"))?;
        }
        fs::create_dir_all(&self.directory)?;
        let take = |from: &Path, to: &Path| {
            let in_every_session = from
                .strip_prefix(session)
                .is_ok_and(|it| self.template.join(it).exists());
            match in_every_session {
                true => Ok(()),
                false => add(from, to, &self.directory),
            }
        };
        each_part(session, &self.directory, take).context("cannot keep the crates for other sessions")
    }
}

/// Walks through the parts of two target directories, in the order in which they may be relied on.
fn each_part(from: &Path, to: &Path, mut add: impl FnMut(&Path, &Path) -> io::Result<()>) -> io::Result<()> {
    for part in PARTS {
        for profile in profiles(from)? {
            let (from, to) = (from.join(&profile).join(part), to.join(&profile).join(part));
            for entry in entries(&from)? {
                if !is_of_session(&entry.file_name().to_string_lossy()) {
                    add(&entry.path(), &to.join(entry.file_name()))?;
                }
            }
        }
    }
    Ok(())
}

/// The directories below which cargo builds: for the machine itself, where build scripts run, and for the target.
fn profiles(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let target = Path::new("target");
    let mut found = vec![target.join("debug")];
    for entry in entries(&directory.join(target))? {
        found.push(target.join(entry.file_name()).join("debug"));
    }
    found.retain(|profile| directory.join(profile).is_dir());
    Ok(found)
}

/// What is in a directory, if it is there.
fn entries(directory: &Path) -> io::Result<Vec<fs::DirEntry>> {
    match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        found => found?.collect(),
    }
}

/// Whether a file or a directory of cargo's belongs to a crate that sessions have of their own.
fn is_of_session(file_name: &str) -> bool {
    let stem = file_name.split('.').next().unwrap_or(file_name);
    let name = stem.strip_prefix("lib").unwrap_or(stem);
    // What has no number in its name is not told from other builds of the same crate.
    let Some((name, _)) = name.rsplit_once('-') else {
        return true;
    };
    OF_SESSIONS.contains(&name.replace('-', "_").as_str())
}

/// Adds a file or a directory where it is not there yet: what rustc made by hard links, since nobody writes to it in
/// place, and cargo's own files by copies, complete and with their times when they get their names.
fn add(from: &Path, to: &Path, aside: &Path) -> io::Result<()> {
    if from.is_dir() {
        for entry in entries(from)? {
            add(&entry.path(), &to.join(entry.file_name()), aside)?;
        }
        return Ok(());
    }
    if to.exists() {
        return Ok(());
    }
    if let Some(directory) = to.parent() {
        fs::create_dir_all(directory)?;
    }
    if link_if_built(from, to) {
        return Ok(());
    }
    let copy = tempfile::Builder::new().prefix("copy-").tempfile_in(aside)?;
    copy_with_time(from, copy.path())?;
    match copy.persist_noclobber(to) {
        Err(error) if error.error.kind() != io::ErrorKind::AlreadyExists => Err(error.error),
        _ => Ok(()),
    }
}

/// In bytes.
fn size(directory: &Path) -> u64 {
    let entries = entries(directory).unwrap_or_default();
    let sizes = entries.iter().map(|entry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() => size(&entry.path()),
        Ok(metadata) => metadata.len(),
        Err(_) => 0,
    });
    sizes.sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crates_of_sessions_stay_there() {
        for (name, stays) in [
            ("libhex-0123456789abcdef.rlib", false),
            ("hex-0123456789abcdef.d", false),
            ("serde_json-0123456789abcdef", false),
            ("build_script_build-0123456789abcdef", false),
            ("libmosaic.so", true),
            ("libmosaic-0123456789abcdef.so", true),
            ("mosaic-cell-0123456789abcdef", true),
            ("libcode_3.so", true),
            ("libctx.so", true),
            ("ctx-0123456789abcdef", true),
        ] {
            assert_eq!(is_of_session(name), stays, "{name}");
            assert_eq!(
                Pool::is_of_session(&Path::new("target/debug/deps").join(name)),
                stays,
                "{name}"
            );
        }
        assert!(!Pool::is_of_session(Path::new("target/debug/build/hex-1/out/libx.a")));
        assert!(Pool::is_of_session(Path::new("target/debug/libmosaic.so")));
    }

    #[test]
    fn what_one_session_built_the_next_one_has() {
        let parent = tempfile::tempdir().unwrap();
        let [first, second] = ["first", "second"].map(|name| parent.path().join(name));
        let debug = "target/x86_64-unknown-linux-gnu/debug";
        let files = [
            format!("{debug}/deps/libserde-1.rlib"),
            format!("{debug}/deps/libhex-1.rlib"),
            format!("{debug}/.fingerprint/hex-1/lib-hex"),
            "target/debug/build/hex-2/out/x.rs".to_owned(),
        ];
        for file in files
            .iter()
            .map(|file| first.join(file))
            .chain([first.join(debug).join("deps/libctx.so")])
        {
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, "built").unwrap();
        }
        fs::create_dir(&second).unwrap();
        let template = parent.path().join("template").join(&files[0]);
        fs::create_dir_all(template.parent().unwrap()).unwrap();
        fs::write(template, "built").unwrap();
        let pool = Pool::of_session(&first);
        assert!(pool.give_for("hex", &first).unwrap());
        pool.take(&first).unwrap();
        pool.take(&first).unwrap();
        assert!(pool.give_for("hex", &second).unwrap() && !pool.give_for("hex", &second).unwrap());
        // It is in every session as it is.
        assert!(!second.join(&files[0]).exists());
        let files = &files[1..];
        for file in files {
            let modified = |session: &Path| fs::metadata(session.join(file)).unwrap().modified().unwrap();
            assert_eq!(modified(&first), modified(&second), "{file}");
        }
        assert!(!second.join(debug).join("deps/libctx.so").exists());
        let left = fs::read_dir(&second).unwrap().map(|it| it.unwrap().file_name());
        let left: std::collections::BTreeSet<_> = left.collect();
        assert_eq!(left, [GIVEN.into(), "target".into()].into(), "no copy is left aside");
    }
}
