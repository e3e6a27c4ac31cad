//! The arguments for the real linker, as far as they describe a library of one object.

use anyhow::{Context, Result, bail};
use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
};

/// The file with which rustc keeps symbols of static libraries alive. It contains nothing for the result.
const KEPT_SYMBOLS: &str = "symbols.o";
/// The system's libraries that rustc links, and the names of their files at run time.
const SYSTEM_LIBRARIES: [(&str, &[&str]); 7] = [
    ("gcc_s", &["libgcc_s.so.1"]),
    ("util", &["libutil.so.1"]),
    ("rt", &["librt.so.1"]),
    ("pthread", &["libpthread.so.0"]),
    ("m", &["libm.so.6"]),
    ("dl", &["libdl.so.2"]),
    // The loader is part of the C library. It defines `__tls_get_addr`.
    ("c", &["libc.so.6", "ld-linux-x86-64.so.2"]),
];
/// Options that ask for what this linker does in any case.
const FOLLOWED: [&str; 12] = [
    "--as-needed",
    "-Bdynamic",
    "-Bstatic",
    "--eh-frame-hdr",
    // Functions that nobody calls stay. They cost less than looking for them.
    "--gc-sections",
    "-shared",
    "-O1",
    "--enable-new-dtags",
    "--threads=1",
    "--no-undefined-version",
    "--undefined-version",
    "-zdefs",
];
/// Words after `-z` of the same kind.
const FOLLOWED_KEYWORDS: [&str; 5] = ["noexecstack", "relro", "now", "origin", "defs"];
const VERSION_SCRIPT: &str = "--version-script=";

/// A file in which the object's undefined symbols are looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Input {
    /// A shared library. The result needs it only if the object needs a symbol of it.
    Shared(PathBuf),
    /// A static library.
    Archive(PathBuf),
}

impl Input {
    pub(super) fn path(&self) -> &Path {
        let (Input::Shared(path) | Input::Archive(path)) = self;
        path
    }
}

/// How much the result tells about its code.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kept {
    Nothing,
    /// A symbol table, by which backtraces and profiles name functions.
    Symbols,
    /// The lines of functions, and whatever else rustc has written for debuggers.
    #[default]
    DebugInformation,
}

/// What is to be linked.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) object: PathBuf,
    /// In the order in which symbols are looked up.
    pub(super) inputs: Vec<Input>,
    /// The names of the symbols for other libraries.
    pub(super) exports: Vec<String>,
    /// The directories in which the loader looks for libraries, joined by colons.
    pub(super) run_path: String,
    pub(super) output: PathBuf,
    pub(super) kept: Kept,
}

impl Request {
    /// Reads the arguments of the real linker.
    ///
    /// # Errors
    ///
    /// An argument is unknown, or describes another kind of library.
    pub(super) fn parse<'a>(arguments: impl IntoIterator<Item = &'a OsStr>) -> Result<Request> {
        let arguments = arguments
            .into_iter()
            .map(|it| it.to_str().context("a path is not Unicode"));
        let arguments = arguments.collect::<Result<Vec<&str>>>()?;
        let mut request = Request::default();
        let mut objects = Vec::new();
        let mut directories = Vec::new();
        let mut system = Vec::new();
        let mut run_path = Vec::new();
        let mut words = arguments.iter().copied();
        while let Some(word) = words.next() {
            let mut value = || words.next().with_context(|| format!("{word} has no value"));
            match word {
                "-flavor" => {
                    value()?;
                }
                "-z" if FOLLOWED_KEYWORDS.contains(&value()?) => {}
                "-L" => directories.push(PathBuf::from(value()?)),
                "-o" => request.output = value()?.into(),
                "-rpath" => run_path.push(value()?),
                "--strip-all" | "-s" => request.kept = Kept::Nothing,
                "--strip-debug" | "-S" => request.kept = request.kept.min(Kept::Symbols),
                _ if FOLLOWED.contains(&word) => {}
                _ => match Word::of(word)? {
                    Word::Object(object) => objects.push(object),
                    Word::Input(input) => request.inputs.push(input),
                    Word::System(files) => system.extend(files),
                    Word::Exports(script) => request.exports = exports(&fs::read_to_string(script)?)?,
                    Word::Nothing => {}
                },
            }
        }
        let [object] = &objects[..] else {
            bail!("the library consists of {} objects", objects.len());
        };
        request.object.clone_from(object);
        request.run_path = run_path.join(":");
        request.inputs.extend(found(&system, &directories));
        Ok(request)
    }
}

/// An argument that stands for itself.
enum Word<'a> {
    Object(PathBuf),
    Input(Input),
    System(&'static [&'static str]),
    Exports(&'a str),
    Nothing,
}

