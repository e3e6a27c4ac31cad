//! The tree in which rustc finds the source of the cells beside the files of the notebook's directory.
//!
//! `mod helpers;` and `include_str!("data.csv")` mean files beside the file that names them. The source of the cells
//! lies in the session directory, and nothing of it may be written beside the notebook. So rustc reads the source in a
//! tree of the session that stands for the whole file system. In the place of the notebook's directory, the tree has a
//! directory with the source and with links to those files of the notebook that rustc has asked for: if rustc misses a
//! file that exists beside the notebook, the wrapper adds a link and runs rustc again. So any relative path leads where
//! it would lead from the notebook's directory, however a macro makes the path.
//!
//! Beside the notebook's directory lie directories for the parts of cells, one for the first part of each cell, one for
//! the second part, and so on. So all parts of a cell have files of the same name, `cell [7]`, and by that name
//! compiled code knows them.

use crate::session::files;
use serde_json::Value;
use std::{
    ffi::{OsStr, OsString},
    fs, io,
    ops::Range,
    os::unix::fs::symlink,
    path::{Component, Path, PathBuf},
};

/// The name of the source. Compiled code has it in the places of code that has no place in a cell.
const SOURCE: &str = "cell";
/// Begins the name of a directory for parts of cells; a number follows.
const PARTS: &str = ".mosaic-part-";
/// The least number of directories for parts that rustc is told. It rarely changes, since incremental compilation
/// starts anew when rustc's options change.
const LEAST_PARTS: usize = 32;
/// The paths that compiled code has are changed, and those in rustc's messages are not.
const REMAPPED: &str = "--remap-path-scope=object";

/// The tree of one session.
#[derive(Debug)]
pub(super) struct SourceTree {
    /// Stands for the root of the file system.
    root: PathBuf,
    /// Stands for the notebook's directory.
    directory: PathBuf,
    /// The notebook's directory.
    notebook: PathBuf,
}

impl SourceTree {
    /// Returns the tree of a session, with the source in it. Returns `None` for a session without a notebook.
    ///
    /// # Errors
    ///
    /// The session directory cannot be written to.
    pub(super) fn of(session: &Path) -> io::Result<Option<SourceTree>> {
        let Some(notebook) = files::NOTEBOOK_DIRECTORY.read(session) else {
            return Ok(None);
        };
        let notebook = PathBuf::from(notebook);
        let root = files::BESIDE.path(session);
        let below: PathBuf = notebook.components().skip(1).collect();
        let tree = SourceTree {
            directory: root.join(below),
            root,
            notebook,
        };
        let source = tree.source();
        if fs::symlink_metadata(&source).is_err() {
            fs::create_dir_all(&tree.directory)?;
            symlink(files::CELL_SOURCE.path(session), source)?;
        }
        Ok(Some(tree))
    }

    /// Returns the path of the source.
    pub(super) fn source(&self) -> PathBuf {
        self.directory.join(SOURCE)
    }

    /// Returns the notebook's directory.
    pub(super) fn notebook(&self) -> &Path {
        &self.notebook
    }

    /// Writes a part of a cell, unless it is there already. Returns the path of the file.
    ///
    /// # Errors
    ///
    /// The file cannot be written.
    pub(super) fn write_part(&self, part: usize, cell: &str, content: &str) -> io::Result<PathBuf> {
        let directory = self.parts(part);
        let file = directory.join(cell);
        if !fs::read(&file).is_ok_and(|it| it == content.as_bytes()) {
            fs::create_dir_all(&directory)?;
            fs::write(&file, content)?;
        }
        Ok(file)
    }

