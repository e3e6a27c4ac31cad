//! The format of worker output lines: `WORKER:0:1      text`. No I/O here.
//!
//! The engine makes the prefix ([`line_prefix`]). In programs outside notebooks it also merges the lines:
//! `runtime/engine/src/program/output_lines.rs`.
//!
//! Each line of a worker begins with the worker's uid; the text of cells stays as it is. If a process writes while the
//! line of another process is unfinished, a new line begins, so that lines never mix.

use mosaic_engine::line_prefix;
use mosaic_jupyter::StreamName;

/// Text, and the stream that shows it.
pub(super) type StreamPiece = (StreamName, String);

/// Merges the text of the cell and of workers into lines.
#[derive(Debug, Default)]
pub(super) struct WorkerLines {
    unfinished: Option<UnfinishedLine>,
}

/// A line whose end has not come yet.
#[derive(Debug)]
struct UnfinishedLine {
    writer: Writer,
    stream: StreamName,
    /// Whether the line ends with a carriage return, so that the text that follows overwrites it and its prefix.
    is_rewound: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Writer {
    Cell,
    Worker(String),
}

impl WorkerLines {
    /// Takes text of the cell; returns the text to show.
    pub(super) fn cell(&mut self, stream: StreamName, text: String) -> Vec<StreamPiece> {
        let mut pieces = Vec::new();
        if text.is_empty() {
            return pieces;
        }
        // The cell's two streams may share a line, as on a terminal.
        if self.unfinished.as_ref().is_some_and(|line| line.writer != Writer::Cell) {
            self.break_line(&mut pieces);
        }
        self.unfinished = (!text.ends_with('\n')).then_some(UnfinishedLine {
            writer: Writer::Cell,
            stream,
            is_rewound: false,
        });
        pieces.push((stream, text));
        pieces
    }

    /// Takes text of a worker; returns the text to show.
    pub(super) fn worker(&mut self, uid: &str, stream: StreamName, text: &str) -> Vec<StreamPiece> {
        let mut pieces = Vec::new();
        if text.is_empty() {
            return pieces;
        }
        let writer = Writer::Worker(uid.to_owned());
        if self
            .unfinished
            .as_ref()
            .is_some_and(|line| line.writer != writer || line.stream != stream)
        {
            self.break_line(&mut pieces);
        }
        let mut shown = String::with_capacity(text.len() + 16);
        for part in text.split_inclusive(['\n', '\r']) {
            let needs_prefix = match &self.unfinished {
                None => true,
                Some(line) => line.is_rewound && !matches!(part, "\n" | "\r"),
            };
            if needs_prefix {
                shown.push_str(&line_prefix(uid));
            }
            shown.push_str(part);
            let is_rewound = part.ends_with('\r');
            self.unfinished = (!part.ends_with('\n')).then(|| UnfinishedLine {
                writer: writer.clone(),
                stream,
                is_rewound,
            });
        }
        pieces.push((stream, shown));
        pieces
    }

    /// Forgets the unfinished line: text that follows is shown elsewhere.
    pub(super) fn start_afresh(&mut self) {
        self.unfinished = None;
    }

    /// Ends the unfinished line, on the stream that shows it.
    fn break_line(&mut self, pieces: &mut Vec<StreamPiece>) {
        if let Some(line) = self.unfinished.take() {
            pieces.push((line.stream, "\n".to_owned()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use StreamName::{Stderr, Stdout};

    fn text(pieces: Vec<StreamPiece>) -> String {
        pieces.into_iter().map(|(_, text)| text).collect()
    }

    #[test]
    fn workers_are_named_and_cells_are_not() {
        let mut lines = WorkerLines::default();
        assert_eq!(
            text(lines.worker("worker:0:0", Stdout, "Solve 1\n")),
            "WORKER:0:0      Solve 1\n"
        );
        assert_eq!(text(lines.cell(Stdout, "plain\n".into())), "plain\n");
        assert_eq!(
            text(lines.worker("worker:0:11", Stdout, "a\n\nb\n")),
            "WORKER:0:11     a\nWORKER:0:11     \nWORKER:0:11     b\n"
        );
        assert_eq!(
            text(lines.worker("a-very-long-uid:0:0", Stdout, "x\n")),
            "A-VERY-LONG-UID:0:0 x\n"
        );
    }

    #[test]
    fn a_line_in_pieces_is_named_once() {
        let mut lines = WorkerLines::default();
        assert_eq!(text(lines.worker("worker:0:0", Stdout, "50")), "WORKER:0:0      50");
        assert_eq!(text(lines.worker("worker:0:0", Stdout, "%")), "%");
        assert_eq!(
            text(lines.worker("worker:0:0", Stdout, " done\nnext")),
            " done\nWORKER:0:0      next"
        );
    }

    #[test]
    fn lines_never_mix() {
        let mut lines = WorkerLines::default();
        assert_eq!(text(lines.cell(Stdout, "Progress: ".into())), "Progress: ");
        let pieces = lines.worker("worker:0:0", Stderr, "half");
        assert_eq!(pieces, [(Stdout, "\n".into()), (Stderr, "WORKER:0:0      half".into())]);
        assert_eq!(text(lines.worker("worker:0:1", Stderr, "x\n")), "\nWORKER:0:1      x\n");
        assert_eq!(
            text(lines.worker("worker:0:0", Stderr, " way\n")),
            "WORKER:0:0       way\n"
        );
        assert_eq!(text(lines.cell(Stdout, "100%\n".into())), "100%\n");
        // A worker's two streams are two writers.
        lines.worker("worker:0:0", Stdout, "out");
        assert_eq!(
            text(lines.worker("worker:0:0", Stderr, "err\n")),
            "\nWORKER:0:0      err\n"
        );
    }

    #[test]
    fn progress_bars_keep_the_name() {
        let mut lines = WorkerLines::default();
        assert_eq!(
            text(lines.worker("worker:0:0", Stdout, "50%\r")),
            "WORKER:0:0      50%\r"
        );
        assert_eq!(
            text(lines.worker("worker:0:0", Stdout, "99%\r\n")),
            "WORKER:0:0      99%\r\n"
        );
        assert_eq!(text(lines.worker("worker:0:0", Stdout, "z\n")), "WORKER:0:0      z\n");
    }

    #[test]
    fn the_streams_of_a_cell_may_share_a_line() {
        let mut lines = WorkerLines::default();
        lines.cell(Stdout, "a".into());
        assert_eq!(lines.cell(Stderr, "b\n".into()), [(Stderr, "b\n".into())]);
        assert!(lines.cell(Stdout, String::new()).is_empty());
    }

    #[test]
    fn another_cell_starts_afresh() {
        let mut lines = WorkerLines::default();
        lines.worker("worker:0:0", Stdout, "half");
        lines.start_afresh();
        assert_eq!(text(lines.cell(Stdout, "x".into())), "x");
    }
}
