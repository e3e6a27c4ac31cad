//! Operations on files that several sessions share by hard links, or that another process may be reading.
//!
//! A session is a clone of the template, so its files may have the same content on disk as those of other sessions.
//! Compiler output is linked, since rustc and the linker replace their output files and never write in place. Every
//! other file is copied.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

/// The file in a directory that [`keep_directory`] has kept: a line for each other file, with its length in bytes, a tab
/// and its relative path.
const CONTENTS: &str = ".contents.tsv";

/// Extensions of the files that rustc writes. Such a file is replaced as a whole and may be shared by a hard link.
const BUILT_EXTENSIONS: [&str; 5] = ["so", "dylib", "rlib", "rmeta", "a"];

/// Clones a directory: links compiler output, copies everything else with its time of modification.
///
/// # Errors
///
/// A file cannot be read, or `to` cannot be written.
pub(crate) fn clone_directory(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.file_type()?;
        if kind.is_dir() {
            clone_directory(&source, &target)?;
        } else if kind.is_file() && !link_if_built(&source, &target) {
            copy_with_time(&source, &target)?;
        }
    }
    Ok(())
}

/// Links `source` to `target` if rustc wrote it, judged by its extension. Returns whether the link was made.
pub(crate) fn link_if_built(source: &Path, target: &Path) -> bool {
    let built = source
        .extension()
        .is_some_and(|it| BUILT_EXTENSIONS.iter().any(|extension| it == *extension));
    built && fs::hard_link(source, target).is_ok()
}

/// Copies a file with its time of modification, by which cargo decides what is fresh.
///
/// # Errors
///
/// `source` cannot be read, or `target` cannot be written.
pub(crate) fn copy_with_time(source: &Path, target: &Path) -> io::Result<()> {
    fs::copy(source, target)?;
    let modified = fs::metadata(source)?.modified()?;
    fs::File::options().write(true).open(target)?.set_modified(modified)
}

/// Replaces a file in one step. A process that reads the old file, or has a hard link to it, keeps the old content.
///
/// # Errors
///
/// The directory cannot be created, or the file cannot be written.
pub(crate) fn replace(file: &Path, content: &[u8]) -> io::Result<()> {
    let directory = file.parent().unwrap_or(file);
    fs::create_dir_all(directory)?;
    let mut aside = tempfile::Builder::new().prefix("new-").tempfile_in(directory)?;
    aside.write_all(content)?;
    aside.persist(file)?;
    Ok(())
}

/// Gives a directory its final name, once all of its content is on the disk: after a power loss, a directory of that name
/// is whole, or [`is_whole`] says that it is not.
///
/// # Errors
///
/// The directory cannot be read or renamed, for example because there is another one of that name, or the disk is full.
pub(crate) fn keep_directory(aside: &Path, kept: &Path) -> io::Result<()> {
    let mut contents = String::new();
    for (file, bytes) in files_in(aside, Path::new(""))? {
        contents += &format!("{bytes}\t{}\n", file.display());
    }
    fs::write(aside.join(CONTENTS), contents)?;
    // One call for all files, which may be a thousand.
    rustix::fs::syncfs(File::open(aside)?)?;
    fs::rename(aside, kept)?;
    File::open(kept.parent().unwrap_or(kept))?.sync_all()
}

/// Returns whether a directory has all the files with which [`keep_directory`] has kept it, by their lengths.
pub(crate) fn is_whole(directory: &Path) -> bool {
    let has = |line: &str| {
        let (bytes, file) = line.split_once('\t')?;
        Some(fs::metadata(directory.join(file)).ok()?.len() == bytes.parse::<u64>().ok()?)
    };
    let contents = fs::read_to_string(directory.join(CONTENTS)).unwrap_or_default();
    !contents.is_empty() && contents.lines().all(|line| has(line) == Some(true))
}

/// Lists the regular files below a directory, by their paths relative to it, with their lengths.
fn files_in(directory: &Path, relative: &Path) -> io::Result<Vec<(PathBuf, u64)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory.join(relative))? {
        let entry = entry?;
        let (path, metadata) = (relative.join(entry.file_name()), entry.metadata()?);
        if metadata.is_dir() {
            found.extend(files_in(directory, &path)?);
        } else if metadata.is_file() {
            found.push((path, metadata.len()));
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::MetadataExt;

    #[test]
    fn a_clone_shares_compiler_output_and_copies_the_rest() {
        let parent = tempfile::tempdir().unwrap();
        let [from, to] = ["from", "to"].map(|name| parent.path().join(name));
        fs::create_dir_all(from.join("deps")).unwrap();
        for name in ["deps/libhex.rlib", "deps/hex.d"] {
            fs::write(from.join(name), "content").unwrap();
        }
        clone_directory(&from, &to).unwrap();
        let metadata = |directory: &Path, name: &str| fs::metadata(directory.join(name)).unwrap();
        for (name, is_shared) in [("deps/libhex.rlib", true), ("deps/hex.d", false)] {
            let (original, clone) = (metadata(&from, name), metadata(&to, name));
            assert_eq!(original.ino() == clone.ino(), is_shared, "{name}");
            assert_eq!(original.modified().unwrap(), clone.modified().unwrap(), "{name}");
        }
    }

    #[test]
    fn a_directory_that_lost_a_part_of_its_content_is_not_whole() {
        let parent = tempfile::tempdir().unwrap();
        let keep = || {
            let [aside, kept] = ["aside", "kept"].map(|name| parent.path().join(name));
            let _ = fs::remove_dir_all(&kept);
            fs::create_dir_all(aside.join("deps")).unwrap();
            fs::write(aside.join("deps/libhex.rlib"), "content").unwrap();
            fs::write(aside.join("empty"), "").unwrap();
            keep_directory(&aside, &kept).unwrap();
            kept
        };
        let library = |kept: &Path| kept.join("deps/libhex.rlib");
        assert!(is_whole(&keep()));
        let kept = keep();
        fs::write(library(&kept), "cont").unwrap();
        assert!(!is_whole(&kept), "cut");
        let kept = keep();
        fs::remove_file(kept.join("empty")).unwrap();
        assert!(!is_whole(&kept), "without a file");
        let kept = keep();
        fs::write(kept.join(CONTENTS), "").unwrap();
        assert!(!is_whole(&kept), "without its list");
        assert!(!is_whole(&parent.path().join("missing")));
    }

    #[test]
    fn a_replaced_file_keeps_its_content_under_other_links() {
        let directory = tempfile::tempdir().unwrap();
        let [file, link] = ["file", "link"].map(|name| directory.path().join(name));
        replace(&file, b"old").unwrap();
        fs::hard_link(&file, &link).unwrap();
        replace(&file, b"new").unwrap();
        assert_eq!(fs::read_to_string(file).unwrap(), "new");
        assert_eq!(fs::read_to_string(link).unwrap(), "old");
    }
}