    /// Returns the options by which compiled code has the user's paths. `parts` is the number of parts of the cell that
    /// has the most.
    pub(super) fn options(&self, parts: usize) -> Vec<OsString> {
        let remapped = |from: &Path, to: &str| {
            let mut option = OsString::from("--remap-path-prefix=");
            option.push(from);
            option.push("=");
            option.push(to);
            option
        };
        let parts = 0..parts.next_power_of_two().max(LEAST_PARTS);
        let mut options = vec![
            REMAPPED.into(),
            remapped(&self.root, "/"),
            remapped(&self.directory, ""),
        ];
        options.extend(parts.map(|part| remapped(&self.parts(part), "")));
        options
    }

    /// Adds the files that rustc misses and that exist beside the notebook. Returns whether there were any.
    pub(super) fn link_missing(&self, messages: &[String]) -> bool {
        let messages = messages.iter().filter_map(|line| serde_json::from_str(line).ok());
        let mut paths = Vec::new();
        for message in messages {
            self.find_paths(&message, &mut paths);
        }
        paths.into_iter().filter(|path| self.link(path)).count() > 0
    }

    /// Finds the paths in the tree that the texts of a message name.
    fn find_paths(&self, message: &Value, found: &mut Vec<PathBuf>) {
        let root = self.root.to_string_lossy();
        let text = message["message"].as_str().unwrap_or_default();
        for (at, _) in text.match_indices(&*root) {
            let end = text[at..].find(['`', '"']).map_or(text.len(), |length| at + length);
            found.push(PathBuf::from(&text[at..end]));
        }
        let notes = message["children"].as_array().into_iter().flatten();
        notes.for_each(|note| self.find_paths(note, found));
    }

    /// Adds a link to the first directory or file on a path that the tree does not have. Returns whether there is one to
    /// link to.
    fn link(&self, path: &Path) -> bool {
        let Ok(below) = path.strip_prefix(&self.root) else {
            return false;
        };
        let (mut here, mut there) = (self.root.clone(), PathBuf::from("/"));
        for component in below.components() {
            match component {
                Component::ParentDir => {
                    here.pop();
                    there.pop();
                }
                Component::Normal(name) => {
                    here.push(name);
                    there.push(name);
                    if is_of_parts(name) {
                        there.clone_from(&self.notebook);
                    }
                    match fs::symlink_metadata(&here) {
                        Ok(it) if it.is_dir() => {}
                        // Behind a link lie the user's own files.
                        Ok(it) if it.is_symlink() => return false,
                        Ok(_) => return false,
                        Err(_) => return self.add(&here, &there),
                    }
                }
                _ => {}
            }
        }
        false
    }

    /// Adds a link to a file or directory, if that exists. A module's directory is linked with the module's file.
    fn add(&self, here: &Path, there: &Path) -> bool {
        let exists = there.exists();
        if exists {
            let module = [here, there].map(|it| it.with_extension(""));
            let is_module = there.extension() == Some(OsStr::new("rs")) && module[1].is_dir();
            let links = [(here, there), (&module[0], &module[1])];
            for (link, target) in links.into_iter().take(if is_module { 2 } else { 1 }) {
                self.link_everywhere(link, target);
            }
        }
        exists
    }

    /// Adds a link, and the same link in all directories that stand for the notebook's.
    fn link_everywhere(&self, link: &Path, target: &Path) {
        let _ = symlink(target, link);
        let (Some(directory), Some(name)) = (link.parent(), link.file_name()) else {
            return;
        };
        if directory != self.directory && !directory.file_name().is_some_and(is_of_parts) {
            return;
        }
        let existing = (0..).map(|part| self.parts(part)).take_while(|it| it.is_dir());
        for directory in existing.chain([self.directory.clone()]) {
            let _ = symlink(target, directory.join(name));
        }
    }

    /// Reports whether a path of rustc's leads to a file of the user's.
    pub(super) fn is_file_of_notebook(&self, path: &str) -> bool {
        Path::new(path).starts_with(&self.root)
    }

