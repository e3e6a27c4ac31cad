//! The pool: crates that sessions have built for `:dep`, kept for later sessions of the same toolchain.
//!
//! The pool lies beside the sessions and has the layout of a target directory of cargo, with all that cargo needs to
//! find the crates fresh. A session that has added crates leaves a copy of what it built. A later session takes from
//! the pool
//!
//! - just the files that it needs, if cargo was asked for the same crates before ([`dependency_cache`]), or
//! - all files, and lets cargo decide which ones are fresh.
//!
//! Several kernels use the pool at once. Each file is listed with its length before it is written, so that a file that
//! is not whole is found by its length and built again: another kernel may still be writing it, or the machine went
//! down.
//!
//! [`dependency_cache`]: crate::cargo_shim::dependency_cache

use crate::{
    evcxr_text::markers::CELL_CRATE,
    prebuilt::cache_directory::CacheDirectory,
    session::{
        files::{POOLED_FOR, TARGET},
        shared_files::{copy_with_time, link_if_built},
    },
};
use anyhow::{Context, Result};
use std::{
    collections::HashMap,
    fmt::Write as _,
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
};
use tempfile::TempDir;

/// The subdirectories of a target directory in which cargo keeps a crate. The last one tells cargo that the crate is
/// complete, so it is copied last.
const PARTS: [&str; 3] = ["deps", "build", ".fingerprint"];
/// The size in bytes above which the pool is emptied.
const MAXIMUM_SIZE: u64 = 8 << 30;
/// The list of the files in the pool: a line for each, with its length in bytes, a tab and its path in the pool.
const SIZES: &str = "sizes.tsv";

/// The pool of one toolchain.
pub(super) struct Pool {
    directory: PathBuf,
    /// The template, whose files every session has from the beginning.
    template: PathBuf,
}

/// A kind of records that lie in the pool, and so are removed together with the crates that they are about.
#[derive(Clone, Copy, Debug)]
pub(super) enum Records {
    /// Builds of dependencies; see [`dependency_cache`](crate::cargo_shim::dependency_cache).
    Builds,
    /// Crates that exist; see [`crate_lookup`](crate::cargo_shim::crate_lookup).
    Lookups,
}

impl Pool {
    /// Returns the pool beside a session.
    pub(super) fn of_session(session: &Path) -> Pool {
        let cache = CacheDirectory::of_session(session);
        Pool {
            directory: cache.pool(),
            template: cache.template(),
        }
    }

    /// Returns the directory of the records of one kind.
    pub(super) fn records(&self, kind: Records) -> PathBuf {
        self.directory.join(match kind {
            Records::Builds => "builds",
            Records::Lookups => "lookups",
        })
    }

    /// Returns the path in the pool of a file with a path relative to the session directory.
    pub(super) fn file(&self, relative: &Path) -> PathBuf {
        self.directory.join(relative)
    }

    /// Provides a session with all files of the pool, unless it was last provided for the same manifest. Returns
    /// whether it was provided now.
    ///
    /// # Errors
    ///
    /// The session cannot be written to.
    pub(super) fn provide_all(&self, manifest: &str, session: &Path) -> Result<bool> {
        if POOLED_FOR.read(session).is_some_and(|last| last == manifest) {
            return Ok(false);
        }
        self.provide_files(session)
            .context("cannot provide the session with the crates of earlier ones")?;
        POOLED_FOR
            .write(session, manifest)
            .context("cannot note for which crates the session was provided")?;
        Ok(true)
    }

    fn provide_files(&self, session: &Path) -> io::Result<()> {
        let sizes = self.sizes();
        for file in files(&self.directory)? {
            let in_pool = self.file(&file);
            if sizes.get(&file) == fs::metadata(&in_pool).ok().map(|it| it.len()).as_ref() {
                add(&in_pool, &session.join(&file), session)?;
            } else {
                // It is not whole, and cargo would take it for fresh.
                let _ = fs::remove_file(in_pool);
            }
        }
        Ok(())
    }

