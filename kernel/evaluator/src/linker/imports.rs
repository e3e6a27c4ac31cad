//! Imports symbols that libraries of earlier cells define, in place of the cell's own definitions.

use crate::linker::{elf, link_line::LinkLine};
use anyhow::{Context, Result};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// Makes the symbols in `imports` undefined in the objects of a link line, and links the libraries that define them.
/// Changed copies of objects are written to the directory `copies`.
///
/// # Errors
///
/// An object cannot be read, is of an unknown form, or cannot be copied.
pub(super) fn import(line: &mut LinkLine, imports: &BTreeMap<String, PathBuf>, copies: &Path) -> Result<()> {
    let mut libraries = BTreeSet::new();
    for (number, object) in line.objects().iter().enumerate() {
        let name = || object.display();
        let content = fs::read(object).with_context(|| format!("cannot read {}", name()))?;
        let changed = elf::without_definitions(&content, |symbol| imports.contains_key(symbol));
        let Some((copy, undefined)) = changed.with_context(|| format!("cannot read {}", name()))? else {
            continue;
        };
        let path = copies.join(format!("{number}.o"));
        fs::write(&path, copy).with_context(|| format!("cannot write {}", path.display()))?;
        line.replace(object, &path);
        libraries.extend(undefined.iter().filter_map(|symbol| imports.get(symbol)));
    }
    if !libraries.is_empty() {
        line.allow_undefined_exports();
    }
    libraries.into_iter().for_each(|library| line.add_library(library));
    Ok(())
}
