//! Blanks out carriers, so that plain items remain at the same bytes.

use crate::source::carriers::marks::{
    GONE, HEAD_BEGINS, HEAD_ENDS, MACRO_USE, PLACE_BEGINS, PLACE_ENDS, RESERVED, TAIL_BEGINS, TAIL_ENDS,
};
use std::{borrow::Cow, ops::Range};

/// Returns a source with spaces in place of all that [`carry`](super::carry) added, except repeated headers. No byte
/// moves.
pub(crate) fn uncarried(source: &str) -> Cow<'_, str> {
    let mut plain = String::new();
    let mut from = 0;
    let mut at = 0;
    while let Some(found) = source[at..].find(RESERVED).map(|found| at + found) {
        let Some(mark) = mark_at(source, found) else {
            at = found + RESERVED.len();
            continue;
        };
        plain += &source[from..mark.start];
        plain.extend(source[mark.clone()].bytes().map(|_| ' '));
        (from, at) = (mark.end, mark.end);
    }
    match from {
        0 => Cow::Borrowed(source),
        _ => Cow::Owned(plain + &source[from..]),
    }
}

/// Finds the bytes of the mark in which [`RESERVED`] stands.
fn mark_at(source: &str, found: usize) -> Option<Range<usize>> {
    const COMMENT: &str = "/*";
    let (before, rest) = (&source[..found], &source[found..]);
    if before.ends_with(HEAD_BEGINS) {
        let start = found - HEAD_BEGINS.len();
        if let Some(open) = rest.find(" {").filter(|open| rest[*open..].starts_with(GONE)) {
            return Some(start..found + open + GONE.len());
        }
        let start = start
            - if before[..start].ends_with(MACRO_USE) {
                MACRO_USE.len()
            } else {
                0
            };
        return Some(start..found + rest.find(HEAD_ENDS)? + HEAD_ENDS.len());
    }
    if !before.ends_with(COMMENT) {
        return None;
    }
    let start = found - COMMENT.len();
    let comment = &source[start..];
    let end = |ends: &str| Some(start + comment.find(ends)? + ends.len());
    if comment.starts_with(TAIL_BEGINS) {
        return Some(start..end(TAIL_ENDS)?);
    }
    if comment.starts_with(PLACE_BEGINS) {
        return Some(start..end(PLACE_ENDS)?);
    }
    // The name in front of the braces is the user's.
    let open = start.checked_sub(GONE.find(COMMENT)?)?;
    let begin = source[..open].rfind(HEAD_BEGINS)?;
    source[open..].starts_with(GONE).then(|| begin..open + GONE.len())
}