impl<'a> Word<'a> {
    fn of(word: &'a str) -> Result<Word<'a>> {
        if let Some(script) = word.strip_prefix(VERSION_SCRIPT) {
            return Ok(Word::Exports(script));
        }
        if let Some(name) = word.strip_prefix("-l") {
            let known = SYSTEM_LIBRARIES.iter().find(|(known, _)| *known == name);
            let (_, files) = known.with_context(|| format!("the library {name} is not one of rustc's"))?;
            return Ok(Word::System(files));
        }
        let path = Path::new(word);
        match path.extension().and_then(OsStr::to_str) {
            _ if word.starts_with('-') => bail!("the option {word} is unknown"),
            Some("o") if path.ends_with(KEPT_SYMBOLS) => Ok(Word::Nothing),
            Some("o") => Ok(Word::Object(path.into())),
            Some("so") => Ok(Word::Input(Input::Shared(path.into()))),
            Some("rlib" | "a") => Ok(Word::Input(Input::Archive(path.into()))),
            _ => bail!("the file {word} is of an unknown kind"),
        }
    }
}

/// Returns the system's libraries that exist. In newer systems, some of them are parts of the C library.
fn found(names: &[&str], directories: &[PathBuf]) -> impl Iterator<Item = Input> {
    let find = |name: &&str| directories.iter().map(|it| it.join(name)).find(|it| it.is_file());
    names.iter().filter_map(find).map(Input::Shared)
}

/// Reads the names of the symbols that rustc exports from a version script.
fn exports(script: &str) -> Result<Vec<String>> {
    let body = script.trim().strip_prefix('{').and_then(|it| it.strip_suffix("};"));
    let body = body.context("the version script is unknown")?.trim();
    let (global, local) = body.split_once("local:").context("the version script hides nothing")?;
    if local.trim() != "*;" {
        bail!("the version script hides single symbols");
    }
    let names = match global.trim().strip_prefix("global:") {
        Some(names) => names,
        None if global.trim().is_empty() => "",
        None => bail!("the version script is unknown"),
    };
    let names: Vec<String> = names.split(';').map(|it| it.trim().to_owned()).collect();
    let names: Vec<String> = names.into_iter().filter(|it| !it.is_empty()).collect();
    if names.iter().any(|it| it.contains(['*', '?', '[', '"', '{'])) {
        bail!("the version script has patterns");
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(arguments: &str) -> Result<Request> {
        Request::parse(arguments.split(' ').map(OsStr::new))
    }

    #[test]
    fn the_arguments_of_a_cell_are_understood() {
        let directory = tempfile::tempdir().unwrap();
        let at = directory.path().display();
        for name in ["libgcc_s.so.1", "libc.so.6", "ld-linux-x86-64.so.2"] {
            fs::write(directory.path().join(name), "").unwrap();
        }
        let script = directory.path().join("list");
        fs::write(
            &script,
            "{\n  global:\n    run_user_code_1;\n    other;\n\n  local:\n    *;\n};\n",
        )
        .unwrap();
        let request = parse(&format!(
            "-flavor gnu --version-script={at}/list --no-undefined-version /t/symbols.o /t/ctx.rcgu.o --as-needed \
             /d/libstd.so -Bstatic /d/libcompiler_builtins.rlib -lgcc_s -lutil -lc -L {at} -z noexecstack -o /t/libctx.so \
             -rpath $ORIGIN/a -rpath $ORIGIN/b --strip-all -zdefs"
        ));
        let shared = |name: &str| Input::Shared(directory.path().join(name));
        let expected = Request {
            object: "/t/ctx.rcgu.o".into(),
            inputs: vec![
                Input::Shared("/d/libstd.so".into()),
                Input::Archive("/d/libcompiler_builtins.rlib".into()),
                shared("libgcc_s.so.1"),
                shared("libc.so.6"),
                shared("ld-linux-x86-64.so.2"),
            ],
            exports: ["run_user_code_1", "other"].map(str::to_owned).to_vec(),
            run_path: "$ORIGIN/a:$ORIGIN/b".to_owned(),
            output: "/t/libctx.so".into(),
            kept: Kept::Nothing,
        };
        assert_eq!(request.unwrap(), expected);
    }

    #[test]
    fn anything_else_is_refused() {
        for (arguments, reason) in [
            ("/t/a.o /t/b.o", "2 objects"),
            ("/t/symbols.o", "0 objects"),
            ("/t/a.o -lz", "library z"),
            ("/t/a.o --whole-archive", "--whole-archive"),
            ("/t/a.o --strip-some", "--strip-some"),
            ("/t/a.o -z lazy", "-z"),
            ("/t/a.o script.ld", "script.ld"),
            ("/t/a.o -o", "no value"),
        ] {
            let error = parse(arguments).unwrap_err().to_string();
            assert!(error.contains(reason), "{arguments}: {error}");
        }
    }

    #[test]
    fn a_version_script_names_what_is_exported() {
        for (script, expected) in [
            (
                "{\n  global:\n    a;\n    b;\n  local:\n    *;\n};\n",
                Some(vec!["a", "b"]),
            ),
            ("{\n  local:\n    *;\n};\n", Some(vec![])),
            ("{ global: a*; local: *; };", None),
            ("{ global: a; };", None),
            ("V1 { global: a; local: *; };", None),
            ("{ global: a; local: b; };", None),
        ] {
            let names = exports(script).ok();
            let expected: Option<Vec<String>> = expected.map(|it| it.into_iter().map(str::to_owned).collect());
            assert_eq!(names, expected, "{script}");
        }
    }
}