    /// Adds to the pool what a session has built beside what is in the template.
    ///
    /// # Errors
    ///
    /// The cache cannot be written to.
    pub(super) fn collect(&self, session: &Path) -> Result<()> {
        if size(&self.directory) > MAXIMUM_SIZE {
            // Moved away in one step first, since another kernel may be reading it.
            let aside = TempDir::new_in(session)?;
            fs::rename(&self.directory, aside.path().join("former"))?;
        }
        self.collect_files(session)
            .context("cannot keep the crates for other sessions")
    }

    fn collect_files(&self, session: &Path) -> io::Result<()> {
        fs::create_dir_all(&self.directory)?;
        let in_every_session = |file: &Path| unit(file).is_some_and(|unit| self.template.join(unit).exists());
        let mut new = files(session)?;
        new.retain(|file| !in_every_session(file) && !self.file(file).exists());
        let mut sizes = String::new();
        for file in &new {
            let bytes = fs::metadata(session.join(file))?.len();
            let _ = writeln!(sizes, "{bytes}\t{}", file.display());
        }
        // Before the files, and in one write: a file that is not in the list is provided to nobody.
        let mut list = fs::File::options()
            .append(true)
            .create(true)
            .open(self.file(Path::new(SIZES)))?;
        list.write_all(sizes.as_bytes())?;
        for file in new {
            add(&session.join(&file), &self.file(&file), &self.directory)?;
        }
        Ok(())
    }

    /// Reads the list of lengths.
    fn sizes(&self) -> HashMap<PathBuf, u64> {
        let text = fs::read_to_string(self.file(Path::new(SIZES))).unwrap_or_default();
        let lines = text.lines().filter_map(|line| line.split_once('\t'));
        let sizes = lines.filter_map(|(bytes, file)| Some((file.into(), bytes.parse().ok()?)));
        sizes.collect()
    }
}

/// Lists the files below a directory of all crates but the session's own, in the order in which they are to be copied.
fn files(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for part in PARTS {
        for profile in profiles(directory)? {
            let part = profile.join(part);
            for entry in entries(&directory.join(&part))? {
                if !is_name_of_session(&entry.file_name().to_string_lossy()) {
                    add_files(directory, part.join(entry.file_name()), &mut found)?;
                }
            }
        }
    }
    Ok(found)
}

/// Adds to `found` the file at a relative `path`, or all files in the directory there.
fn add_files(directory: &Path, path: PathBuf, found: &mut Vec<PathBuf>) -> io::Result<()> {
    let absolute = directory.join(&path);
    if absolute.is_file() {
        found.push(path);
    } else if absolute.is_dir() {
        for entry in entries(&absolute)? {
            add_files(directory, path.join(entry.file_name()), found)?;
        }
    }
    Ok(())
}

/// Returns the file or the directory of the crate to which a file of cargo's belongs.
fn unit(file: &Path) -> Option<&Path> {
    let is_unit = |it: &&Path| {
        it.parent()
            .is_some_and(|parent| PARTS.iter().any(|part| parent.ends_with(part)))
    };
    file.ancestors().filter(is_unit).last()
}

/// Lists the directories below which cargo builds: for the host, where build scripts run, and for the target.
fn profiles(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let target = Path::new(TARGET.name());
    let mut found = vec![target.join("debug")];
    for entry in entries(&directory.join(target))? {
        found.push(target.join(entry.file_name()).join("debug"));
    }
    found.retain(|profile| directory.join(profile).is_dir());
    Ok(found)
}

/// Lists a directory. One that does not exist is empty.
fn entries(directory: &Path) -> io::Result<Vec<fs::DirEntry>> {
    match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        found => found?.collect(),
    }
}

/// Returns whether a file or a directory of this name belongs to a cell, which each session builds for itself.
fn is_name_of_session(file_name: &str) -> bool {
    let stem = file_name.split('.').next().unwrap_or(file_name);
    let name = stem.strip_prefix("lib").unwrap_or(stem);
    // A name without a hash is the same for every build of the crate.
    name.rsplit_once('-').is_none_or(|(name, _)| name == CELL_CRATE)
}

