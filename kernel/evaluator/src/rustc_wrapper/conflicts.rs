//! Items of a notebook that cannot be there together.
//!
//! evcxr keeps items by name, and the kernel by what their text says. rustc knows better: two paths may name one trait,
//! and an import may bring in the name of a function. Where rustc finds two items that conflict, the wrapper tells the
//! kernel their names, and the kernel gives up the older item.

use crate::{session::files, source::carriers::KeptItem};
use serde_json::Value;
use std::{collections::BTreeSet, io, path::Path};

/// Errors on two items of one name, two implementations of one trait, and two members of one name.
const ON_TWO_ITEMS: [&str; 8] = ["E0119", "E0252", "E0254", "E0255", "E0260", "E0428", "E0592", "E0751"];

/// Tells the kernel which items conflict, if any do. `carried` is the source as evcxr wrote it.
pub(super) fn keep(session: &Path, carried: &str, messages: &str) -> io::Result<()> {
    let conflicts: Vec<Value> = messages.lines().filter_map(conflict).collect();
    if conflicts.is_empty() {
        return files::CONFLICTING_ITEMS.remove(session);
    }
    let items = KeptItem::all(carried);
    let names = |conflict: &Value| -> BTreeSet<String> {
        let spans = conflict["spans"].as_array().into_iter().flatten();
        let lines = spans.filter_map(line);
        lines
            .filter_map(|line| items.iter().find(|item| item.lines.contains(&line)))
            .map(|item| item.key.clone())
            .collect()
    };
    files::CONFLICTING_ITEMS.write(session, &conflicts.iter().map(names).collect())
}

/// Reads an error on two items.
fn conflict(line: &str) -> Option<Value> {
    let message: Value = serde_json::from_str(line).ok()?;
    let code = message["code"]["code"].as_str()?;
    ON_TWO_ITEMS.contains(&code).then_some(message)
}

/// Returns the line of the source that a span is on. The span of what a macro made is on the line of the call.
fn line(span: &Value) -> Option<usize> {
    if let Some(call) = span["expansion"].get("span") {
        return line(call);
    }
    let is_in_source = span["file_name"] == files::CELL_SOURCE.name();
    usize::try_from(span["line_start"].as_u64().filter(|_| is_in_source)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_items_that_conflict_are_told() {
        let session = tempfile::tempdir().unwrap();
        let source = "use std::cmp::max;\nfn f() {}\nmod __carrier_value_max {use super::*;fn max() {\n}/*__carrier_end 1:1*/}\n";
        let message = |code: &str, lines: &[u64]| {
            let spans: Vec<Value> = lines
                .iter()
                .map(|line| json!({ "file_name": "src/lib.rs", "line_start": line }))
                .collect();
            format!("{}\n", json!({ "code": { "code": code }, "spans": spans }))
        };
        for (code, lines, expected) in [
            (
                "E0255",
                &[1, 4][..],
                Some(vec![BTreeSet::from(["max", "__carrier_value_max"])]),
            ),
            ("E0428", &[2], Some(vec![BTreeSet::from(["f"])])),
            ("E0308", &[2], None),
        ] {
            keep(session.path(), source, &(message(code, lines) + "no JSON\n")).unwrap();
            let kept = files::CONFLICTING_ITEMS.take(session.path());
            let expected = expected.map(|groups: Vec<BTreeSet<&str>>| -> Vec<BTreeSet<String>> {
                groups
                    .iter()
                    .map(|group| group.iter().map(|it| (*it).to_owned()).collect())
                    .collect()
            });
            assert_eq!(kept, expected, "{code}");
        }
    }
}
