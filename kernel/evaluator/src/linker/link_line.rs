//! The arguments with which rustc calls the linker, as far as the steps of the [`linker`](super) read and change them.

use anyhow::{Result, bail};
use std::{
    ffi::{OsStr, OsString},
    path::{Path, PathBuf},
};

/// Ends the name of an object that rustc compiled for the crate that is linked.
const OBJECT_ENDS: &str = ".rcgu.o";
/// Forbids version scripts to name symbols that the library does not define. Without it, linkers allow it or have
/// [`ALLOW_UNDEFINED_VERSION`].
const FORBID_UNDEFINED_VERSION: &str = "--no-undefined-version";
const ALLOW_UNDEFINED_VERSION: &str = "--undefined-version";
/// Passes an option through the C compiler to the linker.
pub(crate) const TO_LINKER: &str = "-Wl,";

/// The arguments for a linker, in rustc's order.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct LinkLine {
    arguments: Vec<OsString>,
}

impl LinkLine {
    /// Reads the arguments that rustc passes.
    ///
    /// # Errors
    ///
    /// The arguments are in a file, which rustc writes where they are too long for the system.
    pub(super) fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<LinkLine> {
        let arguments: Vec<OsString> = arguments.into_iter().collect();
        if arguments.iter().any(|it| it.as_encoded_bytes().starts_with(b"@")) {
            bail!("rustc passes too many arguments: use fewer crates, or a shorter path for the cache");
        }
        Ok(LinkLine { arguments })
    }

    /// Yields the arguments for the real linker.
    pub(super) fn arguments(&self) -> impl Iterator<Item = &OsStr> {
        self.arguments.iter().map(OsString::as_os_str)
    }

    /// Returns the objects that rustc compiled for the crate.
    pub(super) fn objects(&self) -> Vec<PathBuf> {
        let objects = self.arguments.iter().filter(|it| is_object(it));
        objects.map(PathBuf::from).collect()
    }

    /// Links a file in place of an object.
    pub(super) fn replace(&mut self, object: &Path, by: &Path) {
        for argument in self.arguments.iter_mut().filter(|it| Path::new(it) == object) {
            *argument = by.into();
        }
    }

    /// Links a dynamic library. The result finds it by exactly this path, which has to be absolute.
    pub(super) fn add_library(&mut self, library: &Path) {
        debug_assert!(library.is_absolute());
        self.arguments.push(library.into());
    }

    /// Lets rustc's list of exported symbols name symbols that the library does not define.
    pub(super) fn allow_undefined_exports(&mut self) {
        for argument in &mut self.arguments {
            for prefix in ["", TO_LINKER] {
                if *argument == *format!("{prefix}{FORBID_UNDEFINED_VERSION}") {
                    *argument = format!("{prefix}{ALLOW_UNDEFINED_VERSION}").into();
                }
            }
        }
    }
}

fn is_object(argument: &OsStr) -> bool {
    argument.as_encoded_bytes().ends_with(OBJECT_ENDS.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(arguments: &str) -> Result<LinkLine> {
        LinkLine::parse(arguments.split(' ').map(OsString::from))
    }

    fn text(line: &LinkLine) -> String {
        let words: Vec<&str> = line.arguments().map(|word| word.to_str().unwrap()).collect();
        words.join(" ")
    }

    #[test]
    fn objects_are_replaced_and_libraries_added() {
        let mut line = parse("-m64 /t/symbols.o ctx.0.rcgu.o ctx.1.rcgu.o -lc -o libctx.so").unwrap();
        assert_eq!(line.objects(), ["ctx.0.rcgu.o", "ctx.1.rcgu.o"].map(PathBuf::from));
        line.replace(Path::new("ctx.1.rcgu.o"), Path::new("/t/copy.o"));
        line.add_library(Path::new("/s/libfirst.so"));
        assert_eq!(
            text(&line),
            "-m64 /t/symbols.o ctx.0.rcgu.o /t/copy.o -lc -o libctx.so /s/libfirst.so"
        );
    }

    #[test]
    fn exports_may_be_undefined_in_the_words_of_the_linker() {
        for (before, after) in [
            ("-Wl,--no-undefined-version x.o", "-Wl,--undefined-version x.o"),
            ("--no-undefined-version x.o", "--undefined-version x.o"),
            ("-Wl,-O1 x.o", "-Wl,-O1 x.o"),
        ] {
            let mut line = parse(before).unwrap();
            line.allow_undefined_exports();
            assert_eq!(text(&line), after);
        }
    }

    #[test]
    fn arguments_in_a_file_are_refused() {
        assert!(parse("@/tmp/linker-arguments").is_err());
    }
}
