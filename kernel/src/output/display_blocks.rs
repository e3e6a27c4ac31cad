//! Finds evcxr's display blocks in the standard output of a process. No I/O here.
//!
//! A block begins with a line that names its format and ends with a line of its own:
//!
//! ```text
//! EVCXR_BEGIN_CONTENT text/html
//! <b>bold</b>
//! EVCXR_END_CONTENT
//! ```
//!
//! Everything else is text, also a block without an end.

use std::mem;

use mosaic_evaluator::{CONTENT_BEGINS as BEGIN, CONTENT_ENDS as END};
use mosaic_message::{Content, MimeBundle};

/// How many bytes a block may have. A longer block is text: most likely, it has no end.
const MAX_BLOCK_BYTES: usize = 256 << 20;
/// How many bytes the first line of a block may have. A longer line is text.
const MAX_FIRST_LINE_BYTES: usize = 256;

/// A part of a process's text.
#[derive(Debug, PartialEq)]
pub(super) enum Segment {
    /// Text outside of blocks.
    Text(String),
    /// The content of a whole block.
    Block(MimeBundle),
}

/// The state of the parser.
#[derive(Debug, Default)]
enum ParserState {
    /// At the start of a line.
    #[default]
    LineStart,
    /// In a line that is text.
    InLine,
    /// In a line that may begin a block, with the part of it that has come.
    MayBegin(String),
    /// In a block.
    InBlock(Block),
}

#[derive(Debug)]
struct Block {
    mime: String,
    /// Text of the block so far, with its first line.
    written: String,
    /// Start of the content in the text.
    content: usize,
    /// Start of the last line in the text.
    line: usize,
}

/// A parser that finds blocks in a text that comes in pieces.
#[derive(Debug, Default)]
pub(super) struct BlockParser {
    state: ParserState,
}

impl BlockParser {
    /// Takes the next text; returns the parts that are complete with it.
    pub(super) fn push(&mut self, text: String) -> Vec<Segment> {
        if text.is_empty() {
            return Vec::new();
        }
        if matches!(self.state, ParserState::LineStart | ParserState::InLine) && !text.contains('E') {
            // The fast path: no block can begin without an `E`.
            self.state = state_after(&text);
            return vec![Segment::Text(text)];
        }
        let mut found = Vec::new();
        for part in text.split_inclusive('\n') {
            self.push_part(part, &mut found);
        }
        found
    }

    /// Returns the rest. No more text comes, or the cell has ended.
    pub(super) fn finish(&mut self) -> Vec<Segment> {
        match mem::take(&mut self.state) {
            ParserState::MayBegin(text) => vec![Segment::Text(text)],
            ParserState::InBlock(block) if block.last_line() == END => vec![Segment::Block(block.bundle())],
            ParserState::InBlock(block) => vec![Segment::Text(block.written)],
            ParserState::LineStart | ParserState::InLine => Vec::new(),
        }
    }

    /// Takes a line or a part of a line.
    fn push_part(&mut self, part: &str, found: &mut Vec<Segment>) {
        match mem::take(&mut self.state) {
            ParserState::InLine => {
                self.state = state_after(part);
                add_text(found, part);
            }
            ParserState::LineStart => self.push_start(part.to_owned(), found),
            ParserState::MayBegin(mut line) => {
                line.push_str(part);
                self.push_start(line, found);
            }
            ParserState::InBlock(mut block) => {
                block.written.push_str(part);
                if !part.ends_with('\n') && block.written.len() < MAX_BLOCK_BYTES {
                    self.state = ParserState::InBlock(block);
                } else if block.last_line() == END {
                    found.push(Segment::Block(block.bundle()));
                } else if block.written.len() >= MAX_BLOCK_BYTES {
                    self.state = state_after(part);
                    add_text(found, &block.written);
                } else {
                    block.line = block.written.len();
                    self.state = ParserState::InBlock(block);
                }
            }
        }
    }

    /// Takes the beginning of a line.
    fn push_start(&mut self, line: String, found: &mut Vec<Segment>) {
        let whole = line.ends_with('\n');
        let is_short = line.len() <= MAX_FIRST_LINE_BYTES;
        let mime = line.strip_prefix(BEGIN).map(str::trim_end);
        match mime {
            Some(mime) if whole && is_short && mime.contains('/') && !mime.contains(char::is_whitespace) => {
                self.state = ParserState::InBlock(Block {
                    mime: mime.to_owned(),
                    content: line.len(),
                    line: line.len(),
                    written: line,
                });
            }
            Some(_) if !whole && line.len() < MAX_FIRST_LINE_BYTES => self.state = ParserState::MayBegin(line),
            None if !whole && BEGIN.starts_with(&line) => self.state = ParserState::MayBegin(line),
            _ => {
                self.state = state_after(&line);
                add_text(found, &line);
            }
        }
    }
}

