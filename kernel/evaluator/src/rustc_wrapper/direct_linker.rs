//! The linker that rustc runs for a cell without a C compiler between them.
//!
//! `cc` starts two more programs before the linker and adds the C runtime's start files. A cell needs neither, so rustc
//! runs the linker of its own toolchain. All that `cc` is asked, once in a session, is where the system's libraries are.

use crate::{
    rustc_wrapper::rustc_call::RustcCall,
    session::{
        environment,
        files::{self, DirectLinker},
        sysroot,
    },
};
use anyhow::{Context, Result};
use std::{
    env::{self, consts::ARCH},
    path::{Path, PathBuf},
    process::Command,
};

/// Whether rustc's options for its own linker are as this module expects.
const IS_SUPPORTED: bool = cfg!(all(target_os = "linux", target_env = "gnu", target_arch = "x86_64"));
/// Begins the line in which a C compiler lists the directories of libraries.
const LIBRARIES: &str = "libraries: =";

/// Returns the linker for a cell of a session, unless there is none or the user has chosen how to link.
///
/// # Errors
///
/// The session's directory cannot be written to.
pub(super) fn of_call(session: &Path, rustc: &Path, call: &RustcCall) -> Result<Option<DirectLinker>> {
    if !IS_SUPPORTED || !environment::is_fast() || call.chooses_linking() {
        return Ok(None);
    }
    if let Some(known) = files::DIRECT_LINKER.read(session) {
        return Ok(known);
    }
    let found = find(rustc);
    write(session, &found)?;
    Ok(found)
}

/// Has the cells of a session be linked by the C compiler from now on.
///
/// # Errors
///
/// The session's directory cannot be written to.
pub(super) fn give_up(session: &Path) -> Result<()> {
    write(session, &None)
}

fn write(session: &Path, linker: &Option<DirectLinker>) -> Result<()> {
    files::DIRECT_LINKER
        .write(session, linker)
        .context("cannot remember the linker")
}

/// Finds the linker in the toolchain of a compiler.
fn find(rustc: &Path) -> Option<DirectLinker> {
    let program = sysroot::linker(rustc.parent()?.parent()?, &format!("{ARCH}-unknown-linux-gnu"));
    if !program.is_file() {
        return None;
    }
    let answer = Command::new("cc")
        .arg("-print-search-dirs")
        .env("LC_ALL", "C")
        .output()
        .ok()?;
    let libraries = library_directories(str::from_utf8(&answer.stdout).ok()?);
    (!libraries.is_empty()).then_some(DirectLinker { program, libraries })
}

/// Returns the directories of libraries that exist, each once, from what a C compiler prints.
fn library_directories(printed: &str) -> Vec<PathBuf> {
    let mut directories = Vec::new();
    for line in printed.lines().filter_map(|line| line.strip_prefix(LIBRARIES)) {
        for directory in env::split_paths(line).filter_map(|it| it.canonicalize().ok()) {
            if !directories.contains(&directory) {
                directories.push(directory);
            }
        }
    }
    directories
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{ffi::OsString, fs};

    #[test]
    fn directories_that_exist_are_listed_once_in_their_order() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path().canonicalize().unwrap();
        for name in ["first", "second"] {
            fs::create_dir(root.join(name)).unwrap();
        }
        let [first, second] = ["first", "second"].map(|it| root.join(it));
        let at = root.display();
        let printed = format!(
            "install: {at}/first/\nprograms: ={at}\nlibraries: ={at}/second/:{at}/none/:{at}/first/../second:{at}/first\n"
        );
        assert_eq!(library_directories(&printed), [second, first]);
        assert!(library_directories("").is_empty());
    }

    #[test]
    fn the_user_s_choice_of_a_linker_stands() {
        for (arguments, chooses) in [
            ("-C opt-level=2", false),
            ("-C linker=clang", true),
            ("-C link-arg=-fuse-ld=mold", true),
            ("-Clink-args=-s", true),
            ("-Clinker-flavor=gcc", true),
        ] {
            let call = RustcCall::parse(arguments.split(' ').map(OsString::from));
            assert_eq!(call.chooses_linking(), chooses, "{arguments}");
        }
    }

    #[test]
    fn options_are_in_the_words_of_the_program_that_rustc_runs() {
        let linker = DirectLinker {
            program: "/t/rust-lld".into(),
            libraries: vec!["/usr/lib".into()],
        };
        for (direct, expected) in [
            (false, "-C rpath -C link-arg=-Wl,-zdefs"),
            (
                true,
                "-C rpath -C linker=/t/rust-lld -C linker-flavor=ld.lld -L native=/usr/lib -C link-arg=--threads=1 \
                 -C link-arg=-zdefs",
            ),
        ] {
            let mut call = RustcCall::parse(["-C", "rpath"].map(OsString::from));
            if direct {
                call.link_directly(&linker);
            }
            call.add_linker_option("-zdefs");
            assert!(call.arguments().eq(expected.split(' ')), "{direct}");
        }
    }
}