    /// Finds the line of the source that names a file of the user's, or a module in whose directory the file is.
    pub(super) fn line_that_names(&self, file: &Path) -> Option<SourceLine> {
        let text = fs::read_to_string(self.source()).ok()?;
        let below = file.ancestors().take_while(|it| **it != self.directory);
        let names = below.filter_map(|it| Some((it.file_name()?.to_str()?, it.file_stem()?.to_str()?)));
        names.into_iter().find_map(|(name, stem)| line_with(&text, name, stem))
    }

    /// Writes the paths in a text of rustc's as paths from the notebook's directory.
    pub(super) fn as_written(&self, text: &str) -> String {
        let root = self.root.to_string_lossy();
        if !text.contains(&*root) {
            return text.to_owned();
        }
        let here = format!("{}/", self.directory.display());
        let parts = self.parts(0).display().to_string();
        let parts = parts.trim_end_matches('0');
        let mut written = text.replace(&here, "");
        while let Some(at) = written.find(parts) {
            let rest = written[at + parts.len()..].trim_start_matches(|c: char| c.is_ascii_digit());
            let rest = rest.strip_prefix('/').unwrap_or(rest).to_owned();
            written.truncate(at);
            written += &rest;
        }
        written.replace(&format!("{root}/"), "/")
    }

    /// Returns the directory for the parts of a number. It lies beside the one that stands for the notebook's, so that
    /// `..` leads to the same directory from both.
    fn parts(&self, part: usize) -> PathBuf {
        let name = format!("{PARTS}{part}");
        // Above the root of the file system is the root itself.
        let is_root = self.directory == self.root;
        if is_root {
            self.root.join(name)
        } else {
            self.directory.with_file_name(name)
        }
    }
}

/// Finds the line that names a file, by its name in quotes or by the name of its module.
fn line_with(text: &str, name: &str, stem: &str) -> Option<SourceLine> {
    let (quoted, module) = (format!("{name}\""), format!("mod {stem};"));
    let mut bytes = 0..0;
    for (number, line) in (1..).zip(text.split('\n')) {
        bytes = bytes.end..bytes.end + line.len();
        if line.contains(&module) || line.contains(&quoted) {
            return Some(SourceLine {
                number,
                bytes,
                length: line.chars().count(),
            });
        }
        bytes.end += 1;
    }
    None
}

/// A line of the source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SourceLine {
    /// The number, from 1.
    pub(super) number: usize,
    pub(super) bytes: Range<usize>,
    /// The length in characters.
    pub(super) length: usize,
}

