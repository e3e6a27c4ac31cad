//! The standard error of a command.

use crate::{
    bootstrap::{END, PREFIX, read_line},
    event::Events,
};
use std::{collections::VecDeque, io::BufRead, sync::Mutex};

/// How many lines are kept to explain a failure.
const KEPT: usize = 20;

/// The last lines of the standard error of a command.
#[derive(Debug, Default)]
pub(super) struct ErrorLines(Mutex<VecDeque<String>>);

impl ErrorLines {
    /// Reads the standard error of a command to its end. Lines of the node process are reported at once. Lines before
    /// them, such as the banner of a login, are only kept: they explain why there was no node process.
    pub(super) fn follow(&self, mut standard_error: impl BufRead, host: &str, events: &Events) {
        let mut is_of_node = false;
        while let Ok(Some(line)) = read_line(&mut standard_error) {
            if line.strip_prefix(PREFIX) == Some(END) {
                is_of_node = true;
                self.lines().clear();
                continue;
            }
            self.push(&line);
            if is_of_node {
                events.say(format!("{host}: {line}"));
            }
        }
    }

    /// Returns the lines that are kept.
    pub(super) fn last(&self) -> Vec<String> {
        self.lines().iter().cloned().collect()
    }

    fn push(&self, line: &str) {
        let line = line.trim_end();
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
