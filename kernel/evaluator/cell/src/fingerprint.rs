//! The fingerprint of a variable's type: what the definitions were that the type depends on.
//!
//! A fingerprint is a text of lines `name=hash`, one for each definition that the type reaches. The rustc wrapper
//! writes it into the cell, and the store keeps it beside the value. Both compare the old one with the new one, so this
//! file is part of both crates.

use std::collections::BTreeMap;

/// Begins the line of a definition that may join the others without a change of the type: an `impl`, whose associated
/// types no code can have used before.
pub(crate) const JOINING: char = '~';
/// Begins, at the end of a line, the hash of a joining definition that leads to the line's definition. If only joining
/// definitions lead there, and all of them are new, no code can have meant something else by the name.
pub(crate) const JOINS_WITH: char = '@';

/// Returns the names of the definitions that changed. If there are none, a value of the old type is one of the new
/// type.
pub(crate) fn changed<'a>(old: &'a str, new: &'a str) -> Vec<&'a str> {
    let (before, after) = (lines(old), lines(new));
    let was_there = |joining: &str| {
        let mut joined = before.iter().filter(|(name, _)| name.starts_with(JOINING));
        joined.any(|(_, line)| line.hash.split('+').any(|hash| hash == joining))
    };
    let joins = |name: &str, line: &Line| {
        let has_joined = !line.joining.is_empty() && !line.joining.iter().any(|it| was_there(it));
        name.starts_with(JOINING) || has_joined
    };
    let gone = before
        .iter()
        .filter(|(name, line)| after.get(*name).is_none_or(|now| now.hash != line.hash))
        .map(|(name, _)| *name);
    let new = after
        .iter()
        .filter(|(name, line)| !before.contains_key(*name) && !joins(name, line))
        .map(|(name, _)| *name);
    gone.chain(new).map(|name| name.trim_start_matches(JOINING)).collect()
}

/// A line of a fingerprint, without its name.
struct Line<'a> {
    hash: &'a str,
    /// The hashes behind [`JOINS_WITH`].
    joining: Vec<&'a str>,
}

fn lines(fingerprint: &str) -> BTreeMap<&str, Line<'_>> {
    let lines = fingerprint.lines().filter_map(|line| line.rsplit_once('='));
    lines
        .map(|(name, hashes)| {
            let mut hashes = hashes.split(JOINS_WITH);
            let hash = hashes.next().unwrap_or_default();
            let joining = hashes.collect();
            (name, Line { hash, joining })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_changed_is_named() {
        for (old, new, expected) in [
            ("", "", vec![]),
            ("P=1\nQ=2", "Q=2\nP=1", vec![]),
            ("P=1", "P=2", vec!["P"]),
            ("P=1\nQ=1", "P=1", vec!["Q"]),
            // The new definition hides a name that came from elsewhere.
            ("P=1", "P=1\nQ=1", vec!["Q"]),
            ("P=1", "P=1\n~impl Add for P=1", vec![]),
            (
                "P=1\n~impl Add for P=1",
                "P=1\n~impl Add for P=2",
                vec!["impl Add for P"],
            ),
            ("P=1\n~impl Add for P=1", "P=1", vec!["impl Add for P"]),
            // A definition that only a new `impl` leads to joins as well.
            ("P=1", "P=1\n~impl Add for P=2\nQ=1@2", vec![]),
            ("P=1\n~impl Add for P=2", "P=1\n~impl Add for P=2\nQ=1@2", vec!["Q"]),
            (
                "P=1\n~impl Add for P=2+3",
                "P=1\n~impl Add for P=2+3\n~impl Sub for P=4\nQ=1@3@4",
                vec!["Q"],
            ),
            ("P=1\nQ=1@2\n~impl Add for P=2", "P=1\nQ=1\n~impl Add for P=2", vec![]),
        ] {
            assert_eq!(changed(old, new), expected, "{old:?} {new:?}");
        }
    }
}
