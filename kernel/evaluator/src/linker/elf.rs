//! Symbols of objects and libraries in the format ELF, for 64 bits and little endian.

use anyhow::Result;
use object::{
    LittleEndian, SymbolIndex,
    elf::{FileHeader64, SHN_UNDEF, SHT_DYNSYM, SHT_SYMTAB, STB_LOCAL, Sym64},
    pod,
    read::elf::{FileHeader, SectionHeader, Sym, SymbolTable},
};
use std::mem;

type Header = FileHeader64<LittleEndian>;
pub(super) const ENDIAN: LittleEndian = LittleEndian;

/// Makes symbols that an object defines undefined, so that they are imported. Returns the changed object and the names
/// of these symbols, or `None` if the object defines none of them.
///
/// # Errors
///
/// The object is not of this format.
pub(super) fn without_definitions(
    object: &[u8],
    is_imported: impl Fn(&str) -> bool,
) -> Result<Option<(Vec<u8>, Vec<String>)>> {
    let defined: Vec<(SymbolIndex, String)> = {
        let symbols = symbols(object, SHT_SYMTAB)?;
        let defined = definitions(&symbols);
        defined.filter(|(_, name)| is_imported(name)).collect()
    };
    if defined.is_empty() {
        return Ok(None);
    }
    let header = Header::parse(object)?;
    let sections = header.sections(ENDIAN, object)?;
    let table = sections.section(symbols(object, SHT_SYMTAB)?.section())?;
    let table_begins = usize::try_from(table.sh_offset(ENDIAN))?;
    let mut changed = object.to_vec();
    let mut names = Vec::new();
    for (index, name) in defined {
        let at = table_begins + index.0 * mem::size_of::<Sym64<LittleEndian>>();
        let (symbol, _) = pod::from_bytes_mut::<Sym64<LittleEndian>>(&mut changed[at..])
            .map_err(|()| anyhow::anyhow!("the symbol table is cut off"))?;
        symbol.st_shndx.set(ENDIAN, SHN_UNDEF);
        symbol.st_value.set(ENDIAN, 0);
        symbol.st_size.set(ENDIAN, 0);
        names.push(name);
    }
    Ok(Some((changed, names)))
}

/// Returns the names of the symbols that a dynamic library defines for others.
///
/// # Errors
///
/// The library is not of this format.
pub(crate) fn exported_symbols(library: &[u8]) -> Result<Vec<String>> {
    let symbols = symbols(library, SHT_DYNSYM)?;
    Ok(definitions(&symbols).map(|(_, name)| name).collect())
}

fn symbols(file: &[u8], kind: u32) -> Result<SymbolTable<'_, Header>> {
    let sections = Header::parse(file)?.sections(ENDIAN, file)?;
    Ok(sections.symbols(ENDIAN, file, kind)?)
}

/// Yields the symbols that are defined and seen from outside.
fn definitions<'a>(symbols: &SymbolTable<'a, Header>) -> impl Iterator<Item = (SymbolIndex, String)> {
    let visible = symbols
        .enumerate()
        .filter(|(_, symbol)| symbol.st_bind() != STB_LOCAL && symbol.st_shndx(ENDIAN) != SHN_UNDEF);
    let strings = symbols.strings();
    visible.filter_map(move |(index, symbol)| {
        let name = symbol.name(ENDIAN, strings).ok()?;
        Some((index, String::from_utf8(name.to_vec()).ok()?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{fs, path::Path, process::Command};

    const SOURCE: &str = "
        use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
        #[unsafe(export_name = \"shared_one\")] static ONE: AtomicU64 = AtomicU64::new(1);
        #[unsafe(export_name = \"shared_two\")] static TWO: AtomicU64 = AtomicU64::new(2);
        #[unsafe(no_mangle)] pub extern \"C\" fn next() -> u64 { ONE.fetch_add(1, Relaxed) + TWO.fetch_add(1, Relaxed) }
    ";

    /// Compiles [`SOURCE`] to a file.
    fn compile(directory: &Path, file: &str, options: &[&str]) -> Vec<u8> {
        let (source, output) = (directory.join("source.rs"), directory.join(file));
        fs::write(&source, SOURCE).unwrap();
        let mut rustc = Command::new("rustc");
        rustc.args(["--crate-name", "ctx", "--crate-type", "cdylib", "-Cprefer-dynamic"]);
        let status = rustc
            .args(options)
            .arg("-o")
            .arg(&output)
            .arg(&source)
            .status()
            .unwrap();
        assert!(status.success());
        fs::read(output).unwrap()
    }

    fn defined(file: &[u8], kind: u32) -> Vec<String> {
        let mut names: Vec<String> = definitions(&symbols(file, kind).unwrap())
            .map(|(_, name)| name)
            .collect();
        names.retain(|name| name.starts_with("shared_") || name == "next");
        names.sort_unstable();
        names
    }

    #[test]
    fn chosen_symbols_become_undefined_and_nothing_else_changes() {
        let directory = tempfile::tempdir().unwrap();
        let options = ["--emit=obj", "-Ccodegen-units=1", "-Copt-level=2"];
        let object = compile(directory.path(), "object.o", &options);
        assert_eq!(defined(&object, SHT_SYMTAB), ["next", "shared_one", "shared_two"]);
        let (changed, names) = without_definitions(&object, |name| name == "shared_one")
            .unwrap()
            .unwrap();
        assert_eq!(names, ["shared_one"]);
        assert_eq!(defined(&changed, SHT_SYMTAB), ["next", "shared_two"]);
        let differences = object.iter().zip(&changed).filter(|(before, after)| before != after);
        assert!(differences.count() <= mem::size_of::<Sym64<LittleEndian>>());
        assert_eq!(object.len(), changed.len());
        assert!(without_definitions(&object, |_| false).unwrap().is_none());
        assert!(
            without_definitions(&changed, |name| name == "shared_one")
                .unwrap()
                .is_none()
        );
    }

    #[test]
    fn a_library_tells_what_it_exports() {
        let directory = tempfile::tempdir().unwrap();
        let mut exported = exported_symbols(&compile(directory.path(), "library.so", &[])).unwrap();
        exported.retain(|name| name.starts_with("shared_") || name == "next");
        exported.sort_unstable();
        assert_eq!(exported, ["next", "shared_one", "shared_two"]);
    }

    #[test]
    fn other_files_are_refused() {
        for content in ["", "BC\u{0}", "\u{7f}ELF"] {
            assert!(
                without_definitions(content.as_bytes(), |_| true).is_err(),
                "{content:?}"
            );
            assert!(exported_symbols(content.as_bytes()).is_err(), "{content:?}");
        }
    }
}
