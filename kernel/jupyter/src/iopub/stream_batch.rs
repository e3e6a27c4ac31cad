//! Streams in batches: many small writes become few messages.
//!
//! Clients take a message per write badly: jupyter_server cuts off kernels that send more than 1000 a second. Text of
//! the same stream and cell is therefore gathered for a moment. Order is kept: whatever is not the same stream of the
//! same cell has the gathered text sent before it. No I/O here.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use serde::Serialize;

use crate::Header;

/// How long text may wait for more of it.
pub(crate) const BATCH_TIME: Duration = Duration::from_millis(50);
/// How many bytes a message gathers, unless a single write is longer.
pub(crate) const BATCH_BYTES: usize = 64 * 1024;

/// The two streams of a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum StreamName {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// Some text of a stream, and the request that it belongs to.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct StreamText {
    pub(crate) name: StreamName,
    pub(crate) parent: Option<Arc<Header>>,
    pub(crate) text: String,
}

impl StreamText {
    fn continues(&self, other: &StreamText) -> bool {
        let id = |text: &StreamText| text.parent.as_ref().map(|header| header.msg_id.clone());
        self.name == other.name && id(self) == id(other)
    }
}

/// The text that is being gathered.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    gathered: Option<(StreamText, Instant)>,
}

impl Batch {
    /// Adds text; gives back what has to be sent now, before it.
    pub(crate) fn push(&mut self, more: StreamText, now: Instant) -> Option<StreamText> {
        if more.text.is_empty() {
            return None;
        }
        if let Some((text, _)) = &mut self.gathered
            && more.continues(text)
            && text.text.len() + more.text.len() <= BATCH_BYTES
        {
            text.text.push_str(&more.text);
            return None;
        }
        let before = self.take();
        self.gathered = Some((more, now + BATCH_TIME));
        before
    }

    /// What was gathered so far.
    pub(crate) fn take(&mut self) -> Option<StreamText> {
        self.gathered.take().map(|(text, _)| text)
    }

    /// When what was gathered has to be sent.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.gathered.as_ref().map(|(_, deadline)| *deadline)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Session;
    use serde_json::json;

    fn parent() -> Option<Arc<Header>> {
        Some(Arc::new(
            Session::new().message("execute_request", None, json!({})).header,
        ))
    }

    fn text(name: StreamName, parent: &Option<Arc<Header>>, text: &str) -> StreamText {
        StreamText {
            name,
            parent: parent.clone(),
            text: text.to_owned(),
        }
    }

    #[test]
    fn the_same_stream_is_gathered() {
        let (mut batch, now, cell) = (Batch::default(), Instant::now(), parent());
        assert_eq!(batch.deadline(), None);
        assert_eq!(batch.push(text(StreamName::Stdout, &cell, "a"), now), None);
        assert_eq!(
            batch.push(text(StreamName::Stdout, &cell, "b"), now + BATCH_TIME / 2),
            None
        );
        assert_eq!(batch.deadline(), Some(now + BATCH_TIME), "the first text sets the time");
        assert_eq!(batch.take().unwrap().text, "ab");
        assert_eq!(batch.deadline(), None);
    }

    #[test]
    fn another_stream_or_cell_sends_what_is_there_first() {
        let (mut batch, now, cell) = (Batch::default(), Instant::now(), parent());
        batch.push(text(StreamName::Stdout, &cell, "a"), now);
        assert_eq!(batch.push(text(StreamName::Stderr, &cell, "b"), now).unwrap().text, "a");
        assert_eq!(
            batch.push(text(StreamName::Stderr, &parent(), "c"), now).unwrap().text,
            "b"
        );
        assert_eq!(batch.take().unwrap().text, "c");
    }

    #[test]
    fn nothing_is_lost_and_messages_stay_small() {
        let (mut batch, now, cell) = (Batch::default(), Instant::now(), parent());
        let piece = "x".repeat(1000);
        let mut sent: Vec<String> = (0..1000)
            .filter_map(|_| batch.push(text(StreamName::Stdout, &cell, &piece), now))
            .map(|text| text.text)
            .collect();
        sent.extend(batch.take().map(|text| text.text));
        assert_eq!(sent.concat().len(), 1_000_000);
        assert!(sent.iter().all(|text| text.len() <= BATCH_BYTES), "too long");
        assert!(sent.len() < 20, "{}", sent.len());
    }
}
