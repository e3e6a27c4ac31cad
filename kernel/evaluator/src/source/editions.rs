//! Names that are keywords in edition 2024 and were none before.
//!
//! evcxr reads cells in edition 2024, whatever the edition in which they are compiled. So the names become raw ones,
//! which are the same names to rustc and which every edition reads alike.

use crate::{
    session::settings::Edition,
    source::{
        preamble::{end_of_preamble, preamble},
        skip::{Skip, skip},
    },
};
use std::borrow::Cow;

/// The one keyword of edition 2024 that edition 2021 has for a name.
pub(crate) const NEW_KEYWORD: &str = "gen";
/// The same name, raw.
pub(crate) const RAW_NAME: &str = "r#gen";

/// Returns the edition that the commands of a cell ask for, if they do.
pub(crate) fn asked_for(cell: &str) -> Option<Edition> {
    let commands = preamble(cell).filter_map(|(_, line)| line.trim().strip_prefix(":edition "));
    commands.last().and_then(|year| Edition::of_year(year.trim()))
}

/// Reports whether a cell may have names that [`with_raw_names`] changes.
pub(crate) fn may_have_new_keywords(cell: &str) -> bool {
    cell.contains(NEW_KEYWORD)
}

/// Returns a cell of edition 2021 with `r#` before each name that is a keyword in edition 2024. Commands, literals and
/// comments stay as they are.
pub(crate) fn with_raw_names(cell: &str) -> Cow<'_, str> {
    if !may_have_new_keywords(cell) {
        return Cow::Borrowed(cell);
    }
    let (commands, mut rest) = cell.split_at(end_of_preamble(cell));
    let mut written = commands.to_owned();
    while let Some(first) = rest.chars().next() {
        let length = match skip(rest) {
            Skip::Token(length) => length,
            // The cell does not parse, and rustc or the kernel says why.
            Skip::Unterminated => rest.len(),
            Skip::Nothing => {
                let word = rest
                    .find(|c: char| !c.is_alphanumeric() && c != '_')
                    .unwrap_or(rest.len());
                // A lifetime is no name of this kind.
                if &rest[..word] == NEW_KEYWORD && !written.ends_with(['#', '\'']) {
                    written += RAW_NAME;
                    rest = &rest[word..];
                    continue;
                }
                word.max(first.len_utf8())
            }
        };
        written += &rest[..length];
        rest = &rest[length..];
    }
    Cow::Owned(written)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_raw_where_they_are_names() {
        for (cell, expected) in [
            ("let gen = 1; gen + x.gen", "let r#gen = 1; r#gen + x.r#gen"),
            ("rng.gen::<f64>()", "rng.r#gen::<f64>()"),
            (
                "\"gen\" // gen\n'g' /* gen */ r#\"gen\"# gen",
                "\"gen\" // gen\n'g' /* gen */ r#\"gen\"# r#gen",
            ),
            ("r#gen 'gen regen gene gen_range", "r#gen 'gen regen gene gen_range"),
            (":dep gen\n!gen\ngen()", ":dep gen\n!gen\nr#gen()"),
            ("ä.gen(\"open", "ä.r#gen(\"open"),
            ("plain", "plain"),
        ] {
            assert_eq!(with_raw_names(cell), expected);
        }
    }

    #[test]
    fn the_last_command_says_the_edition() {
        for (cell, expected) in [
            (":edition 2021\nlet x = 1;", Some(Edition::Edition2021)),
            (":edition 2021\n  :edition 2024  \nx", Some(Edition::Edition2024)),
            ("let x = 1;\n:edition 2021", None),
            (":edition", None),
            (":edition 2015", None),
        ] {
            assert_eq!(asked_for(cell), expected, "{cell}");
        }
    }
}
