//! The ways in which evcxr compiles a cell again after an error.
//!
//! evcxr compiles a cell again with another way to show its last expression, if the error is in there. It compiles the
//! cell once more without the closure that catches panics, since rustc explains errors of borrowing better so. The
//! user's code stays the same, and so do errors of names and types in it, on other lines.

use crate::{
    evcxr_text::{
        markers::{CATCH_BEGINS, CELL_FUNCTION_BEGINS, DEBUG_BEGINS, DEBUG_ENDS},
        replacements::{CATCH_ENDS, RESULT_ENDS, SEND_TEXT_IMPORT},
    },
    source::early_return,
};
use std::ops::Range;

/// Two sources of one cell: the user's code is the same, and the code around it differs.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Retry<'a> {
    /// The beginning of the change in both sources, in bytes.
    pub(crate) begin: usize,
    /// The place of the user's code in the first source, in bytes.
    pub(crate) code: Range<usize>,
    /// The text between the beginning of the change and the user's code, in the first source.
    pub(crate) first_opening: &'a str,
    /// The text between the beginning of the change and the user's code, in the second source.
    pub(crate) second_opening: &'a str,
    /// The part of the generated code that differs.
    pub(crate) change: Change,
}

/// The part of the generated code that evcxr changes to compile a cell again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// Panics are no longer caught.
    NoCatch,
    /// The last expression is printed by `{:?}`, and no longer shown by a method of its own.
    DebugFormat,
}

impl<'a> Retry<'a> {
    /// Compares two sources. There is a retry if evcxr compiles the same cell again.
    pub(crate) fn between(first: &'a str, second: &'a str) -> Option<Retry<'a>> {
        Retry::without_catch(first, second).or_else(|| Retry::with_debug_format(first, second))
    }

    fn without_catch(first: &'a str, second: &str) -> Option<Retry<'a>> {
        let function = first.rfind(CELL_FUNCTION_BEGINS)?;
        let begin = function + first[function..].find(CATCH_BEGINS)?;
        let code_range = begin + CATCH_BEGINS.len()..first.rfind(CATCH_ENDS)?;
        let code = first.get(code_range.clone())?;
        let rest = &first[code_range.end + CATCH_ENDS.len()..];
        let is_same = [&first[..begin], code, rest].concat() == second;
        (is_same && !can_leave_closure(code)).then_some(Retry {
            begin,
            code: code_range,
            first_opening: CATCH_BEGINS,
            second_opening: "",
            change: Change::NoCatch,
        })
    }

    fn with_debug_format(first: &'a str, second: &'a str) -> Option<Retry<'a>> {
        const OPENING: &str = "(\n";
        let end = first.rfind(&format!("\n{RESULT_ENDS}\n"))? + 1;
        let rest = &first[end + RESULT_ENDS.len()..];
        let printed = second.strip_suffix(rest)?.strip_suffix(DEBUG_ENDS)?;
        let opened = printed.rfind(&format!("\n{DEBUG_BEGINS}\n"))? + 1;
        let code = &printed[opened + DEBUG_BEGINS.len() + 1..];
        let before = first[..end].strip_suffix(code)?.strip_suffix(OPENING)?;
        let definition = second.get(before.len()..opened)?.strip_prefix(SEND_TEXT_IMPORT)?;
        let is_same = second.starts_with(before) && definition.trim().is_empty();
        is_same.then(|| Retry {
            begin: before.len(),
            code: end - code.len()..end,
            first_opening: OPENING,
            second_opening: &second[before.len()..opened + DEBUG_BEGINS.len() + 1],
            change: Change::DebugFormat,
        })
    }
}

/// Reports whether code may leave the closure around it, so that its types depend on the closure.
fn can_leave_closure(code: &str) -> bool {
    code.contains("return")
        || code.contains(early_return::CALL)
        || code.replace(":?}", "").replace(":#?}", "").contains('?')
}

/// Sources of one cell, as evcxr writes them and the wrapper changes them.
#[cfg(test)]
pub(crate) mod sources {
    use super::*;

    /// Returns the source of a cell whose panics are caught.
    pub(crate) fn catching(code: &str) -> String {
        plain(&format!("{CATCH_BEGINS}{code}{CATCH_ENDS}"))
    }

    /// Returns the source of a cell whose panics are not caught.
    pub(crate) fn plain(code: &str) -> String {
        format!("fn item() {{}}\n{CELL_FUNCTION_BEGINS}1(\n{code}}}\n")
    }

    /// Returns the source of a cell that shows its last expression.
    pub(crate) fn shown(expression: &str) -> String {
        catching(&format!("let a = 1;\n(\n{expression}\n{RESULT_ENDS}\n"))
    }

    /// Returns the source of a cell that prints its last expression.
    pub(crate) fn printed(expression: &str) -> String {
        let print = format!("{DEBUG_BEGINS}\n{expression}\n{DEBUG_ENDS}");
        catching(&format!("let a = 1;\n{SEND_TEXT_IMPORT}\n\n\n{print}\n"))
    }
}

#[cfg(test)]
mod tests {
    use super::{sources::*, *};

    #[test]
    fn only_the_same_code_is_compiled_again() {
        let change = |first: &str, second: &str| Retry::between(first, second).map(|retry| retry.change);
        for (first, second, expected) in [
            (catching("f();\n"), plain("f();\n"), Some(Change::NoCatch)),
            (
                catching("print!(\"{:?}\", f());\n"),
                plain("print!(\"{:?}\", f());\n"),
                Some(Change::NoCatch),
            ),
            (catching("f();\n"), plain("g();\n"), None),
            (catching("return f();\n"), plain("return f();\n"), None),
            (catching("f()?;\n"), plain("f()?;\n"), None),
            (
                shown("f(\n(\n1\n)\n)"),
                printed("f(\n(\n1\n)\n)"),
                Some(Change::DebugFormat),
            ),
            (shown("f()"), printed("g()"), None),
            (printed("f()"), shown("f()"), None),
            (plain("f();\n"), catching("f();\n"), None),
            (catching("f();\n"), catching("f();\n"), None),
            (String::new(), String::new(), None),
        ] {
            assert_eq!(change(&first, &second), expected, "{first} {second}");
        }
    }

    #[test]
    fn the_code_and_what_stands_before_it_are_found() {
        for (first, second, code) in [
            (catching("f();\n"), plain("f();\n"), "f();\n"),
            (shown("f()"), printed("f()"), "f()\n"),
        ] {
            let retry = Retry::between(&first, &second).unwrap();
            assert_eq!(&first[retry.code.clone()], code);
            assert!(first[retry.begin..].starts_with(&format!("{}{code}", retry.first_opening)));
            assert!(second[retry.begin..].starts_with(&format!("{}{code}", retry.second_opening)));
        }
    }
}
