//! Replaces the code that evcxr generates around a cell by calls into compiled code.
//!
//! No line moves, so every error of rustc's still points where it should. A generated part that does not
//! match [`markers`](super::markers) stays as evcxr wrote it.

use crate::{
    evcxr_text::{
        early_return,
        error_conversion::replace_conversion,
        markers::{
            DISPLAY_ENDS, EXECUTOR, EXECUTOR_BEGINS, EXECUTOR_CREATES, EXECUTOR_ENDS, PANIC_REPORT, RUNTIME_BEGINS,
            RUNTIME_ENDS, SEND_TEXT_BEGINS, SOURCE_BEGINS,
        },
        mentioned_variables::unmentioned,
        replacements::{
            DISPLAY_IMPORTS, EXECUTOR_CALL, RESULT_ENDS, RUNTIME_IMPORTS, SEND_TEXT_IMPORT, SLEEP_IMPORT, UNWOUND,
        },
        store_calls::{StoredTypes, with_fingerprints},
    },
    session::settings::Settings,
    source::fingerprints::Definitions,
};
use std::{borrow::Cow, collections::BTreeSet};

/// The source of a cell, its generated parts replaced.
pub(crate) struct RewrittenCell {
    /// The notebook's items, which stand before all that evcxr generates.
    pub(crate) items: String,
    runtime: String,
    /// The function that runs the cell.
    function: String,
}

impl RewrittenCell {
    /// Adds an item, on a line that evcxr generates.
    pub(crate) fn add_item(&mut self, item: &str) {
        self.runtime.push_str(item);
    }

    /// Returns whether the cell shows a value in the way that its type chooses.
    pub(crate) fn shows_a_value(&self) -> bool {
        self.runtime.contains(DISPLAY_IMPORTS) && self.function.contains(RESULT_ENDS)
    }

    /// Returns the stored variables that the cell does not mention.
    pub(crate) fn unmentioned_variables(&self) -> BTreeSet<String> {
        unmentioned(&self.function)
    }

    /// Returns the whole source, in which the store learns the fingerprints of its variables' types; and the types of
    /// the variables that are stored once the cell has run. Variables that are `left_out` stay in the store.
    pub(crate) fn with_fingerprints(
        &self,
        definitions: &Definitions,
        stored: &StoredTypes,
        left_out: &BTreeSet<String>,
    ) -> (String, StoredTypes) {
        let (function, stored) = match with_fingerprints(&self.function, definitions, stored, left_out) {
            Some((function, stored)) => (Cow::Owned(function), stored),
            None => (Cow::Borrowed(&*self.function), stored.clone()),
        };
        (format!("{}{}{function}", self.items, self.runtime), stored)
    }
}

/// Replaces the generated parts of a cell's source. Returns `None` for a source without the variable store, in which
/// there is nothing to replace.
///
/// `uses_own_tokio` says that the cell's crate `tokio` is the user's, and not the notebook's.
pub(crate) fn rewrite(source: &str, settings: &Settings, uses_own_tokio: bool) -> Option<RewrittenCell> {
    // The user's items stand before the generated runtime and may contain its end, so the end is searched behind its
    // beginning.
    let begin = source.find(RUNTIME_BEGINS)?;
    let end = begin + source[begin..].find(RUNTIME_ENDS)?;
    let (items, runtime, function) = (&source[..=begin], &source[begin + 1..end], &source[end..]);
    let display = if settings.is_default_format() {
        DISPLAY_IMPORTS
    } else {
        ""
    };
    let sleep = if source.contains("sleep") { SLEEP_IMPORT } else { "" };
    let function = if uses_own_tokio {
        Cow::Borrowed(function)
    } else {
        replace_executor(function)
    };
    Some(RewrittenCell {
        items: replace_conversion(items, &function)?.into_owned(),
        runtime: format!(
            "{RUNTIME_IMPORTS}{display}{sleep}{}{}",
            early_return::definition(source),
            line_breaks(runtime)
        ),
        function: replace_display(&replace_send_text(&replace_panic_report(&function))).into_owned(),
    })
}

