//! evcxr's way to show something: a block on standard output, with a line before it that names the format. No I/O here.
//!
//! ```text
//! EVCXR_BEGIN_CONTENT text/html
//! <b>bold</b>
//! EVCXR_END_CONTENT
//! ```
//!
//! Both lines stand for themselves. What is not a whole block is text.

use std::mem;

use mosaic_message::{Content, MimeBundle};

const BEGIN: &str = "EVCXR_BEGIN_CONTENT ";
const END: &str = "EVCXR_END_CONTENT";
/// A block that is longer has no end, most likely.
const LONGEST: usize = 256 << 20;

/// What was found in a writer's text.
#[derive(Debug, PartialEq)]
pub(crate) enum Found {
    /// As it is.
    Text(String),
    /// A whole block.
    Block(MimeBundle),
}

/// Where in its text a writer is.
#[derive(Debug, Default)]
enum Place {
    /// At the start of a line.
    #[default]
    LineStart,
    /// In a line that is text.
    InLine,
    /// In a line that may begin a block: what there is of it.
    MayBegin(String),
    /// In a block.
    InBlock(Block),
}

#[derive(Debug)]
struct Block {
    mime: String,
    /// All of it as it was written, the first line included.
    written: String,
    /// Where the content begins.
    content: usize,
    /// Where the last line begins.
    line: usize,
}

/// Finds blocks in a text that comes in pieces.
#[derive(Debug, Default)]
pub(crate) struct Blocks {
    place: Place,
}

impl Blocks {
    /// What has become whole with this text.
    pub(crate) fn push(&mut self, text: String) -> Vec<Found> {
        if text.is_empty() {
            return Vec::new();
        }
        if matches!(self.place, Place::LineStart | Place::InLine) && !text.contains('E') {
            // Most texts, and the longest.
            self.place = place_after(&text);
            return vec![Found::Text(text)];
        }
        let mut found = Vec::new();
        for part in text.split_inclusive('\n') {
            self.push_part(part, &mut found);
        }
        found
    }

    /// No more text comes, or the cell has ended: what is left of it.
    pub(crate) fn finish(&mut self) -> Vec<Found> {
        match mem::take(&mut self.place) {
            Place::MayBegin(text) => vec![Found::Text(text)],
            Place::InBlock(block) if block.last_line() == END => vec![Found::Block(block.bundle())],
            Place::InBlock(block) => vec![Found::Text(block.written)],
            Place::LineStart | Place::InLine => Vec::new(),
        }
    }

    /// Takes a line, or a part of one.
    fn push_part(&mut self, part: &str, found: &mut Vec<Found>) {
        match mem::take(&mut self.place) {
            Place::InLine => {
                self.place = place_after(part);
                add_text(found, part);
            }
            Place::LineStart => self.push_start(part.to_owned(), found),
            Place::MayBegin(mut line) => {
                line.push_str(part);
                self.push_start(line, found);
            }
            Place::InBlock(mut block) => {
                block.written.push_str(part);
                if !part.ends_with('\n') && block.written.len() < LONGEST {
                    self.place = Place::InBlock(block);
                } else if block.last_line() == END {
                    found.push(Found::Block(block.bundle()));
                } else if block.written.len() >= LONGEST {
                    self.place = place_after(part);
                    add_text(found, &block.written);
                } else {
                    block.line = block.written.len();
                    self.place = Place::InBlock(block);
                }
            }
        }
    }

    /// Takes a line from its start.
    fn push_start(&mut self, line: String, found: &mut Vec<Found>) {
        let whole = line.ends_with('\n');
        let mime = line.strip_prefix(BEGIN).map(str::trim_end);
        match mime {
            Some(mime) if whole && mime.contains('/') && !mime.contains(char::is_whitespace) => {
                self.place = Place::InBlock(Block {
                    mime: mime.to_owned(),
                    content: line.len(),
                    line: line.len(),
                    written: line,
                });
            }
            // Nobody names a format this long.
            Some(_) if !whole && line.len() < 256 => self.place = Place::MayBegin(line),
            None if !whole && BEGIN.starts_with(&line) => self.place = Place::MayBegin(line),
            _ => {
                self.place = place_after(&line);
                add_text(found, &line);
            }
        }
    }
}

impl Block {
    fn last_line(&self) -> &str {
        self.written[self.line..].trim_end()
    }

    /// The content: all lines between the first and the last.
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

fn place_after(text: &str) -> Place {
    match text.ends_with('\n') {
        true => Place::LineStart,
        false => Place::InLine,
    }
}

fn add_text(found: &mut Vec<Found>, text: &str) {
    match found.last_mut() {
        Some(Found::Text(before)) => before.push_str(text),
        _ => found.push(Found::Text(text.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLOT: &str = "EVCXR_BEGIN_CONTENT text/html\n<b>1</b>\n\n<i>\nEVCXR_END_CONTENT\n";

    fn text(text: &str) -> Found {
        Found::Text(text.to_owned())
    }

    fn block(mime: &str, content: &str) -> Found {
        Found::Block(MimeBundle::new().with_text(mime, content))
    }

    /// What is found, however the text is cut in two.
    fn check(written: &str, expected: &[Found]) {
        for cut in 0..=written.len() {
            let mut blocks = Blocks::default();
            let mut found = Vec::new();
            let (first, second) = written.split_at(cut);
            let pieces = [
                blocks.push(first.to_owned()),
                blocks.push(second.to_owned()),
                blocks.finish(),
            ];
            for one in pieces.into_iter().flatten() {
                match one {
                    Found::Text(text) => add_text(&mut found, &text),
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
            &[Found::Block(
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
    fn a_cell_begins_a_line() {
        let mut blocks = Blocks::default();
        assert_eq!(blocks.push("no end of a line".into()), [text("no end of a line")]);
        assert_eq!(blocks.finish(), []);
        assert_eq!(blocks.push(PLOT.into()), [block("text/html", "<b>1</b>\n\n<i>")]);
    }

    #[test]
    fn other_text_does_not_wait() {
        let mut blocks = Blocks::default();
        assert_eq!(blocks.push("Even".into()), [text("Even")]);
        assert_eq!(
            blocks.push("EVCXR_BEGIN_CONTENT text/html\n".into()),
            [text("EVCXR_BEGIN_CONTENT text/html\n")]
        );
        assert_eq!(blocks.push("EVCXR_X".into()), [text("EVCXR_X")]);
    }
}
