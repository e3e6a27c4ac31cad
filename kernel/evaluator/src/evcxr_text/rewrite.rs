//! What evcxr generates around a cell's code, exchanged for calls into compiled code.

use crate::{
    evcxr_text::store_calls::{Stored, fingerprinted},
    session::settings::Settings,
    source::fingerprints::Definitions,
};
use std::borrow::Cow;

const RUNTIME_BEGINS: &str = "\nmod evcxr_internal_runtime {\n";
const RUNTIME_ENDS: &str = "\n#[unsafe(no_mangle)]\npub extern \"C\" fn run_user_code_";
/// Begins the function that a cell's library is loaded for.
pub(crate) const RUN: &str = "\npub extern \"C\" fn run_user_code_";
const ERROR_BEGINS: &str = "struct EvcxrUserCodeError {}";
const ERROR_MARKER: &str = "println!(\"{}\", evcxr_internal_runtime::USER_ERROR_OCCURRED);";
const PANIC_MARKER: &str = "println!(\"EVCXR_PANIC_NOTIFICATION\");";
/// What stands in its place.
pub(crate) const PANICKED: &str = "::mosaic_cell::panicked();";
const TEXT_BEGINS: &str = "fn evcxr_send_text_plain(";
pub(crate) const TEXT: &str = "use ::mosaic_cell::send_text_plain as evcxr_send_text_plain;";
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

/// The runtime on which evcxr lets a cell wait: made by each cell's own code, up to where the user's begins.
const EXECUTOR_BEGINS: &str = "let mut mutex";
const EXECUTOR: &str = "let mut mutex = evcxr_variable_store.lazy_arc(\"evcxr_tokio_runtime\", || \
     std::sync::Mutex::new(tokio::runtime::Runtime::new().unwrap())); \
     match mutex.lock() { Ok(guard) => guard, Err(poisoned) => poisoned.into_inner(), }";
const EXECUTOR_ENDS: &str = ".block_on(async {";
/// The same by the notebook's tokio.
const RUN_CELL: &str = "evcxr_variable_store.started(); ::tokio::runtime::run_cell(async {";

/// A cell's source with its generated parts exchanged.
pub(crate) struct Rewritten {
    /// What comes before the generated function.
    pub(crate) items: String,
    runtime: String,
    /// The generated function.
    cell: String,
}

impl Rewritten {
    /// The whole text, with what the variables' types are made of, and what will be stored when it has run.
    pub(crate) fn fingerprinted(&self, definitions: &Definitions, stored: &Stored) -> (String, Stored) {
        let (cell, stored) = match fingerprinted(&self.cell, definitions, stored) {
            Some((cell, stored)) => (Cow::Owned(cell), stored),
            None => (Cow::Borrowed(&*self.cell), stored.clone()),
        };
        (format!("{}{}{cell}", self.items, self.runtime), stored)
    }
}

/// The cell's source with its generated parts exchanged, if they are all there. `own_tokio` says that the cell's `tokio`
/// is the user's own, and not the notebook's.
pub(crate) fn rewrite(text: &str, settings: &Settings, own_tokio: bool) -> Option<Rewritten> {
    // Items come before the generated runtime and statements after it, so it is the last text of this kind before them.
    let begin = text.find(RUNTIME_BEGINS)?;
    let end = begin + text[begin..].find(RUNTIME_ENDS)?;
    let (items, runtime, cell) = (&text[..=begin], &text[begin + 1..end], &text[end..]);
    let lines = "\n".repeat(runtime.matches('\n').count());
    let shown = if settings.is_default_format() { SHOWN } else { "" };
    let sleeping = if text.contains("sleep") { SLEEPING } else { "" };
    let cell = if own_tokio {
        Cow::Borrowed(cell)
    } else {
        exchange_executor(cell)
    };
    Some(Rewritten {
        items: exchange_error(items)?.into_owned(),
        runtime: format!("{RUNTIME}{shown}{sleeping}{lines}"),
        cell: exchange_display(&exchange_text(&exchange_panic(&cell))).into_owned(),
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
            &format!("::mosaic_cell::question_mark_failed(::std::format_args!({format}, error));"),
            1,
        )
        .replacen(ERROR_MARKER, "", 1);
    Some(Cow::Owned(format!("{before}{conversion}")))
}

/// The start of a cell that may wait. It stands before all that the user wrote.
fn exchange_executor(cell: &str) -> Cow<'_, str> {
    let found = cell.find("evcxr_variable_store.lazy_arc(").and_then(|call| {
        let begin = cell[..call].rfind(EXECUTOR_BEGINS)?;
        let end = call + cell[call..].find(EXECUTOR_ENDS)?;
        // How the lines are broken depends on the compiler that evcxr was built by.
        let is_known = cell[begin..end].split_whitespace().eq(EXECUTOR.split_whitespace());
        is_known.then_some((begin, end + EXECUTOR_ENDS.len()))
    });
    match found {
        Some((begin, end)) => {
            let lines = "\n".repeat(cell[begin..end].matches('\n').count());
            Cow::Owned(format!("{}{lines}{RUN_CELL}{}", &cell[..begin], &cell[end..]))
        }
        None => Cow::Borrowed(cell),
    }
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
        let rewritten = rewrite(text, &Settings::default(), false).unwrap();
        rewritten.fingerprinted(&Definitions::default(), &Stored::new()).0
    }

    #[test]
    fn generated_parts_are_exchanged_and_no_line_moves() {
        let text = cell("fn f() {}", "f();");
        let rewritten = rewritten(&text);
        assert_eq!(rewritten.lines().count(), text.lines().count());
        let line_of = |text: &str, part: &str| text.lines().position(|line| line.contains(part));
        assert_eq!(line_of(&rewritten, "f();"), line_of(&text, "f();"));
        assert!(rewritten.contains("question_mark_failed(::std::format_args!(\"{}\", error))"));
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
    fn a_cell_that_may_wait_does_so_by_the_notebooks_tokio_unless_the_user_has_another() {
        let executor = "let mut mutex =\nevcxr_variable_store.lazy_arc(\"evcxr_tokio_runtime\", ||\n\
            std::sync::Mutex::new(tokio::runtime::Runtime::new().unwrap())); match\nmutex.lock() { \
            Ok(guard) => guard, Err(poisoned) => poisoned.into_inner(), }\n.block_on(async {\nuser(mutex);";
        // A variable of that name is loaded before it.
        let text = cell("", &format!("let mut mutex = load();\n{executor}"));
        let exchanged = rewritten(&text);
        assert!(
            exchanged.contains(&format!("let mut mutex = load();\n\n\n\n\n{RUN_CELL}\nuser(mutex);")),
            "{exchanged}"
        );
        assert_eq!(exchanged.lines().count(), text.lines().count());
        let own = rewrite(&text, &Settings::default(), true).unwrap();
        assert!(own.cell.contains(executor));
        let unknown = text.replace("mutex.lock()", "mutex.try_lock()");
        assert!(!rewritten(&unknown).contains(RUN_CELL));
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
            assert!(rewrite(text, &Settings::default(), false).is_none());
        }
    }
}