/// Adds attributes of the crate to a source, on its first line.
pub(crate) fn with_attributes<'a>(source: &'a str, attributes: &[String]) -> Cow<'a, str> {
    match source.strip_prefix(SOURCE_BEGINS) {
        Some(rest) if !attributes.is_empty() => Cow::Owned(format!("{SOURCE_BEGINS} {}{rest}", attributes.join(" "))),
        _ => Cow::Borrowed(source),
    }
}

/// Returns as many line breaks as a text has, so that a replacement moves no line.
fn line_breaks(text: &str) -> String {
    "\n".repeat(text.matches('\n').count())
}

/// Replaces the start of a cell with `.await`. The start stands before all that the user wrote.
fn replace_executor(function: &str) -> Cow<'_, str> {
    let found = function.find(EXECUTOR_CREATES).and_then(|call| {
        let begin = function[..call].rfind(EXECUTOR_BEGINS)?;
        let end = call + function[call..].find(EXECUTOR_ENDS)?;
        // The line breaks depend on the compiler that evcxr was built by.
        let is_known = function[begin..end].split_whitespace().eq(EXECUTOR.split_whitespace());
        is_known.then_some((begin, end + EXECUTOR_ENDS.len()))
    });
    match found {
        Some((begin, end)) => {
            let lines = line_breaks(&function[begin..end]);
            Cow::Owned(format!(
                "{}{lines}{EXECUTOR_CALL}{}",
                &function[..begin],
                &function[end..]
            ))
        }
        None => Cow::Borrowed(function),
    }
}

/// Replaces the report of a panic. The generated report stands after all that the user wrote.
fn replace_panic_report(function: &str) -> Cow<'_, str> {
    match function.rfind(PANIC_REPORT) {
        Some(at) => {
            let (before, after) = (&function[..at], &function[at + PANIC_REPORT.len()..]);
            Cow::Owned(format!("{before}{UNWOUND}{after}"))
        }
        None => Cow::Borrowed(function),
    }
}

/// Replaces the display of the last expression, which stands after all that the user wrote.
fn replace_display(function: &str) -> Cow<'_, str> {
    match function.rfind(&format!("\n{DISPLAY_ENDS}\n")) {
        Some(at) => {
            let (before, after) = (&function[..=at], &function[at + 1 + DISPLAY_ENDS.len()..]);
            Cow::Owned(format!("{before}{RESULT_ENDS}{after}"))
        }
        None => Cow::Borrowed(function),
    }
}

/// Replaces the function that prints a value, which evcxr's second way to show a value defines before the last
/// expression.
fn replace_send_text(function: &str) -> Cow<'_, str> {
    let found = function
        .rfind(SEND_TEXT_BEGINS)
        .and_then(|begin| Some((begin, begin + end_of_braces(&function[begin..])?)));
    match found {
        Some((begin, end)) => {
            let lines = line_breaks(&function[begin..end]);
            let (before, after) = (&function[..begin], &function[end..]);
            Cow::Owned(format!("{before}{SEND_TEXT_IMPORT}{lines}{after}"))
        }
        None => Cow::Borrowed(function),
    }
}