fn is_of_parts(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(PARTS.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// A session, and a notebook's directory `work/book` in a directory of its own.
    fn tree(directory: &Path) -> SourceTree {
        let notebook = directory.join("work/book");
        fs::create_dir_all(&notebook).unwrap();
        tree_of(directory, &notebook)
    }

    fn tree_of(directory: &Path, notebook: &Path) -> SourceTree {
        let session = directory.join("session");
        fs::create_dir_all(&session).unwrap();
        let path = notebook.to_str().unwrap();
        files::NOTEBOOK_DIRECTORY.write(&session, path).unwrap();
        SourceTree::of(&session).unwrap().unwrap()
    }

    fn missing(path: &Path) -> Vec<String> {
        let text = format!("couldn't read `{}`: No such file", path.display());
        vec![json!({ "message": text }).to_string()]
    }

    #[test]
    fn a_session_without_a_notebook_has_no_tree() {
        let session = tempfile::tempdir().unwrap();
        assert!(SourceTree::of(session.path()).unwrap().is_none());
    }

    #[test]
    fn a_missing_file_is_linked_where_the_path_leads_from_the_notebook() {
        let parent = tempfile::tempdir().unwrap();
        let tree = tree(parent.path());
        let work = parent.path().join("work");
        fs::create_dir_all(work.join("book/deep/er")).unwrap();
        fs::create_dir_all(work.join("data")).unwrap();
        for file in ["book/a.txt", "book/deep/er/b.txt", "data/c.txt", "book/m.rs"] {
            fs::write(work.join(file), file).unwrap();
        }
        fs::create_dir(work.join("book/m")).unwrap();
        let part = tree.write_part(3, "cell [7]", "x").unwrap();
        for (path, content) in [
            ("a.txt", "book/a.txt"),
            ("deep/er/b.txt", "book/deep/er/b.txt"),
            ("../data/c.txt", "data/c.txt"),
            ("../book/a.txt", "book/a.txt"),
            ("deep/../a.txt", "book/a.txt"),
            ("m.rs", "book/m.rs"),
        ] {
            for directory in [tree.directory.clone(), part.parent().unwrap().to_owned()] {
                let path = directory.join(path);
                if !path.exists() {
                    assert!(tree.link_missing(&missing(&path)), "{}", path.display());
                }
                assert_eq!(fs::read_to_string(&path).unwrap(), content, "{}", path.display());
            }
        }
        assert!(tree.directory.join("m").is_dir());
        for path in ["nowhere.txt", "deep/nowhere.txt", "../nowhere/x", "a.txt"] {
            assert!(!tree.link_missing(&missing(&tree.directory.join(path))), "{path}");
        }
        assert!(!tree.link_missing(&[String::from("no JSON"), "{}".into()]));
    }

    #[test]
    fn a_notebook_may_lie_in_the_root() {
        let parent = tempfile::tempdir().unwrap();
        let tree = tree_of(parent.path(), Path::new("/"));
        let part = tree.write_part(0, "cell [7]", "x").unwrap();
        for path in ["etc/passwd", "../etc/passwd"] {
            let path = part.with_file_name(path);
            assert!(
                path.exists() || tree.link_missing(&missing(&path)),
                "{}",
                path.display()
            );
            assert!(path.exists());
        }
    }

    #[test]
    fn a_link_is_in_all_directories_that_stand_for_the_notebooks() {
        let parent = tempfile::tempdir().unwrap();
        let tree = tree(parent.path());
        let parts = [0, 1].map(|part| tree.write_part(part, "cell [7]", "x").unwrap());
        fs::write(parent.path().join("work/book/a.txt"), "a").unwrap();
        assert!(tree.link_missing(&missing(&parts[1].with_file_name("a.txt"))));
        for directory in [&tree.source(), &parts[0], &parts[1]] {
            assert!(directory.with_file_name("a.txt").exists());
        }
    }

    #[test]
    fn the_line_that_names_a_file_is_found() {
        let parent = tempfile::tempdir().unwrap();
        let tree = tree(parent.path());
        fs::create_dir_all(parent.path().join("session/src")).unwrap();
        fs::write(tree.source(), "use a;\nmod b;\n#[path = \"x/c.rs\"] mod d;\n").unwrap();
        for (file, line) in [("b.rs", 2), ("b/mod.rs", 2), ("b/inner.rs", 2), ("x/c.rs", 3)] {
            let found = tree.line_that_names(&tree.directory.join(file));
            assert_eq!(found.map(|it| it.number), Some(line), "{file}");
        }
        assert_eq!(tree.line_that_names(&tree.directory.join("other.rs")), None);
        let line = tree.line_that_names(&tree.directory.join("b.rs")).unwrap();
        assert_eq!((line.bytes, line.length), (7..13, 6));
    }

    #[test]
    fn paths_are_those_of_the_user() {
        let parent = tempfile::tempdir().unwrap();
        let tree = tree(parent.path());
        let part = tree.parts(12).join("../data/x.rs").display().to_string();
        let beside = tree.directory.join("x.rs").display().to_string();
        let above = tree.root.join("etc/x.rs").display().to_string();
        let text = format!("`{part}` \"{beside}\" {above} {part} other");
        assert_eq!(
            tree.as_written(&text),
            "`../data/x.rs` \"x.rs\" /etc/x.rs ../data/x.rs other"
        );
    }
}
