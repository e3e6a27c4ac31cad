//! The preamble of a cell: commands such as `:dep x` and `!ls`, with the blank lines and comments between them.
//!
//! evcxr reads a cell line by line up to the first line of code. A line of the preamble that begins with `:` is a
//! command of evcxr's or the kernel's, and a line that begins with `!` is a command of the shell. Neither is Rust.

use std::borrow::Cow;

/// The character with which some editors begin a text.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// Reports whether a line is a command and no command of the shell. A path may begin with two colons.
pub fn is_command(line: &str) -> bool {
    let line = line.trim_start_matches(BYTE_ORDER_MARK).trim_start();
    line.starts_with(':') && !line.starts_with("::")
}

/// Yields the lines of a cell's preamble without their ends, each with the byte at which it begins.
///
/// ```
/// let lines: Vec<_> = mosaic_expand::preamble::preamble(":dep rand\n!ls\nlet x = 1;\n:vars").collect();
/// assert_eq!(lines, [(0, ":dep rand"), (10, "!ls")]);
/// ```
pub fn preamble(cell: &str) -> impl Iterator<Item = (usize, &str)> {
    let begin = |line: &str| line.as_ptr() as usize - cell.as_ptr() as usize;
    let is_before_code = |line: &str| {
        let line = line.trim_start_matches(BYTE_ORDER_MARK);
        line.trim().is_empty() || line.starts_with("//") || line.starts_with('!') || is_command(line)
    };
    cell.split('\n')
        .take_while(move |line| is_before_code(line))
        .map(move |line| (begin(line), line))
}

/// Returns the byte at which a cell's code begins.
pub fn end_of_preamble(cell: &str) -> usize {
    let last = preamble(cell).last();
    last.map_or(0, |(begin, line)| (begin + line.len() + 1).min(cell.len()))
}

/// Returns the code of a cell, with spaces in place of its commands: every byte of the code stays where it is.
///
/// ```
/// assert_eq!(mosaic_expand::preamble::without_commands(":vars\nlet x = 1;"), "     \nlet x = 1;");
/// ```
pub fn without_commands(cell: &str) -> Cow<'_, str> {
    let (before, code) = cell.split_at(end_of_preamble(cell));
    if before.is_empty() {
        return Cow::Borrowed(cell);
    }
    let mut blanked = String::with_capacity(cell.len());
    for line in before.split_inclusive('\n') {
        match line.starts_with("//") {
            true => blanked += line,
            false => blanked += &blank(line),
        }
    }
    Cow::Owned(blanked + code)
}

/// Replaces every character but line breaks by as many spaces as it has bytes.
pub fn blank(text: &str) -> String {
    let blank = |byte: u8| {
        if matches!(byte, b'\n' | b'\r') {
            byte as char
        } else {
            ' '
        }
    };
    text.bytes().map(blank).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_begins_where_the_preamble_ends() {
        for (code, rest) in [
            ("", ""),
            (":vars", ""),
            (":vars\n", ""),
            (":dep x\n\n// what follows\n!ls\n  :opt 2\nf()\n:vars", "f()\n:vars"),
            ("\u{feff}:vars\nf()", "f()"),
            ("::std::mem::drop(1);", "::std::mem::drop(1);"),
            ("f()", "f()"),
            // evcxr takes a line for a command of the shell only if the mark comes first.
            (" !true", " !true"),
        ] {
            assert_eq!(&code[end_of_preamble(code)..], rest, "{code:?}");
        }
    }

    #[test]
    fn code_keeps_its_place() {
        let code = ":dep a = \"ä\"\n// kept\nlet x = 1;\n";
        let blanked = without_commands(code);
        assert_eq!(blanked.len(), code.len());
        assert_eq!(blanked.trim_start(), "// kept\nlet x = 1;\n");
        assert_eq!(without_commands("\u{feff}:vars\r\nx\r\n"), "        \r\nx\r\n");
    }
}
