//! The rustc wrapper: what cargo runs in rustc's place while evcxr compiles a cell.
//!
//! evcxr puts a copy of its variable store into every cell and reports panics and early returns by lines that it prints.
//! The wrapper changes these generated parts, and only these: the store is the one that `mosaic-cell` holds compiled, and
//! reports become calls. No line moves, so every error still points where it should. Where the text is not what is
//! expected, it stays as evcxr wrote it.

use crate::{absent, diagnostics, processes::KERNEL_VARIABLE};
use anyhow::{Context, Result, bail};
use rustix::process::{Pid, test_kill_process};
use std::{
    borrow::Cow,
    ffi::{OsStr, OsString},
    fs,
    io::{self, BufRead, BufReader, Write},
    ops::RangeInclusive,
    path::{Path, PathBuf},
    process::{Command, ExitCode, ExitStatus, Stdio},
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
    let mut wrapped = None;
    if let Some(source) = cell_source(&arguments) {
        let text = fs::read_to_string(source).with_context(|| format!("cannot read {}", source.display()))?;
        if let Cow::Owned(rewritten) = rewrite(&text) {
            let rewritten = absent::without_loads(rewritten, source);
            wrapped = diagnostics::last_expression(&rewritten);
            fs::write(source, rewritten).with_context(|| format!("cannot write {}", source.display()))?;
            arguments = quick(arguments);
        }
    }
    let compiled = cell_library(&arguments);
    let status = compile(Command::new(rustc).args(arguments), wrapped).context("cannot run rustc")?;
    if status.success()
        && let Some(library) = compiled
    {
        tell_evcxr(&library)?;
    }
    Ok(status
        .code()
        .and_then(|code| u8::try_from(code).ok())
        .map_or(ExitCode::FAILURE, ExitCode::from))
}

