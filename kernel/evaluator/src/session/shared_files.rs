//! Operations on files that several sessions share by hard links, or that another process may be reading.
//!
//! A session is a clone of the template, so its files may have the same content on disk as those of other sessions.
//! Compiler output is linked, since rustc and the linker replace their output files and never write in place. Every
//! other file is copied.

use std::{
    fs,
    io::{self, Write},
    path::Path,
};

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
