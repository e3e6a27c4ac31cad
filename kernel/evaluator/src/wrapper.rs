//! The rustc wrapper: what cargo runs in rustc's place while evcxr compiles a cell.
//!
//! evcxr puts a copy of its variable store into every cell and reports panics and early returns by lines that it prints.
//! The wrapper changes these generated parts, and only these: the store is the one that `mosaic-cell` holds compiled, and
//! reports become calls. No line moves, so every error still points where it should. Where the text is not what is
//! expected, it stays as evcxr wrote it.

use crate::{
    absent,
    definitions::Definitions,
    diagnostics,
    processes::KERNEL_VARIABLE,
    settings::Settings,
    store_calls::{Stored, fingerprinted},
    warnings,
};
use anyhow::{Context, Result, bail};
use rustix::process::{Pid, test_kill_process};
use std::{
    borrow::Cow,
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    fs,
    io::{self, BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Command, ExitCode, ExitStatus, Stdio},
    time::UNIX_EPOCH,
};

/// The crate that evcxr compiles for each cell.
const CELL_CRATE: &str = "ctx";

/// Runs as rustc's wrapper if that is what this process was started as, by the arguments `wrapper rustc ARGUMENTS…`.
pub fn rustc_wrapper() -> Option<ExitCode> {
    let mut arguments = std::env::args_os().skip(1);
    let rustc = arguments
        .next()
        .filter(|program| Path::new(program).file_stem() == Some(OsStr::new("rustc")))?;
    let arguments: Vec<OsString> = arguments.collect();
    match run(&rustc, arguments) {
        Ok(code) => Some(code),
        Err(error) => {
            eprintln!("error: the rustc wrapper failed: {error:#}");
            Some(ExitCode::FAILURE)
        }
    }
}

fn run(rustc: &OsStr, mut arguments: Vec<OsString>) -> Result<ExitCode> {
    if !kernel_lives() {
        // So that cargo stops with the crate that it is at.
        bail!("the kernel is gone");
    }
    let library = dynamic_library(&arguments);
    if let Some(library) = &library {
        arguments.extend(["-C".into(), library.link_argument()]);
    }
    if crate_name(&arguments).is_some_and(|name| RUNTIME_CRATES.iter().any(|it| name == *it)) {
        arguments = with_constant_metadata(arguments);
    }
    let mut cell = None;
    if let Some(source) = cell_source(&arguments) {
        let text = fs::read_to_string(source).with_context(|| format!("cannot read {}", source.display()))?;
        let session = session_directory(source);
        let settings = Settings::read(&session);
        if let Some(rewritten) = rewrite(&text, &settings) {
            let definitions = Definitions::new(&rewritten.items, crates(&arguments));
            let (text, stored) = rewritten.fingerprinted(&definitions, &read_stored(&session));
            let text = match absent::without_loads(text, source) {
                Ok(text) => text,
                Err(errors) => {
                    errors.iter().for_each(|error| eprintln!("{error}"));
                    return Ok(ExitCode::FAILURE);
                }
            };
            fs::write(source, &text).with_context(|| format!("cannot write {}", source.display()))?;
            arguments = quick(arguments, &settings);
            cell = Some(Cell { session, text, stored });
        } else if is_built(&arguments) {
            // Only items: no variable is touched.
            let stored = read_stored(&session);
            cell = Some(Cell { session, text, stored });
        }
    }
    let compiled = cell_library(&arguments);
    let status = compile(Command::new(rustc).args(arguments), cell.as_ref()).context("cannot run rustc")?;
    if status.success() {
        if let Some(cell) = cell {
            write_stored(&cell.session, &cell.stored)?;
        }
        if let Some(library) = compiled {
            tell_evcxr(&library)?;
        }
        if let Some(library) = library {
            library.name_for_itself()?;
        }
    }
    Ok(status
        .code()
        .and_then(|code| u8::try_from(code).ok())
        .map_or(ExitCode::FAILURE, ExitCode::from))
}