/// Adds a file unless it exists: by a hard link if rustc wrote it, else by a copy that is complete, and has its time of
/// modification, when it gets its name. The copy is first written in the directory `aside`.
fn add(from: &Path, to: &Path, aside: &Path) -> io::Result<()> {
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

/// Returns the size of all files in a directory, in bytes.
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
            ("libmosaic-0123456789abcdef.so", false),
            ("mosaic-cell-0123456789abcdef", false),
            ("libcode_3.so", true),
            ("libctx.so", true),
            ("ctx-0123456789abcdef", true),
        ] {
            assert_eq!(is_name_of_session(name), stays, "{name}");
        }
    }

    const DEBUG: &str = "target/x86_64-unknown-linux-gnu/debug";

    /// Sessions beside one another, the first of which has built something.
    fn sessions<const N: usize>(parent: &Path, built: &[&str]) -> [PathBuf; N] {
        let sessions = std::array::from_fn(|number| parent.join(format!("session-{number}")));
        sessions.iter().for_each(|it| fs::create_dir(it).unwrap());
        built.iter().for_each(|file| write(&sessions[0].join(file)));
        sessions
    }

    fn write(file: &Path) {
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, "built").unwrap();
    }

    #[test]
    fn what_one_session_built_the_next_one_has() {
        let parent = tempfile::tempdir().unwrap();
        let of_template = format!("{DEBUG}/deps/libserde-1.rlib");
        let own = format!("{DEBUG}/deps/libctx.so");
        let files = [
            format!("{DEBUG}/deps/libhex-1.rlib"),
            format!("{DEBUG}/.fingerprint/hex-1/lib-hex"),
            "target/debug/build/hex-2/out/x.rs".to_owned(),
        ];
        let built = files.each_ref().map(String::as_str);
        let built = [&built[..], &[&of_template, &own]].concat();
        let [first, second] = sessions(parent.path(), &built);
        write(&parent.path().join("template").join(&of_template));
        let pool = Pool::of_session(&first);
        assert!(pool.provide_all("hex", &first).unwrap());
        pool.collect(&first).unwrap();
        pool.collect(&first).unwrap();
        assert!(pool.provide_all("hex", &second).unwrap() && !pool.provide_all("hex", &second).unwrap());
        // Every session has the template's file anyway.
        assert!(!second.join(&of_template).exists());
        for file in &files {
            let modified = |session: &Path| fs::metadata(session.join(file)).unwrap().modified().unwrap();
            assert_eq!(modified(&first), modified(&second), "{file}");
        }
        assert!(!second.join(own).exists());
        let left = fs::read_dir(&second).unwrap().map(|it| it.unwrap().file_name());
        let left: std::collections::BTreeSet<_> = left.collect();
        assert_eq!(
            left,
            [POOLED_FOR.name().into(), TARGET.name().into()].into(),
            "no copy is left aside"
        );
    }

    #[test]
    fn what_is_not_as_long_as_it_was_is_not_given() {
        let parent = tempfile::tempdir().unwrap();
        let [whole, cut] = ["whole", "cut"].map(|name| format!("{DEBUG}/deps/lib{name}-1.rlib"));
        let [first, second, third, fourth] = sessions(parent.path(), &[&whole, &cut]);
        let pool = Pool::of_session(&first);
        pool.collect(&first).unwrap();
        let of_pool = pool.file(Path::new(&cut));
        fs::write(&of_pool, "bui").unwrap();
        let has = |session: &Path| [&whole, &cut].map(|file| session.join(file).exists());
        pool.provide_all("both", &second).unwrap();
        assert_eq!(has(&second), [true, false]);
        assert!(!of_pool.exists());
        // The second session builds the file again.
        write(&second.join(&cut));
        pool.collect(&second).unwrap();
        pool.provide_all("both", &third).unwrap();
        assert_eq!(has(&third), [true, true]);
        fs::write(pool.file(Path::new(SIZES)), "no number\tand no\n").unwrap();
        pool.provide_all("both", &fourth).unwrap();
        assert_eq!(has(&fourth), [false, false]);
    }
}
