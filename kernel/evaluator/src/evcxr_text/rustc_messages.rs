//! rustc's messages about the code that evcxr generates: changed for evcxr by the wrapper, and for the user by the
//! kernel.
//!
//! evcxr places a whole message at the first part of it that points to the user's code. Two kinds of errors then show
//! up in the wrong place. An error in a cell's last expression, which evcxr wraps, is placed at a note such as
//! "function defined here". An error on storing a variable that is not there is placed at the advice to import
//! something of its name. Without the places of the notes, evcxr finds the place of the error itself.

use crate::evcxr_text::{
    markers::{DISPLAY_ENDS, PUT_VARIABLE, TYPE_PREFIX, USER_ERROR, VARIABLE_STORE},
    replacements::RESULT_ENDS,
};
use serde_json::Value;
use std::ops::RangeInclusive;

/// rustc's error on a variable that is not there and whose name a macro has, such as `line!`. evcxr knows only
/// [`NO_VALUE_OF_THE_NAME`].
const MACRO_OF_THE_NAME: &str = "E0423";
/// rustc's error on a variable that is not there.
const NO_VALUE_OF_THE_NAME: &str = "E0425";
/// Parts of notes that are about generated code, or that list a trait's implementations.
const ABOUT_GENERATED_CODE: [&str; 8] = [
    "evcxr",
    TYPE_PREFIX,
    "mosaic_cell",
    "mosaic::__private",
    "__mosaic_",
    "the following other types implement",
    "to implement `Portable`",
    "#[warn(",
];

/// The beginnings of rustc's errors on a macro that expands to a statement or an expression where an item is expected.
const NO_ITEM: [&str; 8] = [
    "macro expansion ignores ",
    "macro expansion ends with an incomplete expression",
    "expected one of `!` or `::`",
    // A function's call, a struct's value and the call of an associated function.
    "missing `fn` or `struct` for ",
    "missing `struct` for ",
    "expected identifier, found `<`",
    "non-item macro in item position",
    "const block items are experimental",
];

/// Reports whether an error of rustc's says that a macro expands to something else than items.
pub(crate) fn says_that_no_item_follows(message: &str) -> bool {
    NO_ITEM.iter().any(|begin| message.starts_with(begin))
}

/// Finds the lines, from 1, that evcxr's wrapping of the last expression takes in a cell's source.
pub(crate) fn last_expression(source: &str) -> Option<RangeInclusive<u64>> {
    let lines: Vec<&str> = source.lines().collect();
    let end = lines.iter().rposition(|line| *line == RESULT_ENDS)?;
    let begin = lines[..end].iter().rposition(|line| *line == "(")?;
    Some(begin as u64 + 1..=end as u64 + 1)
}

/// Removes the places of notes from a message, if it is an error in the `wrapped` lines or on storing a variable.
pub(crate) fn without_places_of_notes(line: &str, wrapped: Option<&RangeInclusive<u64>>) -> Option<String> {
    let mut message: Value = serde_json::from_str(line).ok()?;
    let is_wrapped = |span: &Value| {
        let line = span["line_start"].as_u64();
        wrapped.zip(line).is_some_and(|(wrapped, line)| wrapped.contains(&line))
    };
    let stores = |span: &Value| {
        let text = span["text"][0]["text"].as_str();
        text.is_some_and(|text| text.starts_with(PUT_VARIABLE))
    };
    let is_concerned = |span: &Value| {
        span["is_primary"] == true
            && span["file_name"].as_str().is_some_and(|name| name.ends_with("lib.rs"))
            && (is_wrapped(span) || stores(span))
    };
    if !message["spans"].as_array()?.iter().any(is_concerned) {
        return None;
    }
    for note in message["children"].as_array_mut()? {
        note["spans"] = Value::Array(Vec::new());
    }
    if message["code"]["code"] == MACRO_OF_THE_NAME {
        message["code"]["code"] = NO_VALUE_OF_THE_NAME.into();
    }
    Some(message.to_string())
}