/// A cell that is compiled to be run.
struct Cell {
    session: PathBuf,
    text: String,
    /// The variables as they will be when it has run.
    stored: Stored,
}

/// Runs rustc, and passes its messages on. What it warns of in a cell is kept for the kernel.
fn compile(rustc: &mut Command, cell: Option<&Cell>) -> io::Result<ExitStatus> {
    let Some(cell) = cell else { return rustc.status() };
    let wrapped = diagnostics::last_expression(&cell.text);
    let mut warned = Vec::new();
    let mut rustc = rustc.stderr(Stdio::piped()).spawn()?;
    if let Some(messages) = rustc.stderr.take() {
        let mut out = io::stderr().lock();
        for line in BufReader::new(messages).lines() {
            let line = line?;
            warned.extend(warnings::warning(&line));
            let changed = diagnostics::without_places_of_notes(&line, wrapped.as_ref());
            writeln!(out, "{}", changed.unwrap_or(line))?;
        }
    }
    let status = rustc.wait()?;
    warnings::keep(
        &cell.session,
        &cell.text,
        if status.success() { warned } else { Vec::new() },
    )?;
    Ok(status)
}

/// Whether there is to be a library, and not only a check.
fn is_built(arguments: &[OsString]) -> bool {
    arguments.iter().any(|argument| {
        argument.to_string_lossy().starts_with("--emit=") && argument.to_string_lossy().contains("link")
    })
}

/// The file in which the wrapper remembers what the variables of a session are.
const STORED: &str = "mosaic-variables.json";

fn read_stored(session: &Path) -> Stored {
    let text = fs::read(session.join(STORED)).unwrap_or_default();
    serde_json::from_slice(&text).unwrap_or_default()
}

fn write_stored(session: &Path, stored: &Stored) -> Result<()> {
    fs::write(session.join(STORED), serde_json::to_vec(stored)?).context("cannot remember the variables")
}

/// Where cargo runs for the cell.
fn session_directory(source: &Path) -> PathBuf {
    let manifest = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    manifest.unwrap_or_else(|| source.join("../.."))
}

