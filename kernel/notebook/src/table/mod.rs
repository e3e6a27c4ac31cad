//! Tables of values that serialise.

mod cells;

use crate::display::{MimeBundle, Rich};
use cells::{RowCells, cells};
use mosaic_cell::message::html::{Table as HtmlTable, cut, folded};
use serde::Serialize;
use std::{collections::HashMap, fmt};

/// The most columns of a table. Further ones are left out, and the table says so.
const MOST_COLUMNS: usize = 100;
/// The name of the only column of values that have no fields.
const VALUE: &str = "value";

/// Makes a table of a slice of values that serialise, such as structs: a row for each value, a column for each field.
///
/// Of more than 20 rows, the table shows the first and the last 8. Nested values are shown as JSON.
///
/// ```
/// use notebook::table;
/// use serde::Serialize;
///
/// #[derive(Serialize)]
/// struct Element { name: &'static str, kelvin: f64 }
///
/// let elements = [Element { name: "helium", kelvin: 4.2 }, Element { name: "neon", kelvin: 27.1 }];
/// assert_eq!(table(&elements).to_string(), "   name    kelvin\n0  helium  4.2\n1  neon    27.1");
/// ```
pub fn table<T: Serialize>(rows: &[T]) -> Table {
    Table::of(rows.len(), &|number| cells(&rows[number]))
}

/// A table, made by [`table`]. Its text is what `Display` writes.
///
/// ```
/// let empty: [u8; 0] = [];
/// assert_eq!(notebook::table(&empty).to_string(), "no rows");
/// ```
#[derive(Clone, PartialEq, Eq)]
#[must_use = "end the cell with it or call `display`"]
pub struct Table {
    columns: Vec<String>,
    /// The names of the rows and their cells.
    rows: Vec<(String, Vec<String>)>,
    count: usize,
    hidden_columns: usize,
}

impl Table {
    /// Reads the rows that are shown. Behind `dyn`, so that cells need not compile it.
    fn of(count: usize, row: &dyn Fn(usize) -> Result<RowCells, String>) -> Table {
        let mut table = Table {
            columns: Vec::new(),
            rows: Vec::new(),
            count,
            hidden_columns: 0,
        };
        let mut places = HashMap::new();
        for number in folded(count) {
            let Some(number) = number else {
                table.rows.push(("⋮".to_owned(), Vec::new()));
                continue;
            };
            let cells = row(number).unwrap_or_else(|error| vec![(VALUE.to_owned(), format!("not shown: {error}"))]);
            let mut texts = Vec::new();
            for (column, text) in cells {
                let place = *places.entry(column).or_insert_with_key(|column| {
                    table.columns.push(cut(column));
                    table.columns.len() - 1
                });
                texts.resize(texts.len().max(place + 1), String::new());
                texts[place] = cut(&text);
            }
            table.rows.push((number.to_string(), texts));
        }
        table.hidden_columns = table.columns.len().saturating_sub(MOST_COLUMNS);
        table.columns.truncate(MOST_COLUMNS);
        for (name, texts) in &mut table.rows {
            let missing = if name == "⋮" { "⋮" } else { "" };
            texts.resize(table.columns.len(), missing.to_owned());
        }
        table
    }

    /// Says what the table does not show.
    fn note(&self) -> Option<String> {
        let mut notes = Vec::new();
        if self.count > self.rows.len() {
            notes.push(format!("{} rows", self.count));
        }
        if self.hidden_columns > 0 {
            notes.push(format!("{} more columns", self.hidden_columns));
        }
        (!notes.is_empty()).then(|| notes.join(", "))
    }
}

impl Rich for Table {
    fn mime_bundle(&self) -> MimeBundle {
        let mut table = HtmlTable::new(&self.columns);
        for (name, texts) in &self.rows {
            table.row(name, texts);
        }
        let note = self.note().map(|note| format!("<div><small>{note}</small></div>"));
        let html = match self.count {
            0 => "<div>no rows</div>".to_owned(),
            _ => format!("<div>{}{}</div>", table.html(), note.unwrap_or_default()),
        };
        MimeBundle::new()
            .with_text("text/plain", self.to_string())
            .with_text("text/html", html)
    }
}