/// Replaces rustc's words for evcxr's wrapping by words for the cell.
pub(crate) fn in_words_of_the_cell(text: &str) -> String {
    // With its whole path, where the notebook has another `Result` as well.
    let result_with_path = format!("std::result::Result<(), {USER_ERROR}>");
    let result = format!("Result<(), {USER_ERROR}>");
    text.replace(&format!("`{VARIABLE_STORE}`"), "the end of the cell")
        .replace("<end of input>", "the end of the cell")
        .replace("an async block that returns `Result`", "a cell")
        .replace(&result_with_path, &result)
        .replace(&format!(" compatible with `{result}`"), "")
        .replace(&format!("`{USER_ERROR}`"), "the cell's error")
        .replace(
            "return type inferred to be `()` here",
            "a cell returns a `Result`: end it early with `return Ok(());`",
        )
}

/// Reports whether a note or a line of source is about generated code, and so of no use to the user.
pub(crate) fn is_about_generated_code(text: &str) -> bool {
    ABOUT_GENERATED_CODE.iter().any(|part| text.contains(part))
}

/// Reports whether a line of a cell's source, without the space around it, is evcxr's and not the user's.
pub(crate) fn is_wrapping(line: &str) -> bool {
    ["(", DISPLAY_ENDS, ""].contains(&line) || is_about_generated_code(line)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn message(line: u64) -> Value {
        let span = |line: u64| json!({ "is_primary": true, "file_name": "src/lib.rs", "line_start": line });
        json!({ "message": "wrong", "spans": [span(line)], "children": [{ "message": "defined here", "spans": [span(1)] }] })
    }

    #[test]
    fn only_errors_in_the_last_expression_lose_the_places_of_their_notes() {
        let wrapped =
            last_expression("fn f() {}\nlet x = 1;\n(\nf(x)\n).mosaic_begin_result().evcxr_display();\n}").unwrap();
        assert_eq!(wrapped, 3..=5);
        let changed = without_places_of_notes(&message(4).to_string(), Some(&wrapped)).unwrap();
        let changed: Value = serde_json::from_str(&changed).unwrap();
        assert_eq!(changed["children"][0]["spans"], json!([]));
        assert_eq!(changed["spans"], message(4)["spans"]);
        for line in [message(2).to_string(), "{}".into(), "no JSON".into()] {
            assert_eq!(without_places_of_notes(&line, Some(&wrapped)), None);
        }
    }

    #[test]
    fn an_error_on_storing_a_variable_is_one_of_storing_it() {
        let mut message = message(7);
        assert_eq!(without_places_of_notes(&message.to_string(), None), None);
        message["spans"][0]["text"] = json!([{ "text": format!("{PUT_VARIABLE}u8>(stringify!(empty), empty);") }]);
        message["code"] = json!({ "code": MACRO_OF_THE_NAME });
        let changed = without_places_of_notes(&message.to_string(), None).unwrap();
        let changed: Value = serde_json::from_str(&changed).unwrap();
        assert_eq!(changed["children"][0]["spans"], json!([]));
        assert_eq!(changed["code"]["code"], NO_VALUE_OF_THE_NAME);
    }

    #[test]
    fn a_cell_without_a_last_expression_has_no_such_lines() {
        assert_eq!(last_expression("fn f() {}\nlet x = (\n1\n);"), None);
    }

    #[test]
    fn messages_speak_of_the_cell() {
        for (text, expected) in [
            (
                "expected `;`, found `evcxr_variable_store`",
                "expected `;`, found the end of the cell",
            ),
            (
                "expected a type compatible with `std::result::Result<(), EvcxrUserCodeError>`",
                "expected a type",
            ),
            ("`EvcxrUserCodeError` is not `X`", "the cell's error is not `X`"),
            ("expected `u8`", "expected `u8`"),
        ] {
            assert_eq!(in_words_of_the_cell(text), expected);
        }
    }

    #[test]
    fn wrapping_is_told_from_the_users_code() {
        for line in [
            "(",
            "",
            ").evcxr_display();",
            "evcxr_variable_store",
            "::mosaic_cell::panicked();",
        ] {
            assert!(is_wrapping(line), "{line}");
        }
        assert!(!is_wrapping("let x = 1;") && !is_about_generated_code("consider borrowing here"));
    }
}
