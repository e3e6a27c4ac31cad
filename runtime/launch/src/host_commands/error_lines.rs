//! The standard error of a command.

use super::host::Place;
use crate::bootstrap::{END, PREFIX, read_line};
use std::{collections::VecDeque, io::BufRead, sync::Mutex};

/// How many lines are kept to explain a failure.
const KEPT: usize = 20;

/// The last lines of the standard error of a command.
#[derive(Debug, Default)]
pub(super) struct ErrorLines(Mutex<VecDeque<String>>);

impl ErrorLines {
    /// Reads the standard error of a command to its end. Lines of the node process are reported at once. Lines before
    /// them are kept, to explain why there was no node process; the style says whether they are reported, too.
    pub(super) fn follow(&self, mut standard_error: impl BufRead, place: &Place) {
        let mut is_of_node = false;
        while let Ok(Some(line)) = read_line(&mut standard_error) {
            if line.strip_prefix(PREFIX) == Some(END) {
                is_of_node = true;
                self.lines().clear();
                continue;
            }
            // ssh ends its lines as on a terminal.
            let line = line.trim_end();
            self.push(line);
            if !line.is_empty() && (is_of_node || (place.style.is_early_line_said)(line)) {
                place.events.say(format!("{}: {line}", place.name));
            }
        }
    }

    /// Returns the lines that are kept.
    pub(super) fn last(&self) -> Vec<String> {
        self.lines().iter().cloned().collect()
    }

    fn push(&self, line: &str) {
        if line.is_empty() {
            return;
        }
        let mut lines = self.lines();
        if lines.len() == KEPT {
            lines.pop_front();
        }
        lines.push_back(line.to_owned());
    }

    fn lines(&self) -> std::sync::MutexGuard<'_, VecDeque<String>> {
        self.0.lock().expect("no thread panics while it holds the lines")
    }
}
