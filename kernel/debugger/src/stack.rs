//! The frames that a user sees: those of cells, and what cells have called. What has called the cells is the kernel's.

use serde_json::Value;

/// Part of the name of the function around a cell's code, as evcxr generates it.
const AROUND_CELL: &str = "run_user_code";
/// The function that a cell calls at its end, when all of its variables are there. `mosaic-cell` defines it.
const END: &str = "mosaic_cell_end_for_debugger";
/// The crate of the cells.
const CELL_CRATE: &str = "ctx::";

/// A frame as the adapter tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    /// The adapter's number.
    pub(crate) id: u64,
    /// The name of the function, as Rust writes it.
    pub(crate) name: String,
    /// The line, from 1.
    pub(crate) line: u64,
    /// The column, from 1.
    pub(crate) column: u64,
    /// The path of the source, if it is known.
    pub(crate) path: Option<String>,
    /// The source is a cell's.
    pub(crate) is_cell: bool,
}

/// Reads the frames of a reply to `stackTrace`.
pub(crate) fn read(body: &Value, is_cell: impl Fn(&str) -> bool) -> Vec<Frame> {
    let frames = body["stackFrames"].as_array().into_iter().flatten();
    let frame = |frame: &Value| {
        let path = frame["source"]["path"].as_str().map(str::to_owned);
        let is_cell = path.as_deref().is_some_and(&is_cell);
        Frame {
            id: frame["id"].as_u64().unwrap_or_default(),
            name: name(
                frame["name"].as_str().unwrap_or("?"),
                path.as_deref().filter(|_| is_cell),
            ),
            line: frame["line"].as_u64().unwrap_or_default(),
            column: frame["column"].as_u64().unwrap_or_default(),
            path,
            is_cell,
        }
    };
    frames.map(frame).collect()
}

/// Returns the frames that a user sees. `from_cell` leaves out what stands above the first cell, such as the machinery
/// of a panic.
pub(crate) fn visible(mut frames: Vec<Frame>, from_cell: bool) -> Vec<Frame> {
    let Some(last) = frames.iter().rposition(|frame| frame.is_cell) else {
        return Vec::new();
    };
    frames.truncate(last + 1);
    if from_cell {
        let first = frames.iter().position(|frame| frame.is_cell).unwrap_or_default();
        frames.drain(..first);
    }
    // Generated code between two places of cells.
    frames.retain(|frame| frame.is_cell || !is_around_cell(frame));
    frames
}

/// Returns the name of the function that a cell calls at its end.
pub(crate) fn end_of_cell() -> &'static str {
    END
}

/// Returns whether a frame is of the code around a cell.
pub(crate) fn is_around_cell(frame: &Frame) -> bool {
    frame.name.contains(AROUND_CELL)
}

/// Returns the name of a function as Rust writes it. `cell` is the path of the cell that the function is in.
fn name(name: &str, cell: Option<&str>) -> String {
    if name.contains(AROUND_CELL)
        && let Some(cell) = cell.and_then(|path| path.rsplit('/').next())
    {
        return cell.to_owned();
    }
    let mut plain = without_hash(name).replace(CELL_CRATE, "");
    for (from, to) in [
        ("_$u7b$$u7b$", "{"),
        ("$u7d$$u7d$", "}"),
        ("$LT$", "<"),
        ("$GT$", ">"),
        ("$RF$", "&"),
        ("$u20$", " "),
    ] {
        plain = plain.replace(from, to);
    }
    plain
}

/// Removes the hash at the end of a symbol: `f::h8da7fa642d137fc6`.
fn without_hash(name: &str) -> &str {
    match name.rsplit_once("::h") {
        Some((plain, hash)) if hash.len() == 16 && hash.bytes().all(|it| it.is_ascii_hexdigit()) => plain,
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn frames(of: &[(&str, &str)]) -> Vec<Frame> {
        let frames: Vec<Value> = of
            .iter()
            .enumerate()
            .map(|(id, (name, path))| json!({ "id": id, "name": name, "line": 1, "column": 2, "source": { "path": path } }))
            .collect();
        read(&json!({ "stackFrames": frames }), |path| path.contains("cell ["))
    }

    #[test]
    fn a_user_sees_cells_and_what_they_call() {
        let all = frames(&[
            ("core::panicking::panic_fmt::h8da7fa642d137fc6", "/rustc/x/panicking.rs"),
            ("ctx::Counter::add::h8da7fa642d137fc6", "/n/cell [1]"),
            ("core::iter::map::{closure#0}", "/rustc/x/iter.rs"),
            (
                "ctx::run_user_code_3::_$u7b$$u7b$closure$u7d$$u7d$::h8da7fa642d137fc6",
                "/n/cell [3]",
            ),
            ("ctx::run_user_code_3::h8da7fa642d137fc6", "/n/cell"),
            ("mosaic_cell::catch_unwind", "/n/lib.rs"),
        ]);
        let names = |frames: Vec<Frame>| frames.into_iter().map(|it| it.name).collect::<Vec<_>>();
        let seen = names(visible(all.clone(), false));
        assert_eq!(
            seen,
            [
                "core::panicking::panic_fmt",
                "Counter::add",
                "core::iter::map::{closure#0}",
                "cell [3]"
            ]
        );
        assert_eq!(names(visible(all, true)), seen[1..]);
        assert!(visible(frames(&[("main", "main.rs")]), false).is_empty());
    }

    #[test]
    fn names_are_as_rust_writes_them() {
        for (symbol, expected) in [
            ("ctx::f::h8da7fa642d137fc6", "f"),
            (
                "ctx::f::_$u7b$$u7b$closure$u7d$$u7d$::h8da7fa642d137fc6",
                "f::{closure}",
            ),
            ("ctx::hash::hello", "hash::hello"),
        ] {
            assert_eq!(name(symbol, None), expected);
        }
    }
}
