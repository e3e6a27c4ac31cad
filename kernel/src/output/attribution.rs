//! Under which cell something is shown. No I/O here.
//!
//! While a cell runs, it is that one. When none runs, it is the last one, but not at once: a headless client moves on
//! when a cell is done and never looks back, so the text is held for a moment, and a cell that starts meanwhile gets it.
//! Under a silent cell nothing is shown: for all others it is as if none ran.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use mosaic_jupyter::{Header, StreamName};

use super::display::Shown;

/// How long text without a running cell waits for one.
pub(crate) const HOLD_TIME: Duration = Duration::from_millis(300);
/// How many bytes may wait.
const HOLD_BYTES: usize = 1 << 20;

/// Something that is said.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Said {
    /// Text of a stream.
    Text(StreamName, String),
    /// A message that has its place among the text.
    Message(Box<Shown>),
}

impl Said {
    fn bytes(&self) -> usize {
        match self {
            Said::Text(_, text) => text.len(),
            // As much as it needs to count: what a cell displays when none runs is not much.
            Said::Message(_) => 1024,
        }
    }
}

/// Something said, with the request that it is shown under.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Attributed {
    pub(crate) parent: Option<Arc<Header>>,
    pub(crate) said: Said,
}

/// Which cell runs or ran last, and what waits for one.
#[derive(Debug, Default)]
pub(crate) struct Attribution {
    /// The cell that runs, or else the last one; `None` before the first.
    cell: Option<Arc<Header>>,
    running: bool,
    silent: bool,
    held: Vec<Said>,
    /// When what is held goes to the last cell; `None` where nothing is held, or no cell has run yet.
    deadline: Option<Instant>,
}

impl Attribution {
    /// A cell starts; gives back what was held, which is now its.
    pub(crate) fn begin(&mut self, cell: Arc<Header>) -> Vec<Attributed> {
        self.cell = Some(cell);
        self.running = true;
        self.release()
    }

    /// A silent cell starts; gives back the held text, which is not its.
    pub(crate) fn begin_silent(&mut self) -> Vec<Attributed> {
        self.silent = true;
        if self.cell.is_some() {
            self.release()
        } else {
            Vec::new()
        }
    }

    /// Whether the cell that runs is a silent one.
    pub(crate) fn is_silent(&self) -> bool {
        self.silent
    }

    /// The cell has ended.
    pub(crate) fn end(&mut self) {
        self.running = false;
        self.silent = false;
    }

    /// The cell that runs, or else the last one.
    pub(crate) fn cell(&self) -> Option<&Arc<Header>> {
        self.cell.as_ref()
    }

    /// Something is said; gives back what can be shown.
    pub(crate) fn push(&mut self, said: Said, now: Instant) -> Vec<Attributed> {
        if self.running {
            return vec![Attributed {
                parent: self.cell.clone(),
                said,
            }];
        }
        match (self.held.last_mut(), said) {
            (Some(Said::Text(last, held)), Said::Text(stream, text)) if *last == stream => held.push_str(&text),
            (_, said) => self.held.push(said),
        }
        if self.cell.is_some() {
            self.deadline.get_or_insert(now + HOLD_TIME);
        }
        let bytes: usize = self.held.iter().map(Said::bytes).sum();
        if bytes > HOLD_BYTES { self.release() } else { Vec::new() }
    }

    /// Something is said that must not wait, behind all that was said before.
    pub(crate) fn push_now(&mut self, said: Said) -> Vec<Attributed> {
        self.held.push(said);
        self.release()
    }

    /// When [`Attribution::due`] has something to give.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// What was held and whose time is over.
    pub(crate) fn due(&mut self, now: Instant) -> Vec<Attributed> {
        match self.deadline {
            Some(deadline) if deadline <= now => self.release(),
            _ => Vec::new(),
        }
    }

