//! Completions as Jupyter's clients want them.

/// One way to complete a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completion {
    /// The text that replaces what is between the cursors of [`Completions`].
    pub text: String,
    /// Jupyter's name for the kind of the completion, such as `function`.
    pub kind: String,
}

/// All ways to complete the name left of the cursor. Positions count code points.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Completions {
    /// The ways, best first.
    pub matches: Vec<Completion>,
    /// Where the replaced text begins.
    pub cursor_start: usize,
    /// Where the replaced text ends.
    pub cursor_end: usize,
}

impl Completions {
    /// Returns no way to complete what is left of `cursor`.
    pub(crate) fn none(cursor: usize) -> Completions {
        Completions {
            matches: Vec::new(),
            cursor_start: cursor,
            cursor_end: cursor,
        }
    }
}

/// Returns the byte at which a code point of a text begins, or the text's end.
pub(crate) fn byte_offset(text: &str, code_points: usize) -> usize {
    text.char_indices().nth(code_points).map_or(text.len(), |(at, _)| at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_count_code_points() {
        let text = "ä𝒳b";
        assert_eq!([0, 1, 2, 3, 9].map(|cursor| byte_offset(text, cursor)), [0, 2, 6, 7, 7]);
    }
}
