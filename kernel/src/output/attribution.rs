//! Decides under which cell text and messages are shown. No I/O here.
//!
//! While a cell runs, they are shown under that cell. While no cell runs, they are held for a moment. A cell that
//! starts meanwhile gets them; otherwise the last cell does. Text is held because headless clients stop listening to a
//! cell when it is done. While a silent cell runs, text of workers is held as if no cell ran.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use mosaic_jupyter::{Header, StreamName};

use super::output_message::OutputMessage;

/// How long text waits for the next cell.
const HOLD_TIME: Duration = Duration::from_millis(300);
/// How many bytes of text may wait for the next cell.
const HOLD_BYTES: usize = 1 << 20;

/// Something to show.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum OutputItem {
    /// Text of a stream.
    Text(StreamName, String),
    /// A message that has its place among the text.
    Message(Box<OutputMessage>),
}

impl OutputItem {
    fn bytes(&self) -> usize {
        match self {
            OutputItem::Text(_, text) => text.len(),
            // An estimate: few messages come while no cell runs.
            OutputItem::Message(_) => 1024,
        }
    }
}

/// Something to show, with the request of the cell that shows it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct AttributedItem {
    pub(super) parent: Option<Arc<Header>>,
    pub(super) item: OutputItem,
}

/// The cell that runs or ran last, and the items that wait for the next one.
#[derive(Debug, Default)]
pub(super) struct Attribution {
    /// Request of the cell that runs, or of the last cell; `None` before the first cell.
    cell: Option<Arc<Header>>,
    is_running: bool,
    is_silent: bool,
    held: Vec<OutputItem>,
    /// When the held items go to the last cell. `None` if nothing is held or no cell has run yet.
    deadline: Option<Instant>,
}

impl Attribution {
    /// Notes that a cell starts; returns the held items, which are now the cell's.
    pub(super) fn begin(&mut self, cell: Arc<Header>) -> Vec<AttributedItem> {
        self.cell = Some(cell);
        self.is_running = true;
        self.release()
    }

    /// Notes that a silent cell starts; returns the held items, which go to the last cell.
    pub(super) fn begin_silent(&mut self) -> Vec<AttributedItem> {
        self.is_silent = true;
        if self.cell.is_some() {
            self.release()
        } else {
            Vec::new()
        }
    }

    /// Returns whether a silent cell runs.
    pub(super) fn is_silent(&self) -> bool {
        self.is_silent
    }

    /// Notes that the cell has ended.
    pub(super) fn end(&mut self) {
        self.is_running = false;
        self.is_silent = false;
    }

    /// Returns the request of the cell that runs, or of the last cell.
    pub(super) fn cell(&self) -> Option<&Arc<Header>> {
        self.cell.as_ref()
    }

    /// Adds an item; returns the items that can be shown now.
    pub(super) fn push(&mut self, item: OutputItem, now: Instant) -> Vec<AttributedItem> {
        if self.is_running {
            return vec![AttributedItem {
                parent: self.cell.clone(),
                item,
            }];
        }
        match (self.held.last_mut(), item) {
            (Some(OutputItem::Text(last, held)), OutputItem::Text(stream, text)) if *last == stream => {
                held.push_str(&text)
            }
            (_, item) => self.held.push(item),
        }
        if self.cell.is_some() {
            self.deadline.get_or_insert(now + HOLD_TIME);
        }
        let bytes: usize = self.held.iter().map(OutputItem::bytes).sum();
        if bytes > HOLD_BYTES { self.release() } else { Vec::new() }
    }

    /// Adds an item that must not wait; returns it and all items held before it.
    pub(super) fn push_now(&mut self, item: OutputItem) -> Vec<AttributedItem> {
        self.held.push(item);
        self.release()
    }

    /// Returns when [`Attribution::due`] has items.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// Returns the held items if their time is over.
    pub(super) fn due(&mut self, now: Instant) -> Vec<AttributedItem> {
        match self.deadline {
            Some(deadline) if deadline <= now => self.release(),
            _ => Vec::new(),
        }
    }