    /// All that was held, whatever its time.
    pub(crate) fn release(&mut self) -> Vec<Attributed> {
        self.deadline = None;
        let parent = &self.cell;
        let attributed = |said| Attributed {
            parent: parent.clone(),
            said,
        };
        self.held.drain(..).map(attributed).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use StreamName::{Stderr, Stdout};
    use mosaic_jupyter::Session;

    fn cell() -> Arc<Header> {
        Arc::new(
            Session::new()
                .message("execute_request", None, serde_json::json!({}))
                .header,
        )
    }

    fn shown(attributed: &[Attributed]) -> Vec<(&str, Option<&Arc<Header>>)> {
        attributed
            .iter()
            .map(|one| match &one.said {
                Said::Text(_, text) => (text.as_str(), one.parent.as_ref()),
                Said::Message(message) => (message.content.msg_type(), one.parent.as_ref()),
            })
            .collect()
    }

    fn display() -> Said {
        Said::Message(Box::new(Shown::clear(false)))
    }

    #[test]
    fn the_running_cell_gets_it_at_once() {
        let (mut attribution, first, now) = (Attribution::default(), cell(), Instant::now());
        attribution.begin(first.clone());
        assert_eq!(
            shown(&attribution.push(Said::Text(Stdout, "a".into()), now)),
            [("a", Some(&first))]
        );
        assert_eq!(attribution.deadline(), None);
    }

    #[test]
    fn without_one_it_is_held_for_the_last() {
        let (mut attribution, first, now) = (Attribution::default(), cell(), Instant::now());
        attribution.begin(first.clone());
        attribution.end();
        assert!(attribution.push(Said::Text(Stdout, "a".into()), now).is_empty());
        assert!(
            attribution
                .push(Said::Text(Stdout, "b".into()), now + HOLD_TIME / 2)
                .is_empty()
        );
        assert!(
            attribution
                .push(Said::Text(Stderr, "c".into()), now + HOLD_TIME / 2)
                .is_empty()
        );
        assert!(attribution.due(now + HOLD_TIME / 2).is_empty());
        assert_eq!(attribution.deadline(), Some(now + HOLD_TIME));
        assert_eq!(
            shown(&attribution.due(now + HOLD_TIME)),
            [("ab", Some(&first)), ("c", Some(&first))]
        );
        assert_eq!(attribution.deadline(), None);
    }

    #[test]
    fn a_cell_that_starts_meanwhile_gets_it() {
        let (mut attribution, first, second, now) = (Attribution::default(), cell(), cell(), Instant::now());
        attribution.begin(first);
        attribution.end();
        attribution.push(Said::Text(Stdout, "a".into()), now);
        assert_eq!(shown(&attribution.begin(second.clone())), [("a", Some(&second))]);
        assert_eq!(attribution.deadline(), None);
    }

    #[test]
    fn a_silent_cell_gets_nothing() {
        let (mut attribution, first, second, now) = (Attribution::default(), cell(), cell(), Instant::now());
        attribution.push(Said::Text(Stdout, "a".into()), now);
        assert!(attribution.begin_silent().is_empty() && attribution.is_silent());
        attribution.end();
        assert_eq!(shown(&attribution.begin(first.clone())), [("a", Some(&first))]);
        attribution.end();
        attribution.push(Said::Text(Stdout, "b".into()), now);
        assert_eq!(shown(&attribution.begin_silent()), [("b", Some(&first))]);
        attribution.push(Said::Text(Stdout, "from a worker".into()), now);
        attribution.end();
        assert!(!attribution.is_silent());
        assert_eq!(
            shown(&attribution.begin(second.clone())),
            [("from a worker", Some(&second))]
        );
    }

    #[test]
    fn before_the_first_cell_it_waits_for_one() {
        let (mut attribution, first, now) = (Attribution::default(), cell(), Instant::now());
        attribution.push(Said::Text(Stdout, "a".into()), now);
        assert!(attribution.due(now + 10 * HOLD_TIME).is_empty());
        assert_eq!(shown(&attribution.begin(first.clone())), [("a", Some(&first))]);
    }

    #[test]
    fn what_is_held_is_bounded_and_released_at_the_end() {
        let (mut attribution, now) = (Attribution::default(), Instant::now());
        assert_eq!(
            attribution
                .push(Said::Text(Stdout, "x".repeat(HOLD_BYTES + 1)), now)
                .len(),
            1
        );
        attribution.push(Said::Text(Stdout, "a".into()), now);
        assert_eq!(shown(&attribution.release()), [("a", None)]);
    }

    #[test]
    fn messages_keep_their_place_among_the_text() {
        let (mut attribution, first, now) = (Attribution::default(), cell(), Instant::now());
        attribution.begin(first.clone());
        attribution.end();
        attribution.push(Said::Text(Stdout, "a".into()), now);
        attribution.push(display(), now);
        attribution.push(Said::Text(Stdout, "b".into()), now);
        let parent = Some(&first);
        assert_eq!(
            shown(&attribution.push_now(display())),
            [
                ("a", parent),
                ("clear_output", parent),
                ("b", parent),
                ("clear_output", parent)
            ]
        );
        assert_eq!(attribution.deadline(), None);
    }
}
