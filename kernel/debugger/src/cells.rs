//! The files by which clients know cells, and the names by which the debug information knows them.
//!
//! A client names a cell by a file: a prefix, the hash of the cell's code, and a suffix. The same code has the same
//! file, however often it is executed. The debug information names a cell by its number, as panics do: `cell [3]`. So
//! one file may stand for several names, and each name stands for one file.

use crate::murmur2::murmur2;
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

/// The seed of the hash. Any number would do.
pub(crate) const SEED: u32 = 0xc70f_6907;
/// Ends the file of a cell.
pub(crate) const SUFFIX: &str = ".rs";

/// The cells that the debugger knows.
#[derive(Debug)]
pub(crate) struct Cells {
    /// The directory of the files.
    directory: PathBuf,
    /// The code of each file.
    codes: BTreeMap<String, String>,
    /// The file of each name.
    files: BTreeMap<String, String>,
}

impl Cells {
    /// Makes an empty list. Files are in `directory`.
    pub(crate) fn new(directory: PathBuf) -> Cells {
        Cells {
            directory,
            codes: BTreeMap::new(),
            files: BTreeMap::new(),
        }
    }

    /// Returns the directory of the files.
    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Returns what stands before the hash in the name of a file.
    pub(crate) fn prefix(&self) -> String {
        format!("{}/", self.directory.display())
    }

    /// Notes the code of a cell, and returns its file.
    pub(crate) fn add(&mut self, code: &str) -> String {
        let file = format!("{}{}{SUFFIX}", self.prefix(), murmur2(code, SEED));
        self.codes.insert(file.clone(), code.to_owned());
        file
    }

    /// Notes that a cell is about to be executed under a name, and returns its file.
    pub(crate) fn execute(&mut self, name: String, code: &str) -> String {
        let file = self.add(code);
        self.files.insert(name, file.clone());
        file
    }

    /// Returns the code of a file.
    pub(crate) fn code(&self, file: &str) -> Option<&str> {
        self.codes.get(file).map(String::as_str)
    }

    /// Returns the file of a place in the debug information, if it is in a cell.
    pub(crate) fn file(&self, path: &str) -> Option<&str> {
        let name = path.rsplit('/').next()?;
        self.files.get(name).map(String::as_str)
    }

    /// Yields the names under which cells were executed, with their files.
    pub(crate) fn executed(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files.iter().map(|(name, file)| (name.as_str(), file.as_str()))
    }
}

/// Returns the name of a cell in the debug information. `number` is absent for a cell that is not counted.
pub(crate) fn name(number: Option<u32>) -> String {
    number.map_or_else(|| "cell".to_owned(), |number| format!("cell [{number}]"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_stands_for_all_cells_with_its_code() {
        let mut cells = Cells::new("/run/x".into());
        let file = cells.add("let x = 1;\nx + 1");
        assert_eq!(file, "/run/x/1337468207.rs");
        for number in [1, 3] {
            assert_eq!(cells.execute(name(Some(number)), "let x = 1;\nx + 1"), file);
        }
        let other = cells.execute(name(Some(2)), "2");
        for (path, expected) in [
            ("/home/user/cell [1]", Some(&file)),
            ("cell [3]", Some(&file)),
            ("/cell [2]", Some(&other)),
            ("/home/user/cell [4]", None),
            ("/home/user/lib.rs", None),
        ] {
            assert_eq!(cells.file(path), expected.map(String::as_str), "{path}");
        }
        assert_eq!(cells.code(&other), Some("2"));
    }
}
