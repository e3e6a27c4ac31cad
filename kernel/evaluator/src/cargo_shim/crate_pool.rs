//! Crates that sessions have built for `:dep`, kept for the next ones of the same toolchain.
//!
//! They lie in a directory beside the sessions with all that cargo needs to find them fresh. A session leaves there
//! what it built when it has added crates. Another one takes from there just what it needs, if cargo was asked for the
//! same before; else it gets copies of all, and it is cargo that decides. What is not whole, as another kernel is still
//! writing it or the machine went down, is built again.

use crate::{
    evcxr_text::markers::CELL_CRATE,
    prebuilt::crates::{copy_with_time, link_if_built},
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

/// Where cargo has what it built in a target directory, and at the end what says that it is whole.
const PARTS: [&str; 3] = ["deps", "build", ".fingerprint"];
/// Crates that each session has of its own: dylibs, which have the same file name however they were built, and cells.
const OF_SESSIONS: [&str; 9] = [
    "code_",
    CELL_CRATE,
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

/// In the pool: how long each file was when it came, in bytes, and where it lies; one on a line.
const SIZES: &str = "sizes.tsv";
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
        self.give(session)
            .context("cannot give the session the crates of earlier ones")?;
        fs::write(given, crates).context("cannot note which crates were given")?;
        Ok(true)
    }

    fn give(&self, session: &Path) -> io::Result<()> {
        let sizes = self.sizes();
        for file in files(&self.directory)? {
            let here = self.file(&file);
            if sizes.get(&file) == fs::metadata(&here).ok().map(|it| it.len()).as_ref() {
                add(&here, &session.join(&file), session)?;
            } else {
                // Cargo would take it for what it was.
                let _ = fs::remove_file(here);
            }
        }
        Ok(())
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
        self.take_from(session)
            .context("cannot keep the crates for other sessions")
    }

    fn take_from(&self, session: &Path) -> io::Result<()> {
        fs::create_dir_all(&self.directory)?;
        let in_every_session = |file: &Path| unit(file).is_some_and(|unit| self.template.join(unit).exists());
        let mut new = files(session)?;
        new.retain(|file| !in_every_session(file) && !self.file(file).exists());
        let mut sizes = String::new();
        for file in &new {
            let bytes = fs::metadata(session.join(file))?.len();
            let _ = writeln!(sizes, "{bytes}\t{}", file.display());
        }
        // First, and at once: what is not told of is not given to anybody.
        let told = fs::File::options()
            .append(true)
            .create(true)
            .open(self.file(Path::new(SIZES)));
        told?.write_all(sizes.as_bytes())?;
        for file in new {
            add(&session.join(&file), &self.file(&file), &self.directory)?;
        }
        Ok(())
    }

    /// How long each file was when it came.
    fn sizes(&self) -> HashMap<PathBuf, u64> {
        let text = fs::read_to_string(self.file(Path::new(SIZES))).unwrap_or_default();
        let lines = text.lines().filter_map(|line| line.split_once('\t'));
        let sizes = lines.filter_map(|(bytes, file)| Some((file.into(), bytes.parse().ok()?)));
        sizes.collect()
    }
}

/// The files of all crates but the session's own, below a directory and in the order in which they may be relied on.
fn files(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for part in PARTS {
        for profile in profiles(directory)? {
            let part = profile.join(part);
            for entry in entries(&directory.join(&part))? {
                if !is_of_session(&entry.file_name().to_string_lossy()) {
                    add_files(directory, part.join(entry.file_name()), &mut found)?;
                }
            }
        }
    }
    Ok(found)
}

/// Adds a file, or those of a directory, below another one.
fn add_files(directory: &Path, path: PathBuf, found: &mut Vec<PathBuf>) -> io::Result<()> {
    let here = directory.join(&path);
    if here.is_file() {
        found.push(path);
    } else if here.is_dir() {
        for entry in entries(&here)? {
            add_files(directory, path.join(entry.file_name()), found)?;
        }
    }
    Ok(())
}

/// The file or the directory of a crate in which cargo has a file.
fn unit(file: &Path) -> Option<&Path> {
    let is_part = |it: &&Path| {
        it.parent()
            .is_some_and(|parent| PARTS.iter().any(|part| parent.ends_with(part)))
    };
    file.ancestors().filter(is_part).last()
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

/// Adds a file where it is not there yet: what rustc made by a hard link, since nobody writes to it in place, and cargo's
/// own by a copy, complete and with its time when it gets its name.
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
        assert!(pool.give_for("hex", &first).unwrap());
        pool.take(&first).unwrap();
        pool.take(&first).unwrap();
        assert!(pool.give_for("hex", &second).unwrap() && !pool.give_for("hex", &second).unwrap());
        // It is in every session as it is.
        assert!(!second.join(&of_template).exists());
        for file in &files {
            let modified = |session: &Path| fs::metadata(session.join(file)).unwrap().modified().unwrap();
            assert_eq!(modified(&first), modified(&second), "{file}");
        }
        assert!(!second.join(own).exists());
        let left = fs::read_dir(&second).unwrap().map(|it| it.unwrap().file_name());
        let left: std::collections::BTreeSet<_> = left.collect();
        assert_eq!(left, [GIVEN.into(), "target".into()].into(), "no copy is left aside");
    }

    #[test]
    fn what_is_not_as_long_as_it_was_is_not_given() {
        let parent = tempfile::tempdir().unwrap();
        let [whole, cut] = ["whole", "cut"].map(|name| format!("{DEBUG}/deps/lib{name}-1.rlib"));
        let [first, second, third, fourth] = sessions(parent.path(), &[&whole, &cut]);
        let pool = Pool::of_session(&first);
        pool.take(&first).unwrap();
        let of_pool = pool.file(Path::new(&cut));
        fs::write(&of_pool, "bui").unwrap();
        let has = |session: &Path| [&whole, &cut].map(|file| session.join(file).exists());
        pool.give_for("both", &second).unwrap();
        assert_eq!(has(&second), [true, false]);
        assert!(!of_pool.exists());
        // It was built again.
        write(&second.join(&cut));
        pool.take(&second).unwrap();
        pool.give_for("both", &third).unwrap();
        assert_eq!(has(&third), [true, true]);
        fs::write(pool.file(Path::new(SIZES)), "no number\tand no\n").unwrap();
        pool.give_for("both", &fourth).unwrap();
        assert_eq!(has(&fourth), [false, false]);
    }
}
