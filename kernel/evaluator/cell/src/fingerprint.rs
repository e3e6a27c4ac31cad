//! What the definitions were that a variable's type depends on.
//!
//! A fingerprint is a text of lines `name=hash`, one for each definition that the type reaches. The kernel's rustc wrapper
//! writes it into the cell, the store keeps it beside the value, and both compare the two. This file is part of both.

use std::collections::BTreeMap;

/// Begins the line of a definition that may join the others without a change: an `impl`, whose associated types nobody
/// can have used before it was there.
pub(crate) const JOINING: char = '~';
/// Begins, at the end of a line, the hash of a definition that may join and leads to the one of the line. Where only such
/// lead there, and all are new, nobody can have meant something else by its name.
pub(crate) const JOINS_WITH: char = '@';

/// The definitions that are not what they were, by name: empty where a value of the old type is one of the new type.
pub(crate) fn changed<'a>(old: &'a str, new: &'a str) -> Vec<&'a str> {
    let (before, after) = (lines(old), lines(new));
    let was_there = |joining: &str| {
        let mut joined = before.iter().filter(|(name, _)| name.starts_with(JOINING));
        joined.any(|(_, line)| line.hash.split('+').any(|hash| hash == joining))
    };
    let joins = |name: &str, line: &Line| {
        let has_joined = !line.with.is_empty() && !line.with.iter().any(|it| was_there(it));
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

struct Line<'a> {
    hash: &'a str,
    with: Vec<&'a str>,
}

fn lines(fingerprint: &str) -> BTreeMap<&str, Line<'_>> {
    let lines = fingerprint.lines().filter_map(|line| line.rsplit_once('='));
    lines
        .map(|(name, hashes)| {
            let mut hashes = hashes.split(JOINS_WITH);
            let hash = hashes.next().unwrap_or_default();
            let with = hashes.collect();
            (name, Line { hash, with })
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
            // It hides a name that came from elsewhere.
            ("P=1", "P=1\nQ=1", vec!["Q"]),
            ("P=1", "P=1\n~impl Add for P=1", vec![]),
            (
                "P=1\n~impl Add for P=1",
                "P=1\n~impl Add for P=2",
                vec!["impl Add for P"],
            ),
            ("P=1\n~impl Add for P=1", "P=1", vec!["impl Add for P"]),
            // What only a new one leads to has joined as well.
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