/// The crates that the cell links, each with what tells its build from others: its file, and when that was written.
fn crates(arguments: &[OsString]) -> BTreeMap<String, String> {
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

/// The crates whose types are the same in every build: handles of the host's.
const RUNTIME_CRATES: [&str; 2] = ["mosaic", "mosaic_abi"];

fn crate_name(arguments: &[OsString]) -> Option<&OsStr> {
    let name = arguments.iter().position(|argument| argument == "--crate-name")?;
    arguments.get(name + 1).map(OsString::as_os_str)
}

/// `TypeId` depends on the crate's metadata, which cargo changes with every dependency.
fn with_constant_metadata(mut arguments: Vec<OsString>) -> Vec<OsString> {
    for argument in &mut arguments {
        if argument.as_encoded_bytes().starts_with(b"metadata=") {
            *argument = "metadata=mosaic".into();
        }
    }
    arguments
}

/// A library that cargo gives the same file name in every build. The dynamic linker takes one that is loaded already for
/// all libraries of its name, so each build has a name of its own beside that.
struct DynamicLibrary {
    path: PathBuf,
    own_name: String,
}

fn dynamic_library(arguments: &[OsString]) -> Option<DynamicLibrary> {
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
    fn link_argument(&self) -> OsString {
        format!("link-arg=-Wl,-soname,{}", self.own_name).into()
    }

    fn name_for_itself(&self) -> Result<()> {
        let own = self.path.with_file_name(&self.own_name);
        let _ = fs::remove_file(&own);
        match fs::hard_link(&self.path, &own) {
            // Checked only, and not built.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other.with_context(|| format!("cannot name {}", own.display())),
        }
    }
}

fn kernel_lives() -> bool {
    let kernel = std::env::var(KERNEL_VARIABLE)
        .ok()
        .and_then(|id| id.parse().ok())
        .and_then(Pid::from_raw);
    kernel.is_none_or(|kernel| test_kill_process(kernel).is_ok())
}

/// The source of the cell, if it is a cell that is compiled.
fn cell_source(arguments: &[OsString]) -> Option<&Path> {
    if crate_name(arguments)? != CELL_CRATE {
        return None;
    }
    arguments
        .iter()
        .map(Path::new)
        .find(|path| path.ends_with("src/lib.rs"))
}

/// Where rustc writes the cell's library.
fn cell_library(arguments: &[OsString]) -> Option<PathBuf> {
    cell_source(arguments)?;
    let directory = arguments.iter().position(|argument| argument == "--out-dir")?;
    let name = format!(
        "{}{CELL_CRATE}{}",
        std::env::consts::DLL_PREFIX,
        std::env::consts::DLL_SUFFIX
    );
    Some(Path::new(arguments.get(directory + 1)?).join(name))
}

/// evcxr loads the library from where its wrapper says. Cargo's copy, a directory higher, would not find the dylibs, which
/// it seeks by relative paths.
fn tell_evcxr(library: &Path) -> Result<()> {
    match std::env::var_os("EVCXR_EXECUTION_SO_PATH") {
        Some(file) => {
            fs::write(file, library.as_os_str().as_encoded_bytes()).context("cannot tell where the cell lies")
        }
        None => Ok(()),
    }
}

/// A cell is compiled once: incremental files cost more than they bring, and so does more than one unit.
fn quick(arguments: Vec<OsString>, settings: &Settings) -> Vec<OsString> {
    let mut quick: Vec<OsString> = Vec::with_capacity(arguments.len() + 4);
    for argument in with_constant_metadata(arguments) {
        let text = argument.to_string_lossy();
        if text.starts_with("incremental=") || text.starts_with("codegen-units=") {
            quick.pop_if(|flag| flag == "-C");
        } else {
            quick.push(argument);
        }
    }
    quick.extend(["-C".into(), "codegen-units=1".into()]);
    if let Some(level) = &settings.opt_level {
        quick.extend(["-C".into(), format!("opt-level={level}").into()]);
    }
    quick
}

const RUNTIME_BEGINS: &str = "\nmod evcxr_internal_runtime {\n";
const RUNTIME_ENDS: &str = "\n#[unsafe(no_mangle)]\npub extern \"C\" fn run_user_code_";
const ERROR_BEGINS: &str = "struct EvcxrUserCodeError {}";
const ERROR_MARKER: &str = "println!(\"{}\", evcxr_internal_runtime::USER_ERROR_OCCURRED);";
const PANIC_MARKER: &str = "println!(\"EVCXR_PANIC_NOTIFICATION\");";
/// What stands in its place.
pub(crate) const PANICKED: &str = "::mosaic_cell::panicked();";
const TEXT_BEGINS: &str = "fn evcxr_send_text_plain(";
const TEXT: &str = "use ::mosaic_cell::send_text_plain as evcxr_send_text_plain;";
/// `macro_use`, since that alone gives way to macros that the user imports.
const RUNTIME: &str = "#[allow(unused_imports)] #[macro_use] extern crate mosaic_cell; \
     use ::mosaic_cell as evcxr_internal_runtime; #[allow(unused_imports)] use ::mosaic_cell::BeginResult as _;";
/// Shows what has no `evcxr_display` of its own richly or by `{:?}`; without it evcxr does, as it was told to.
const SHOWN: &str = " #[allow(unused_imports)] use ::mosaic_cell::{DisplayDebug as _, DisplayRich as _};";
/// evcxr's first way to show a value, at the end of the cell's last expression.
const DISPLAY: &str = ").evcxr_display();";
/// The same, after saying that the result follows.
pub(crate) const DISPLAY_RESULT: &str = ").mosaic_begin_result().evcxr_display();";
/// In a cell that may sleep, so that an interrupt ends its sleep.
const SLEEPING: &str = " extern crate mosaic_std as std;";

/// A cell's source with its generated parts exchanged.
struct Rewritten {
    /// What comes before the generated function.
    items: String,
    runtime: String,
    /// The generated function.
    cell: String,
}

impl Rewritten {
    /// The whole text, with what the variables' types are made of, and what will be stored when it has run.
    fn fingerprinted(&self, definitions: &Definitions, stored: &Stored) -> (String, Stored) {
        let (cell, stored) = match fingerprinted(&self.cell, definitions, stored) {
            Some((cell, stored)) => (Cow::Owned(cell), stored),
            None => (Cow::Borrowed(&*self.cell), stored.clone()),
        };
        (format!("{}{}{cell}", self.items, self.runtime), stored)
    }
}

/// The cell's source with its generated parts exchanged, if they are all there.
fn rewrite(text: &str, settings: &Settings) -> Option<Rewritten> {
    // Items come before the generated runtime and statements after it, so it is the last text of this kind before them.
    let begin = text.find(RUNTIME_BEGINS)?;
    let end = begin + text[begin..].find(RUNTIME_ENDS)?;
    let (items, runtime, cell) = (&text[..=begin], &text[begin + 1..end], &text[end..]);
    let lines = "\n".repeat(runtime.matches('\n').count());
    let shown = if settings.is_default_format() { SHOWN } else { "" };
    let sleeping = if text.contains("sleep") { SLEEPING } else { "" };
    Some(Rewritten {
        items: exchange_error(items)?.into_owned(),
        runtime: format!("{RUNTIME}{shown}{sleeping}{lines}"),
        cell: exchange_display(&exchange_text(&exchange_panic(cell))).into_owned(),
    })
}

/// The conversion that a failing `?` calls, if the cell has one: it stands directly before the runtime.
fn exchange_error(items: &str) -> Option<Cow<'_, str>> {
    let Some(begin) = items.rfind(ERROR_BEGINS) else {
        return Some(Cow::Borrowed(items));
    };
    let (before, conversion) = items.split_at(begin);
    let print = conversion.find("eprintln!(")?;
    let format = conversion[print..]
        .strip_prefix("eprintln!(")?
        .split_once(", error);")?
        .0;
    let conversion = conversion
        .replacen(
            &format!("eprintln!({format}, error);"),
            &format!("::mosaic_cell::question_mark_failed(&format!({format}, error));"),
            1,
        )
        .replacen(ERROR_MARKER, "", 1);
    Some(Cow::Owned(format!("{before}{conversion}")))
}

