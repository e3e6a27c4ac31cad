//! rustc's messages on their way through the wrapper.
//!
//! evcxr takes the first part of a message that points to code it knows as the user's for the whole of it. Where an error
//! is in a cell's last expression, which evcxr wraps, that is a note such as "function defined here"; where a variable is
//! not there that evcxr would store, it is the advice to import something of its name. Without the notes' places evcxr
//! takes the error itself.

use crate::evcxr_text::rewrite;
use serde_json::Value;
use std::ops::RangeInclusive;

/// The lines, from 1, that evcxr's wrapping of the last expression takes in a cell's source.
pub(crate) fn last_expression(source: &str) -> Option<RangeInclusive<u64>> {
    let lines: Vec<&str> = source.lines().collect();
    let end = lines.iter().rposition(|line| *line == rewrite::DISPLAY_RESULT)?;
    let begin = lines[..end].iter().rposition(|line| *line == "(")?;
    Some(begin as u64 + 1..=end as u64 + 1)
}

/// How evcxr stores a variable.
const STORES: &str = "evcxr_variable_store.put_variable::<";

/// What rustc says of a variable that is not there: where a macro has its name, as `line!` has, and otherwise. evcxr
/// understands the latter.
const MACRO_OF_THE_NAME: &str = "E0423";
const NO_VALUE_OF_THE_NAME: &str = "E0425";

/// A line that rustc prints, changed where it is an error in these lines, or in storing a variable.
pub(crate) fn without_places_of_notes(line: &str, wrapped: Option<&RangeInclusive<u64>>) -> Option<String> {
    let mut message: Value = serde_json::from_str(line).ok()?;
    let is_wrapped = |span: &Value| {
        let line = span["line_start"].as_u64();
        wrapped.zip(line).is_some_and(|(wrapped, line)| wrapped.contains(&line))
    };
    let is_there = |span: &Value| {
        span["is_primary"] == true
            && span["file_name"].as_str().is_some_and(|name| name.ends_with("lib.rs"))
            && (is_wrapped(span)
                || span["text"][0]["text"]
                    .as_str()
                    .is_some_and(|text| text.starts_with(STORES)))
    };
    if !message["spans"].as_array()?.iter().any(is_there) {
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
        message["spans"][0]["text"] = json!([{ "text": format!("{STORES}u8>(stringify!(empty), empty);") }]);
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
}
