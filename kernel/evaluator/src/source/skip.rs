//! Skips comments and literals in a text that may not be made of tokens.

/// The comment or literal at the beginning of a text, in which delimiters do not count.
pub(crate) enum Skip {
    /// A comment or a literal of this many bytes.
    Token(usize),
    /// A comment or a literal without an end.
    Unterminated,
    /// Neither a comment nor a literal.
    Nothing,
}

/// Reports whether a text begins with a comment or a literal.
pub(crate) fn skip(text: &str) -> Skip {
    let up_to = |end: Option<usize>| end.map_or(Skip::Unterminated, Skip::Token);
    if text.starts_with("//") {
        return Skip::Token(text.find('\n').unwrap_or(text.len()));
    }
    if text.starts_with("/*") {
        return up_to(block_comment(text));
    }
    if let Some(raw) = text.strip_prefix('r')
        && let hashes = raw.len() - raw.trim_start_matches('#').len()
        && raw[hashes..].starts_with('"')
    {
        let close = format!("\"{}", "#".repeat(hashes));
        let body = hashes + 2;
        return up_to(text[body..].find(&close).map(|at| body + at + close.len()));
    }
    match text.chars().next() {
        Some('"') => up_to(quoted(text, '"')),
        // A literal has a closing quote two characters on. A lifetime has none there.
        Some('\'') if text.starts_with("'\\") || text.chars().nth(2) == Some('\'') => up_to(quoted(text, '\'')),
        _ => Skip::Nothing,
    }
}

/// Returns the length of the block comment at the beginning of a text, if it ends.
fn block_comment(text: &str) -> Option<usize> {
    let mut depth = 0;
    let mut at = 0;
    while at < text.len() {
        if text[at..].starts_with("/*") {
            (depth, at) = (depth + 1, at + 2);
        } else if text[at..].starts_with("*/") {
            (depth, at) = (depth - 1, at + 2);
            if depth == 0 {
                return Some(at);
            }
        } else {
            at += text[at..].chars().next()?.len_utf8();
        }
    }
    None
}

/// Returns the length of the literal at the beginning of a text, if it ends.
fn quoted(text: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    for (at, character) in text.char_indices().skip(1) {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if character == quote => return Some(at + quote.len_utf8()),
            _ => {}
        }
    }
    None
}