/// The report of a panic: the generated one stands after all that the user wrote.
fn exchange_panic(cell: &str) -> Cow<'_, str> {
    match cell.rfind(PANIC_MARKER) {
        Some(at) => {
            let (before, after) = (&cell[..at], &cell[at + PANIC_MARKER.len()..]);
            Cow::Owned(format!("{before}{PANICKED}{after}"))
        }
        None => Cow::Borrowed(cell),
    }
}

/// The display of the last expression, which stands after all that the user wrote.
fn exchange_display(cell: &str) -> Cow<'_, str> {
    match cell.rfind(&format!("\n{DISPLAY}\n")) {
        Some(at) => {
            let (before, after) = (&cell[..=at], &cell[at + 1 + DISPLAY.len()..]);
            Cow::Owned(format!("{before}{DISPLAY_RESULT}{after}"))
        }
        None => Cow::Borrowed(cell),
    }
}

/// evcxr's second way to show a value: a function that prints it, defined before the cell's last expression.
fn exchange_text(cell: &str) -> Cow<'_, str> {
    let found = cell
        .rfind(TEXT_BEGINS)
        .and_then(|begin| Some((begin, begin + end_of_braces(&cell[begin..])?)));
    match found {
        Some((begin, end)) => {
            let lines = "\n".repeat(cell[begin..end].matches('\n').count());
            Cow::Owned(format!("{}{TEXT}{lines}{}", &cell[..begin], &cell[end..]))
        }
        None => Cow::Borrowed(cell),
    }
}