/// Finds where the first braces of a text end. The text's literals have braces only in pairs.
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
    use crate::evcxr_text::markers::{
        USER_ERROR_BEGINS, USER_ERROR_DISPLAYED, USER_ERROR_FORMATTED, USER_ERROR_REPORT,
    };

    fn cell(items: &str, statements: &str) -> String {
        format!(
            "{items}\n            {USER_ERROR_BEGINS}\n{USER_ERROR_DISPLAYED}\n{USER_ERROR_FORMATTED}\n{USER_ERROR_REPORT}\n\
             mod evcxr_internal_runtime {{\npub struct VariableStore;\n}}\n#[unsafe(no_mangle)]\n\
             pub extern \"C\" fn run_user_code_3(\n{statements}\n    {PANIC_REPORT}\n}}\n"
        )
    }

    fn rewritten(text: &str) -> String {
        let rewritten = rewrite(text, &Settings::default(), false).unwrap();
        rewritten
            .with_fingerprints(&Definitions::default(), &StoredTypes::new(), &BTreeSet::new())
            .0
    }

    #[test]
    fn generated_parts_are_replaced_and_no_line_moves() {
        let text = cell("fn f() {}", "f();");
        let rewritten = rewritten(&text);
        assert_eq!(rewritten.lines().count(), text.lines().count());
        let line_of = |text: &str, part: &str| text.lines().position(|line| line.contains(part));
        assert_eq!(line_of(&rewritten, "f();"), line_of(&text, "f();"));
        assert!(rewritten.contains("question_mark_returned(error.into())"));
        assert!(
            rewritten.contains(UNWOUND)
                && !rewritten.contains("println!(\"EVCXR_PANIC_NOTIFICATION\")")
                && !rewritten.contains("pub struct VariableStore")
        );
    }

    #[test]
    fn only_a_cell_that_may_sleep_sees_another_standard_library() {
        assert!(rewritten(&cell("use std::thread::sleep;", "")).contains(SLEEP_IMPORT));
        assert!(!rewritten(&cell("", "f();")).contains(SLEEP_IMPORT));
    }

    #[test]
    fn a_cell_that_awaits_runs_on_the_notebooks_tokio_unless_the_user_has_another() {
        let executor = "let mut mutex =\nevcxr_variable_store.lazy_arc(\"evcxr_tokio_runtime\", ||\n\
            std::sync::Mutex::new(tokio::runtime::Runtime::new().unwrap())); match\nmutex.lock() { \
            Ok(guard) => guard, Err(poisoned) => poisoned.into_inner(), }\n.block_on(async {\nuser(mutex);";
        // A variable of that name is loaded before it.
        let text = cell("", &format!("let mut mutex = load();\n{executor}"));
        let replaced = rewritten(&text);
        assert!(
            replaced.contains(&format!(
                "let mut mutex = load();\n\n\n\n\n{EXECUTOR_CALL}\nuser(mutex);"
            )),
            "{replaced}"
        );
        assert_eq!(replaced.lines().count(), text.lines().count());
        let own = rewrite(&text, &Settings::default(), true).unwrap();
        assert!(own.function.contains(executor));
        let unknown = text.replace("mutex.lock()", "mutex.try_lock()");
        assert!(!rewritten(&unknown).contains(EXECUTOR_CALL));
    }

    #[test]
    fn markers_that_the_user_prints_stay() {
        let text = cell(&format!("fn f() {{ match g() {{ {PANIC_REPORT} }} }} }}"), PANIC_REPORT);
        assert_eq!(rewritten(&text).matches(PANIC_REPORT).count(), 2);
    }

    #[test]
    fn the_printed_value_becomes_a_call() {
        let text = cell(
            "",
            "fn evcxr_send_text_plain(text: & str)\n{ print }\nevcxr_send_text_plain(&format!(\"{:?}\",&(\nx\n)));",
        );
        let rewritten = rewritten(&text);
        assert!(rewritten.contains(SEND_TEXT_IMPORT) && !rewritten.contains("{ print }"));
        assert_eq!(rewritten.lines().count(), text.lines().count());
    }

    #[test]
    fn only_the_last_expression_is_the_result() {
        let text = cell("", "let a = (\n1\n).evcxr_display();\n(\na\n).evcxr_display();");
        let rewritten = rewritten(&text);
        assert_eq!(rewritten.matches(RESULT_ENDS).count(), 1);
        assert!(rewritten.contains(&format!("a\n{RESULT_ENDS}")));
    }

    #[test]
    fn attributes_of_the_crate_come_first() {
        let attributes = ["#![warn(a)]".to_owned(), "#![allow(b)]".to_owned()];
        let text = format!("{SOURCE_BEGINS}\nfn f() {{}}");
        assert_eq!(
            with_attributes(&text, &attributes),
            format!("{SOURCE_BEGINS} #![warn(a)] #![allow(b)]\nfn f() {{}}")
        );
        assert_eq!(with_attributes(&text, &[]), text);
        assert_eq!(with_attributes("fn f() {}", &attributes), "fn f() {}");
    }

    #[test]
    fn other_texts_stay_as_they_are() {
        for text in ["", "fn main() {}", "mod evcxr_internal_runtime {}\n"] {
            assert!(rewrite(text, &Settings::default(), false).is_none());
        }
    }
}