/// Writes the columns side by side, each row on one line.
impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.count == 0 {
            return f.write_str("no rows");
        }
        let head = [(String::new(), self.columns.clone())];
        let lines = head.iter().chain(&self.rows).map(|(name, texts)| {
            let texts = texts.iter().map(|text| text.replace(char::is_control, " "));
            [name.clone()].into_iter().chain(texts).collect()
        });
        let lines: Vec<Vec<String>> = lines.collect();
        let mut widths = vec![0; self.columns.len() + 1];
        for line in &lines {
            for (width, text) in widths.iter_mut().zip(line) {
                *width = text.chars().count().max(*width);
            }
        }
        for (number, line) in lines.iter().enumerate() {
            let cells = line.iter().zip(&widths);
            let line: Vec<String> = cells.map(|(text, width)| format!("{text:<width$}")).collect();
            let end = if number == 0 { "" } else { "\n" };
            write!(f, "{end}{}", line.join("  ").trim_end())?;
        }
        self.note().map_or(Ok(()), |note| write!(f, "\n{note}"))
    }
}

impl fmt::Debug for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::display::MimeContent;
    use std::collections::BTreeMap;

    #[derive(Serialize)]
    struct Sample {
        name: String,
        value: f64,
        tags: Vec<u8>,
        note: Option<&'static str>,
    }

    fn sample(name: &str, value: f64) -> Sample {
        Sample {
            name: name.to_owned(),
            value,
            tags: vec![1, 2],
            note: None,
        }
    }

    fn html(table: &Table) -> String {
        match table.mime_bundle().into_parts().0.remove("text/html") {
            Some(MimeContent::Text(html)) => html,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn fields_are_columns_in_their_order() {
        let table = table(&[sample("<b>", f64::NAN), sample("a\nb", 1.0)]);
        let expected = "   name  value  tags   note\n0  <b>   NaN    [1,2]\n1  a b   1.0    [1,2]";
        assert_eq!(table.to_string(), expected);
        let html = html(&table);
        assert!(
            html.contains("<tr><th>0</th><td>&lt;b&gt;</td><td>NaN</td><td>[1,2]</td><td></td></tr>"),
            "{html}"
        );
    }

    #[test]
    fn many_rows_are_folded_and_only_those_shown_are_serialised() {
        struct Counted<'a>(usize, &'a std::cell::Cell<usize>);
        impl Serialize for Counted<'_> {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                self.1.set(self.1.get() + 1);
                self.0.serialize(serializer)
            }
        }
        let count = std::cell::Cell::new(0);
        let rows: Vec<Counted<'_>> = (0..1_000_000).map(|it| Counted(it, &count)).collect();
        let table = table(&rows);
        assert_eq!(count.get(), 16);
        let text = table.to_string();
        assert_eq!(text.lines().count(), 19, "{text}");
        assert!(
            text.contains("\n⋮       ⋮\n") && text.ends_with("\n999999  999999\n1000000 rows"),
            "{text}"
        );
        assert!(html(&table).len() < 2_000);
    }

    #[test]
    fn rows_of_any_form_are_shown() {
        #[derive(Serialize)]
        enum Event {
            Start,
            Move { x: i8 },
            Wait(u8),
        }
        let text = table(&[Event::Start, Event::Move { x: -1 }, Event::Wait(7)]).to_string();
        assert_eq!(
            text,
            "   variant  x   value\n0  Start\n1  Move     -1\n2  Wait         7"
        );
        let text = table(&[BTreeMap::from([("a", 1)]), BTreeMap::from([("b", 2)])]).to_string();
        assert_eq!(text, "   a  b\n0  1\n1     2");
        let text = table(&[("x", 1.5, 'c')]).to_string();
        assert_eq!(text, "   0  1    2\n0  x  1.5  c");
        assert_eq!(table(&["x", "y"]).to_string(), "   value\n0  x\n1  y");
        assert_eq!(table(&[Some(1), None]).to_string(), "   value\n0  1\n1");
        assert_eq!(table(&[u128::MAX]).to_string(), format!("   value\n0  {}", u128::MAX));
        assert_eq!(table(&[[0.1_f32, f32::INFINITY]]).to_string(), "   0    1\n0  0.1  inf");
    }

    #[test]
    fn wide_and_long_rows_are_cut() {
        let wide: BTreeMap<u32, u32> = (0..1_000).map(|it| (it, it)).collect();
        let shown = table(&[wide]);
        assert!(shown.to_string().ends_with("\n900 more columns") && html(&shown).len() < 10_000);
        let long = table(&["x".repeat(1_000_000)]).to_string();
        assert!(long.len() < 300 && long.ends_with('…'));
    }

    #[test]
    fn a_value_that_does_not_serialise_says_so() {
        let maps = [std::collections::HashMap::from([((1, 2), 3)])];
        let text = table(&[maps]).to_string();
        assert!(text.contains("not shown: "), "{text}");
    }
}
