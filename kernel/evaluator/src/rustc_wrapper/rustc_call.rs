//! The arguments that cargo gives rustc: what they say, and what becomes of them.

use crate::session::{environment, files, settings::Settings};
use anyhow::{Context, Result};
use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    fs, io,
    path::{Path, PathBuf},
    time::UNIX_EPOCH,
};

/// The crate that evcxr compiles for each cell.
const CELL_CRATE: &str = "ctx";

/// Whether there is to be a library, and not only a check.
pub(super) fn is_built(arguments: &[OsString]) -> bool {
    arguments.iter().any(|argument| {
        argument.to_string_lossy().starts_with("--emit=") && argument.to_string_lossy().contains("link")
    })
}

/// The crates that the cell links, each with what tells its build from others: its file, and when that was written.
pub(super) fn crates(arguments: &[OsString]) -> BTreeMap<String, String> {
    let externs = arguments.windows(2).filter(|pair| pair[0] == "--extern");
    let found = externs.filter_map(|pair| {
        let (name, path) = pair[1].to_str()?.split_once('=')?;
        let name = name.rsplit(':').next()?;
        let file = Path::new(path).file_name()?.to_string_lossy();
        let written = fs::metadata(path).and_then(|it| it.modified()).ok();
        let written = written
            .and_then(|it| it.duration_since(UNIX_EPOCH).ok())
            .unwrap_or_default();
        Some((name.to_owned(), format!("{file}@{}", written.as_nanos())))
    });
    found.collect()
}

pub(super) fn crate_name(arguments: &[OsString]) -> Option<&OsStr> {
    let name = arguments.iter().position(|argument| argument == "--crate-name")?;
    arguments.get(name + 1).map(OsString::as_os_str)
}

/// `TypeId` depends on the crate's metadata, which cargo changes with every dependency.
pub(super) fn with_constant_metadata(mut arguments: Vec<OsString>) -> Vec<OsString> {
    for argument in &mut arguments {
        if argument.as_encoded_bytes().starts_with(b"metadata=") {
            *argument = "metadata=mosaic".into();
        }
    }
    arguments
}

/// A library that cargo gives the same file name in every build. The dynamic linker takes one that is loaded already for
/// all libraries of its name, so each build has a name of its own beside that.
pub(super) struct DynamicLibrary {
    path: PathBuf,
    own_name: String,
}

pub(super) fn dynamic_library(arguments: &[OsString]) -> Option<DynamicLibrary> {
    let after = |flag: &str| {
        let at = arguments.iter().position(|argument| argument == flag)?;
        arguments.get(at + 1)?.to_str()
    };
    let codegen = |name: &str| {
        arguments
            .iter()
            .find_map(|argument| argument.to_str()?.strip_prefix(name))
    };
    if after("--crate-type")? != "dylib" || codegen("extra-filename=").is_some() {
        return None;
    }
    let name = after("--crate-name")?;
    let metadata = codegen("metadata=")?;
    let file = |name: &str| format!("{}{name}{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    Some(DynamicLibrary {
        path: Path::new(after("--out-dir")?).join(file(name)),
        own_name: file(&format!("{name}-{metadata}")),
    })
}

impl DynamicLibrary {
    pub(super) fn link_argument(&self) -> OsString {
        format!("link-arg=-Wl,-soname,{}", self.own_name).into()
    }

    pub(super) fn name_for_itself(&self) -> Result<()> {
        let own = self.path.with_file_name(&self.own_name);
        let _ = fs::remove_file(&own);
        match fs::hard_link(&self.path, &own) {
            // Checked only, and not built.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other.with_context(|| format!("cannot name {}", own.display())),
        }
    }
}

/// The source of the cell, if it is a cell that is compiled.
pub(super) fn cell_source(arguments: &[OsString]) -> Option<&Path> {
    if crate_name(arguments)? != CELL_CRATE {
        return None;
    }
    arguments
        .iter()
        .map(Path::new)
        .find(|path| path.ends_with(files::CELL_SOURCE.name()))
}

/// Where rustc writes the cell's library.
pub(super) fn cell_library(arguments: &[OsString]) -> Option<PathBuf> {
    cell_source(arguments)?;
    let directory = arguments.iter().position(|argument| argument == "--out-dir")?;
    let name = format!(
        "{}{CELL_CRATE}{}",
        std::env::consts::DLL_PREFIX,
        std::env::consts::DLL_SUFFIX
    );
    Some(Path::new(arguments.get(directory + 1)?).join(name))
}

/// A cell is compiled once: files for the next compilation cost more than they bring, if it is not `long`, and so does
/// more than one unit.
pub(super) fn quick(arguments: &[OsString], settings: &Settings, long: bool) -> Vec<OsString> {
    let mut quick = with_constant_metadata(arguments.to_vec());
    if environment::is_fast() && !long {
        quick = without_codegen(quick, &["incremental=", "codegen-units="]);
        quick.extend(["-C".into(), "codegen-units=1".into()]);
    }
    if let Some(level) = &settings.opt_level {
        quick.extend(["-C".into(), format!("opt-level={level}").into()]);
    }
    quick
}

/// Arguments without the options `-C` that begin so.
pub(super) fn without_codegen(arguments: Vec<OsString>, options: &[&str]) -> Vec<OsString> {
    let mut kept: Vec<OsString> = Vec::with_capacity(arguments.len());
    for argument in arguments {
        let text = argument.to_string_lossy();
        if options.iter().any(|option| text.starts_with(option)) {
            kept.pop_if(|flag| flag == "-C");
        } else {
            kept.push(argument);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_cells_own_crate_is_touched() {
        let arguments = |name: &str| ["--crate-name", name, "--edition=2024", "src/lib.rs"].map(OsString::from);
        assert!(cell_source(&arguments("ctx")).is_some());
        assert!(cell_source(&arguments("serde")).is_none());
    }

    #[test]
    fn a_short_cell_is_compiled_in_one_unit_without_incremental_files() {
        let split = |text: &str| -> Vec<OsString> { text.split(' ').map(OsString::from).collect() };
        let arguments =
            split("-C opt-level=2 -C codegen-units=16 -C incremental=/x -C rpath -C metadata=0123456789abcdef");
        for (long, expected) in [
            (false, "-C opt-level=2 -C rpath -C metadata=mosaic -C codegen-units=1"),
            (
                true,
                "-C opt-level=2 -C codegen-units=16 -C incremental=/x -C rpath -C metadata=mosaic",
            ),
        ] {
            assert_eq!(quick(&arguments, &Settings::default(), long), split(expected));
        }
    }
}