/// Runs rustc, and passes its messages on.
fn compile(rustc: &mut Command, wrapped: Option<RangeInclusive<u64>>) -> io::Result<ExitStatus> {
    let Some(wrapped) = wrapped else { return rustc.status() };
    let mut rustc = rustc.stderr(Stdio::piped()).spawn()?;
    if let Some(messages) = rustc.stderr.take() {
        let mut out = io::stderr().lock();
        for line in BufReader::new(messages).lines() {
            let line = line?;
            writeln!(
                out,
                "{}",
                diagnostics::without_places_of_notes(&line, &wrapped).unwrap_or(line)
            )?;
        }
    }
    rustc.wait()
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
    let name = arguments.iter().position(|argument| argument == "--crate-name")?;
    if arguments.get(name + 1)? != CELL_CRATE {
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
fn quick(arguments: Vec<OsString>) -> Vec<OsString> {
    let mut quick: Vec<OsString> = Vec::with_capacity(arguments.len() + 2);
    for argument in arguments {
        let text = argument.to_string_lossy();
        if text.starts_with("incremental=") || text.starts_with("codegen-units=") {
            quick.pop_if(|flag| flag == "-C");
        } else {
            quick.push(argument);
        }
    }
    quick.extend(["-C".into(), "codegen-units=1".into()]);
    quick
}

const RUNTIME_BEGINS: &str = "\nmod evcxr_internal_runtime {\n";
const RUNTIME_ENDS: &str = "\n#[unsafe(no_mangle)]\npub extern \"C\" fn run_user_code_";
const ERROR_BEGINS: &str = "struct EvcxrUserCodeError {}";
const ERROR_MARKER: &str = "println!(\"{}\", evcxr_internal_runtime::USER_ERROR_OCCURRED);";
const PANIC_MARKER: &str = "println!(\"EVCXR_PANIC_NOTIFICATION\");";
const TEXT_BEGINS: &str = "fn evcxr_send_text_plain(";
const TEXT_USED: &str = "evcxr_send_text_plain(&format!(";
const TEXT: &str = "use ::mosaic_cell::send_text_plain as evcxr_send_text_plain;";
/// `macro_use`, since that alone gives way to macros that the user imports.
const RUNTIME: &str = "#[allow(unused_imports)] #[macro_use] extern crate mosaic_cell; \
     use ::mosaic_cell as evcxr_internal_runtime; #[allow(unused_imports)] \
     use ::mosaic_cell::{BeginResult as _, DisplayDebug as _, DisplayRich as _};";
/// evcxr's first way to show a value, at the end of the cell's last expression.
const DISPLAY: &str = ").evcxr_display();";
/// The same, after saying that the result follows.
pub(crate) const DISPLAY_RESULT: &str = ").mosaic_begin_result().evcxr_display();";
/// In a cell that may sleep, so that an interrupt ends its sleep.
const SLEEPING: &str = " extern crate mosaic_std as std;";

/// The cell's source with its generated parts exchanged, if they are all there.
fn rewrite(text: &str) -> Cow<'_, str> {
    exchange(text).map_or(Cow::Borrowed(text), Cow::Owned)
}

fn exchange(text: &str) -> Option<String> {
    // Items come before the generated runtime and statements after it, so it is the last text of this kind before them.
    let begin = text.find(RUNTIME_BEGINS)?;
    let end = begin + text[begin..].find(RUNTIME_ENDS)?;
    let (items, runtime, cell) = (&text[..=begin], &text[begin + 1..end], &text[end..]);
    let lines = runtime.matches('\n').count();
    let items = exchange_error(items)?;
    let cell = exchange_panic(cell);
    let cell = exchange_display(&exchange_text(&cell)).into_owned();
    let sleeping = if text.contains("sleep") { SLEEPING } else { "" };
    Some(format!("{items}{RUNTIME}{sleeping}{}{cell}", "\n".repeat(lines)))
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
            Cow::Owned(format!("{before}::mosaic_cell::panicked();{after}"))
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
        .and_then(|begin| Some((begin, begin + cell[begin..].find(TEXT_USED)?)));
    match found {
        Some((begin, used)) => {
            let lines = "\n".repeat(cell[begin..used].matches('\n').count());
            Cow::Owned(format!("{}{TEXT}{lines}{}", &cell[..begin], &cell[used..]))
        }
        None => Cow::Borrowed(cell),
    }
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

    #[test]
    fn generated_parts_are_exchanged_and_no_line_moves() {
        let text = cell("fn f() {}", "f();");
        let rewritten = rewrite(&text);
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
        assert!(rewrite(&cell("use std::thread::sleep;", "")).contains(SLEEPING));
        assert!(!rewrite(&cell("", "f();")).contains(SLEEPING));
    }

    #[test]
    fn markers_that_the_user_prints_stay() {
        let text = cell("fn f() { println!(\"EVCXR_PANIC_NOTIFICATION\"); }", PANIC_MARKER);
        assert_eq!(rewrite(&text).matches(PANIC_MARKER).count(), 2);
    }

    #[test]
    fn the_printed_value_becomes_a_call() {
        let text = cell(
            "",
            "fn evcxr_send_text_plain(text: & str)\n{ print }\nevcxr_send_text_plain(&format!(\"{:?}\",&(\nx\n)));",
        );
        let rewritten = rewrite(&text);
        assert!(rewritten.contains(TEXT) && !rewritten.contains("{ print }"));
        assert_eq!(rewritten.lines().count(), text.lines().count());
    }

    #[test]
    fn only_the_last_expression_is_the_result() {
        let text = cell("", "let a = (\n1\n).evcxr_display();\n(\na\n).evcxr_display();");
        let rewritten = rewrite(&text);
        assert_eq!(rewritten.matches(DISPLAY_RESULT).count(), 1);
        assert!(rewritten.contains(&format!("a\n{DISPLAY_RESULT}")));
    }

    #[test]
    fn other_texts_stay_as_they_are() {
        for text in ["", "fn main() {}", "mod evcxr_internal_runtime {}\n"] {
            assert!(matches!(rewrite(text), Cow::Borrowed(_)));
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
        ]
        .map(OsString::from);
        let quick = quick(arguments.to_vec());
        assert_eq!(
            quick,
            ["-C", "opt-level=2", "-C", "rpath", "-C", "codegen-units=1"].map(OsString::from)
        );
    }
}
