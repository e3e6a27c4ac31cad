//! Parts of HTML and SVG texts: escaped text, and tables that leave out their middle.

use std::fmt::{self, Debug, Write};

/// Rows or columns beyond this number are left out.
const MOST_SHOWN: usize = 20;
/// The number of rows or columns that are shown at each end if others are left out.
const SHOWN_AT_AN_END: usize = 8;
/// The most characters of a table's cell.
const MOST_CHARACTERS: usize = 200;

/// Returns a text as HTML and SVG show it as it is. Characters that XML forbids become `U+FFFD`.
///
/// ```
/// assert_eq!(mosaic_message::html::escape("<a & \"b\">"), "&lt;a &amp; &quot;b&quot;&gt;");
/// ```
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            '\n' | '\t' => escaped.push(character),
            '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            _ if character.is_control() => escaped.push('\u{fffd}'),
            _ => escaped.push(character),
        }
    }
    escaped
}

/// Returns the numbers of the rows or columns that a table shows of `count`: all of them, or both ends with `None` for
/// those between.
///
/// ```
/// use mosaic_message::html::folded;
/// assert_eq!(folded(2), [Some(0), Some(1)]);
/// assert_eq!((folded(100).len(), folded(100)[8], folded(100)[9]), (17, None, Some(92)));
/// ```
pub fn folded(count: usize) -> Vec<Option<usize>> {
    if count <= MOST_SHOWN {
        return (0..count).map(Some).collect();
    }
    let first = (0..SHOWN_AT_AN_END).map(Some);
    let last = (count - SHOWN_AT_AN_END..count).map(Some);
    first.chain([None]).chain(last).collect()
}

/// Returns a text, cut where it is too long for a table's cell.
///
/// ```
/// assert_eq!(mosaic_message::html::cut("300 K"), "300 K");
/// assert!(mosaic_message::html::cut(&"x".repeat(1_000)).ends_with("x…"));
/// ```
pub fn cut(text: &str) -> String {
    let mut cut = Cut::default();
    // An error says that the text is cut.
    let _ = cut.write_str(text);
    cut.text
}

/// Returns a value as `{:?}` formats it, cut where it is too long for a table's cell.
///
/// ```
/// assert_eq!(mosaic_message::html::cut_debug(&Some(1.0)), "Some(1.0)");
/// ```
pub fn cut_debug(value: &dyn Debug) -> String {
    let mut cut = Cut::default();
    // An error says that the text is cut, so formatting has ended early.
    let _ = write!(cut, "{value:?}");
    cut.text
}

/// A text that takes no more than [`MOST_CHARACTERS`].
#[derive(Default)]
struct Cut {
    text: String,
    characters: usize,
}

impl Write for Cut {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for character in text.chars() {
            if self.characters == MOST_CHARACTERS {
                self.text.push('…');
                self.characters += 1;
            }
            if self.characters > MOST_CHARACTERS {
                return Err(fmt::Error);
            }
            self.text.push(character);
            self.characters += 1;
        }
        Ok(())
    }
}

/// A table as HTML. The front end's style sheet gives it its colours.
///
/// ```
/// use mosaic_message::html::Table;
/// let mut table = Table::new(&["name", "kelvin"]);
/// table.row("0", &["helium", "4.2"]);
/// assert!(table.html().contains("<th>name</th>"));
/// ```
#[derive(Debug)]
pub struct Table {
    html: String,
}

impl Table {
    /// Begins a table with the names of its columns. Another column before them is for the names of the rows.
    ///
    /// ```
    /// assert!(mosaic_message::html::Table::new(&["<k>"]).html().contains("<th>&lt;k&gt;</th>"));
    /// ```
    pub fn new(columns: &[impl AsRef<str>]) -> Table {
        let mut html = "<table><thead><tr><th></th>".to_owned();
        for column in columns {
            let _ = write!(html, "<th>{}</th>", escape(column.as_ref()));
        }
        html.push_str("</tr></thead><tbody>");
        Table { html }
    }

    /// Adds a row with its name and the texts of its cells.
    ///
    /// ```
    /// let mut table = mosaic_message::html::Table::new(&["kelvin"]);
    /// table.row("helium", &["4.2"]);
    /// assert!(table.html().contains("<td>4.2</td>"));
    /// ```
    pub fn row(&mut self, name: &str, cells: &[impl AsRef<str>]) {
        let _ = write!(self.html, "<tr><th>{}</th>", escape(name));
        for cell in cells {
            let _ = write!(self.html, "<td>{}</td>", escape(cell.as_ref()));
        }
        self.html.push_str("</tr>");
    }

    /// Ends the table.
    ///
    /// ```
    /// assert!(mosaic_message::html::Table::new(&["kelvin"]).html().ends_with("</table>"));
    /// ```
    pub fn html(self) -> String {
        self.html + "</tbody></table>"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_text_is_markup() {
        for (text, escaped) in [
            ("", ""),
            ("<script>", "&lt;script&gt;"),
            ("' onload='", "&#39; onload=&#39;"),
            ("a\u{0}b\u{1b}\u{ffff}", "a\u{fffd}b\u{fffd}\u{fffd}"),
            ("é ∂ 😀\n", "é ∂ 😀\n"),
        ] {
            assert_eq!(escape(text), escaped);
        }
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        for (count, expected) in [(199, 199), (200, 200), (201, 201), (10_000, 201)] {
            let text = "é".repeat(count);
            assert_eq!(cut(&text).chars().count(), expected);
            assert_eq!(cut(&text).ends_with('…'), count > 200);
        }
        assert_eq!(cut_debug(&vec![0; 1_000_000]).chars().count(), 201);
    }

    #[test]
    fn both_ends_are_shown() {
        for (count, expected) in [(0, 0), (1, 1), (20, 20), (21, 17), (usize::MAX, 17)] {
            let shown = folded(count);
            assert_eq!(shown.len(), expected);
            assert_eq!(shown.last().copied().flatten(), count.checked_sub(1));
        }
    }
}