/// Where the first braces of a text end, which has none in its literals but in pairs.
fn end_of_braces(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, character) in text.char_indices() {
        match character {
            '{' => depth += 1,
            '}' if depth == 1 => return Some(at + 1),
            '}' => depth = depth.checked_sub(1)?,
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(items: &str, statements: &str) -> String {
        format!(
            "{items}\n            struct EvcxrUserCodeError {{}}\n  eprintln!(\"{{}}\", error);\n  {ERROR_MARKER}\n\
             mod evcxr_internal_runtime {{\npub struct VariableStore;\n}}\n#[unsafe(no_mangle)]\n\
             pub extern \"C\" fn run_user_code_3(\n{statements}\n    {PANIC_MARKER}\n}}\n"
        )
    }

    fn rewritten(text: &str) -> String {
        let rewritten = rewrite(text, &Settings::default()).unwrap();
        rewritten.fingerprinted(&Definitions::default(), &Stored::new()).0
    }

    #[test]
    fn generated_parts_are_exchanged_and_no_line_moves() {
        let text = cell("fn f() {}", "f();");
        let rewritten = rewritten(&text);
        assert_eq!(rewritten.lines().count(), text.lines().count());
        let line_of = |text: &str, part: &str| text.lines().position(|line| line.contains(part));
        assert_eq!(line_of(&rewritten, "f();"), line_of(&text, "f();"));
        assert!(rewritten.contains("question_mark_failed(&format!(\"{}\", error))"));
        assert!(
            !rewritten.contains("println!(\"EVCXR_PANIC_NOTIFICATION\")")
                && !rewritten.contains("pub struct VariableStore")
        );
    }

    #[test]
    fn only_a_cell_that_may_sleep_sees_another_standard_library() {
        assert!(rewritten(&cell("use std::thread::sleep;", "")).contains(SLEEPING));
        assert!(!rewritten(&cell("", "f();")).contains(SLEEPING));
    }

    #[test]
    fn markers_that_the_user_prints_stay() {
        let text = cell("fn f() { println!(\"EVCXR_PANIC_NOTIFICATION\"); }", PANIC_MARKER);
        assert_eq!(rewritten(&text).matches(PANIC_MARKER).count(), 2);
    }

    #[test]
    fn the_printed_value_becomes_a_call() {
        let text = cell(
            "",
            "fn evcxr_send_text_plain(text: & str)\n{ print }\nevcxr_send_text_plain(&format!(\"{:?}\",&(\nx\n)));",
        );
        let rewritten = rewritten(&text);
        assert!(rewritten.contains(TEXT) && !rewritten.contains("{ print }"));
        assert_eq!(rewritten.lines().count(), text.lines().count());
    }

    #[test]
    fn only_the_last_expression_is_the_result() {
        let text = cell("", "let a = (\n1\n).evcxr_display();\n(\na\n).evcxr_display();");
        let rewritten = rewritten(&text);
        assert_eq!(rewritten.matches(DISPLAY_RESULT).count(), 1);
        assert!(rewritten.contains(&format!("a\n{DISPLAY_RESULT}")));
    }

    #[test]
    fn other_texts_stay_as_they_are() {
        for text in ["", "fn main() {}", "mod evcxr_internal_runtime {}\n"] {
            assert!(rewrite(text, &Settings::default()).is_none());
        }
    }

    #[test]
    fn only_the_cells_own_crate_is_touched() {
        let arguments = |name: &str| ["--crate-name", name, "--edition=2024", "src/lib.rs"].map(OsString::from);
        assert!(cell_source(&arguments("ctx")).is_some());
        assert!(cell_source(&arguments("serde")).is_none());
    }

    #[test]
    fn a_cell_is_compiled_in_one_unit_without_incremental_files() {
        let arguments = [
            "-C",
            "opt-level=2",
            "-C",
            "codegen-units=16",
            "-C",
            "incremental=/x",
            "-C",
            "rpath",
            "-C",
            "metadata=0123456789abcdef",
        ]
        .map(OsString::from);
        let quick = quick(arguments.to_vec(), &Settings::default());
        assert_eq!(
            quick,
            [
                "-C",
                "opt-level=2",
                "-C",
                "rpath",
                "-C",
                "metadata=mosaic",
                "-C",
                "codegen-units=1"
            ]
            .map(OsString::from)
        );
    }
}
