//! What stands before a cell's code: commands, `:dep x` and `!ls`, with the blank lines and comments between them.

/// Whether a line is a command. A path may begin with two colons.
pub(crate) fn is_command(line: &str) -> bool {
    let line = line.trim_start_matches(BYTE_ORDER_MARK).trim_start();
    line.starts_with(':') && !line.starts_with("::")
}

/// Some editors begin a text with it.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// The lines before a cell's code, without their ends, and where each begins.
pub(crate) fn preamble(code: &str) -> impl Iterator<Item = (usize, &str)> {
    let begin = |line: &str| line.as_ptr() as usize - code.as_ptr() as usize;
    let before_code = |line: &str| {
        let line = line.trim_start_matches(BYTE_ORDER_MARK);
        line.trim().is_empty() || line.starts_with("//") || line.starts_with('!') || is_command(line)
    };
    code.split('\n')
        .take_while(move |line| before_code(line))
        .map(move |line| (begin(line), line))
}

/// Whether a command stands before a cell's code.
pub(crate) fn asks_for(code: &str, name: &str) -> bool {
    preamble(code).any(|(_, line)| line.split_whitespace().next() == Some(name))
}

/// Where a cell's code begins.
pub(crate) fn end_of_preamble(code: &str) -> usize {
    let last = preamble(code).last();
    last.map_or(0, |(begin, line)| (begin + line.len() + 1).min(code.len()))
}

/// The code of a cell, with spaces in the place of its commands.
pub(crate) fn without_commands(code: &str) -> String {
    let (before, rest) = code.split_at(end_of_preamble(code));
    let lines = before.split_inclusive('\n').map(|line| {
        let is_code = line.starts_with("//");
        if is_code { line.to_owned() } else { blank(line) }
    });
    lines.collect::<String>() + rest
}

/// As many spaces as a text has bytes, on as many lines.
pub(crate) fn blank(text: &str) -> String {
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
    }
}