impl Block {
    fn last_line(&self) -> &str {
        self.written[self.line..].trim_end()
    }

    /// Returns the content: all lines between the first and the last.
    fn bundle(&self) -> MimeBundle {
        let content = &self.written[self.content..self.line];
        let content = content.strip_suffix('\n').unwrap_or(content).to_owned();
        let content = match self.mime.contains("json") {
            true => Content::Json(content),
            false => Content::Text(content),
        };
        MimeBundle::new().with(&*self.mime, content)
    }
}

fn state_after(text: &str) -> ParserState {
    match text.ends_with('\n') {
        true => ParserState::LineStart,
        false => ParserState::InLine,
    }
}

fn add_text(found: &mut Vec<Segment>, text: &str) {
    match found.last_mut() {
        Some(Segment::Text(before)) => before.push_str(text),
        _ => found.push(Segment::Text(text.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLOT: &str = "EVCXR_BEGIN_CONTENT text/html\n<b>1</b>\n\n<i>\nEVCXR_END_CONTENT\n";

    fn text(text: &str) -> Segment {
        Segment::Text(text.to_owned())
    }

    fn block(mime: &str, content: &str) -> Segment {
        Segment::Block(MimeBundle::new().with_text(mime, content))
    }

    /// Checks what is found, wherever the text is cut in two.
    fn check(written: &str, expected: &[Segment]) {
        for cut in 0..=written.len() {
            let mut parser = BlockParser::default();
            let mut found = Vec::new();
            let (first, second) = written.split_at(cut);
            let pieces = [
                parser.push(first.to_owned()),
                parser.push(second.to_owned()),
                parser.finish(),
            ];
            for one in pieces.into_iter().flatten() {
                match one {
                    Segment::Text(text) => add_text(&mut found, &text),
                    one => found.push(one),
                }
            }
            assert_eq!(found, expected, "cut at {cut}");
        }
    }

    #[test]
    fn whole_blocks_are_found() {
        let content = "<b>1</b>\n\n<i>";
        check(PLOT, &[block("text/html", content)]);
        check(PLOT.trim_end(), &[block("text/html", content)]);
        let both = format!("a\n{PLOT}b{{}}\nEVCXR_END\n{PLOT}");
        check(
            &both,
            &[
                text("a\n"),
                block("text/html", content),
                text("b{}\nEVCXR_END\n"),
                block("text/html", content),
            ],
        );
        check(
            &PLOT.replace('\n', "\r\n"),
            &[block("text/html", "<b>1</b>\r\n\r\n<i>\r")],
        );
        check(
            "EVCXR_BEGIN_CONTENT application/json\n{}\nEVCXR_END_CONTENT\n",
            &[Segment::Block(
                MimeBundle::new().with("application/json", Content::Json("{}".into())),
            )],
        );
    }

    #[test]
    fn anything_else_is_text() {
        for written in [
            "EVCXR_BEGIN_CONTENT text/html\nno end\n",
            "see EVCXR_BEGIN_CONTENT text/html\nx\nEVCXR_END_CONTENT\n",
            "EVCXR_BEGIN_CONTENT \nx\nEVCXR_END_CONTENT\n",
            "EVCXR_BEGIN_CONTENT two words/x\nx\nEVCXR_END_CONTENT\n",
            "EVCXR_END_CONTENT\n",
            "EVCXR_BEGIN",
            "EVCXR_BEGIN_CONTENT text/html",
            "EEE\nE",
        ] {
            check(written, &[text(written)]);
        }
    }

    #[test]
    fn a_block_has_a_short_first_line() {
        let first = format!("{BEGIN}text/html;{}", "x".repeat(MAX_FIRST_LINE_BYTES));
        let [longest, too_long] = [MAX_FIRST_LINE_BYTES - 1, MAX_FIRST_LINE_BYTES].map(|bytes| &first[..bytes]);
        let block_of = |first: &str| format!("{first}\nx\n{END}\n");
        check(&block_of(longest), &[block(&longest[BEGIN.len()..], "x")]);
        check(&block_of(too_long), &[text(&block_of(too_long))]);
    }

    #[test]
    fn a_cell_begins_a_line() {
        let mut parser = BlockParser::default();
        assert_eq!(parser.push("no end of a line".into()), [text("no end of a line")]);
        assert_eq!(parser.finish(), []);
        assert_eq!(parser.push(PLOT.into()), [block("text/html", "<b>1</b>\n\n<i>")]);
    }

    #[test]
    fn other_text_does_not_wait() {
        let mut parser = BlockParser::default();
        assert_eq!(parser.push("Even".into()), [text("Even")]);
        assert_eq!(
            parser.push("EVCXR_BEGIN_CONTENT text/html\n".into()),
            [text("EVCXR_BEGIN_CONTENT text/html\n")]
        );
        assert_eq!(parser.push("EVCXR_X".into()), [text("EVCXR_X")]);
    }
}
