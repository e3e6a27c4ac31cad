//! What the definitions were that a variable's type depends on.
//!
//! A fingerprint is a text of lines `name=hash`, one for each definition that the type reaches. The kernel's rustc wrapper
//! writes it into the cell, the store keeps it beside the value, and both compare the two. This file is part of both.

use std::collections::BTreeMap;

/// Begins the line of a definition that may join the others without a change: an `impl`, whose associated types nobody
/// can have used before it was there.
pub(crate) const JOINING: char = '~';

/// The definitions that are not what they were, by name: empty where a value of the old type is one of the new type.
pub(crate) fn changed<'a>(old: &'a str, new: &'a str) -> Vec<&'a str> {
    let (before, after) = (parts(old), parts(new));
    let gone = before
        .iter()
        .filter(|(name, hash)| after.get(*name) != Some(hash))
        .map(|(name, _)| *name);
    let joined = after
        .keys()
        .filter(|name| !before.contains_key(*name) && !name.starts_with(JOINING))
        .copied();
    gone.chain(joined)
        .map(|name| name.trim_start_matches(JOINING))
        .collect()
}

fn parts(fingerprint: &str) -> BTreeMap<&str, &str> {
    fingerprint.lines().filter_map(|line| line.rsplit_once('=')).collect()
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
        ] {
            assert_eq!(changed(old, new), expected, "{old:?} {new:?}");
        }
    }
}
