//! Display blocks in what cells print: however the text is cut, the same blocks are found, and no text is lost.

#![no_main]
#![allow(dead_code, unused_imports, unreachable_pub, reason = "the kernel uses the rest")]

use libfuzzer_sys::fuzz_target;

// The parser's file names the evaluator as a crate.
extern crate self as mosaic_evaluator;
#[path = "../../kernel/evaluator/src/evcxr_text/markers.rs"]
mod markers;
pub use markers::{CONTENT_BEGINS, CONTENT_ENDS};

#[path = "../../kernel/src/output/display_blocks.rs"]
mod display_blocks;

use display_blocks::{BlockParser, Segment};

fuzz_target!(|input: (&str, Vec<u8>)| {
    let (text, cuts) = input;
    let whole = parse([text.to_owned()]);
    let mut pieces = Vec::new();
    let mut rest = text;
    for cut in cuts {
        let mut at = usize::from(cut).min(rest.len());
        while !rest.is_char_boundary(at) {
            at -= 1;
        }
        pieces.push(rest[..at].to_owned());
        rest = &rest[at..];
    }
    pieces.push(rest.to_owned());
    assert_eq!(parse(pieces), whole);
    if !text.contains("EVCXR_END_CONTENT") {
        assert_eq!(
            whole,
            if text.is_empty() {
                vec![]
            } else {
                vec![Segment::Text(text.to_owned())]
            }
        );
    }
});

/// Parses a text that comes in pieces, and joins neighbouring texts.
fn parse(pieces: impl IntoIterator<Item = String>) -> Vec<Segment> {
    let mut parser = BlockParser::default();
    let mut found: Vec<Segment> = pieces.into_iter().flat_map(|piece| parser.push(piece)).collect();
    found.extend(parser.finish());
    let mut joined: Vec<Segment> = Vec::new();
    for segment in found {
        match (joined.last_mut(), segment) {
            (Some(Segment::Text(before)), Segment::Text(text)) => before.push_str(&text),
            (_, segment) => joined.push(segment),
        }
    }
    joined
}
