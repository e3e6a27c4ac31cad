//! The format of worker output lines in a program: each line behind the name of the worker that wrote it. No I/O here.
//!
//! In a notebook, workers share the output with the cell, so lines are merged in another way:
//! `kernel/src/output/worker_lines.rs`. The prefix is the same.

use crate::line_prefix;

/// Merges the output of several workers into lines that name their writer.
#[derive(Debug, Default)]
pub(super) struct OutputLines {
    /// The writer of the last line, if the line has not ended.
    open: Option<String>,
}

impl OutputLines {
    /// Returns what to write for `bytes` of `writer`. Every byte is kept. If a line of another writer has not ended, it
    /// is ended.
    pub(super) fn push(&mut self, writer: &str, bytes: &[u8]) -> Vec<u8> {
        let mut text = Vec::with_capacity(bytes.len() + 32);
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            if self.open.as_deref() != Some(writer) {
                if self.open.is_some() {
                    text.push(b'\n');
                }
                text.extend_from_slice(line_prefix(writer).as_bytes());
            }
            text.extend_from_slice(line);
            self.open = (line.last() != Some(&b'\n')).then(|| writer.to_owned());
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(pushes: &[(&str, &str)]) -> String {
        let mut lines = OutputLines::default();
        let shown = pushes
            .iter()
            .flat_map(|(writer, text)| lines.push(writer, text.as_bytes()));
        String::from_utf8(shown.collect()).unwrap()
    }

    #[test]
    fn each_line_says_whose_it_is() {
        assert_eq!(
            shown(&[("worker:0:0", "a\nb"), ("worker:0:0", "c\n\n")]),
            "WORKER:0:0      a\nWORKER:0:0      bc\nWORKER:0:0      \n"
        );
    }

    #[test]
    fn lines_of_two_writers_do_not_mix() {
        assert_eq!(
            shown(&[("worker:0:0", "a"), ("worker:0:1", "b\n"), ("worker:0:0", "c\n")]),
            "WORKER:0:0      a\nWORKER:0:1      b\nWORKER:0:0      c\n"
        );
    }
}