    /// Returns the held items, whatever their time.
    pub(super) fn release(&mut self) -> Vec<AttributedItem> {
        self.deadline = None;
        let parent = &self.cell;
        let attributed = |item| AttributedItem {
            parent: parent.clone(),
            item,
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

    fn shown(attributed: &[AttributedItem]) -> Vec<(&str, Option<&Arc<Header>>)> {
        attributed
            .iter()
            .map(|one| match &one.item {
                OutputItem::Text(_, text) => (text.as_str(), one.parent.as_ref()),
                OutputItem::Message(message) => (message.content.msg_type(), one.parent.as_ref()),
            })
            .collect()
    }

    fn display() -> OutputItem {
        OutputItem::Message(Box::new(OutputMessage::clear(false)))
    }

    #[test]
    fn the_running_cell_gets_it_at_once() {
        let (mut attribution, first, now) = (Attribution::default(), cell(), Instant::now());
        attribution.begin(first.clone());
        assert_eq!(
            shown(&attribution.push(OutputItem::Text(Stdout, "a".into()), now)),
            [("a", Some(&first))]
        );
        assert_eq!(attribution.deadline(), None);
    }

    #[test]
    fn without_one_it_is_held_for_the_last() {
        let (mut attribution, first, now) = (Attribution::default(), cell(), Instant::now());
        attribution.begin(first.clone());
        attribution.end();
        assert!(attribution.push(OutputItem::Text(Stdout, "a".into()), now).is_empty());
        assert!(
            attribution
                .push(OutputItem::Text(Stdout, "b".into()), now + HOLD_TIME / 2)
                .is_empty()
        );
        assert!(
            attribution
                .push(OutputItem::Text(Stderr, "c".into()), now + HOLD_TIME / 2)
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
        attribution.push(OutputItem::Text(Stdout, "a".into()), now);
        assert_eq!(shown(&attribution.begin(second.clone())), [("a", Some(&second))]);
        assert_eq!(attribution.deadline(), None);
    }

    #[test]
    fn a_silent_cell_gets_nothing() {
        let (mut attribution, first, second, now) = (Attribution::default(), cell(), cell(), Instant::now());
        attribution.push(OutputItem::Text(Stdout, "a".into()), now);
        assert!(attribution.begin_silent().is_empty() && attribution.is_silent());
        attribution.end();
        assert_eq!(shown(&attribution.begin(first.clone())), [("a", Some(&first))]);
        attribution.end();
        attribution.push(OutputItem::Text(Stdout, "b".into()), now);
        assert_eq!(shown(&attribution.begin_silent()), [("b", Some(&first))]);
        attribution.push(OutputItem::Text(Stdout, "from a worker".into()), now);
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
        attribution.push(OutputItem::Text(Stdout, "a".into()), now);
        assert!(attribution.due(now + 10 * HOLD_TIME).is_empty());
        assert_eq!(shown(&attribution.begin(first.clone())), [("a", Some(&first))]);
    }

    #[test]
    fn what_is_held_is_bounded_and_released_at_the_end() {
        let (mut attribution, now) = (Attribution::default(), Instant::now());
        assert_eq!(
            attribution
                .push(OutputItem::Text(Stdout, "x".repeat(HOLD_BYTES + 1)), now)
                .len(),
            1
        );
        attribution.push(OutputItem::Text(Stdout, "a".into()), now);
        assert_eq!(shown(&attribution.release()), [("a", None)]);
    }

    #[test]
    fn messages_keep_their_place_among_the_text() {
        let (mut attribution, first, now) = (Attribution::default(), cell(), Instant::now());
        attribution.begin(first.clone());
        attribution.end();
        attribution.push(OutputItem::Text(Stdout, "a".into()), now);
        attribution.push(display(), now);
        attribution.push(OutputItem::Text(Stdout, "b".into()), now);
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
