//! The texts of executed cells, by which an error shows the line that it came from.
//!
//! A panic says its place as `cell [3]:2:5`, since the compiler knows each cell as a file of that name.

use crate::errors::diagnostic::Diagnostic;
use crate::errors::places::offset;
use annotate_snippets::Level;
use std::collections::BTreeMap;

/// A place in an executed cell. Line and column count from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CellPlace {
    /// The cell's number, as clients show it.
    pub(crate) cell: u32,
    pub(crate) line: usize,
    /// Counts characters.
    pub(crate) column: usize,
}

impl CellPlace {
    /// Splits the place off the end of a message such as `no stones, at cell [3]:2:5`.
    pub(crate) fn split_off(message: &str) -> Option<(&str, CellPlace)> {
        let (text, place) = message.rsplit_once(", at cell [")?;
        let (cell, place) = place.split_once("]:")?;
        let (line, column) = place.split_once(':')?;
        let place = CellPlace {
            cell: cell.parse().ok()?,
            line: line.parse().ok().filter(|line| *line > 0)?,
            column: column.parse().ok().filter(|column| *column > 0)?,
        };
        Some((text, place))
    }
}

/// The texts of the cells that were executed, by number.
#[derive(Debug, Default)]
pub(crate) struct ExecutedCells(BTreeMap<u32, String>);

impl ExecutedCells {
    /// Keeps the text of a cell. A number that clients show twice stands for the later cell.
    pub(crate) fn keep(&mut self, number: u32, code: &str) {
        self.0.insert(number, code.to_owned());
    }

    /// Renders the line of a place with a caret under the column, below a title. Returns nothing if the cell is not
    /// known, or has no such line.
    pub(crate) fn render(&self, title: &str, name: &'static str, place: CellPlace) -> Option<String> {
        let code = self.0.get(&place.cell)?;
        code.lines().nth(place.line - 1)?;
        let start = offset(code, (place.line, place.column));
        let next = code[start..].chars().next().filter(|next| *next != '\n');
        let end = start + next.map_or(0, char::len_utf8);
        let shown = Diagnostic::at(start..end, title, "");
        let level = Level::ERROR.with_name(name);
        Some(shown.render_as(&level, code, &format!("cell [{}]", place.cell)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_split_off_a_message() {
        let place = |cell, line, column| CellPlace { cell, line, column };
        for (message, expected) in [
            ("no stones, at cell [3]:2:5", Some(("no stones", place(3, 2, 5)))),
            (
                "a, at cell [1]:1:1, at cell [12]:10:1",
                Some(("a, at cell [1]:1:1", place(12, 10, 1))),
            ),
            ("two\nlines, at cell [3]:2:5", Some(("two\nlines", place(3, 2, 5)))),
            ("no stones, at /rustc/library/alloc/src/fmt.rs:655:14", None),
            ("no stones, at cell [3]", None),
            ("no stones, at cell [3]:0:1", None),
            ("no stones", None),
        ] {
            assert_eq!(CellPlace::split_off(message), expected, "{message}");
        }
    }

    #[test]
    fn the_line_of_a_place_is_shown_with_a_caret() {
        let mut cells = ExecutedCells::default();
        cells.keep(3, "let a = 1;\nlet é = b.unwrap();\n");
        cells.keep(4, "c");
        let render = |cell, line, column| {
            let rendered = cells.render("no stones", "Panic", CellPlace { cell, line, column })?;
            let ansi = rendered.split('\x1b').enumerate();
            let plain = ansi.map(|(index, part)| {
                if index == 0 {
                    part
                } else {
                    part.split_once('m').unwrap().1
                }
            });
            Some(plain.collect::<String>())
        };
        let expected = "Panic: no stones\n --> cell [3]:2:9\n  |\n2 | let é = b.unwrap();\n  |         ^";
        assert_eq!(render(3, 2, 9).as_deref(), Some(expected));
        assert_eq!(
            render(4, 1, 1).as_deref(),
            Some("Panic: no stones\n --> cell [4]:1:1\n  |\n1 | c\n  | ^")
        );
        assert_eq!(render(4, 2, 1), None);
        assert_eq!(render(5, 1, 1), None);
        assert!(render(4, 1, 99).is_some());
    }
}
