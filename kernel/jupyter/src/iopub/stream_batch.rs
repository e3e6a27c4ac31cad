//! Gathers the text of streams, so that many small writes become few messages. No I/O here.
//!
//! jupyter_server drops the messages of kernels that send more than 1000 a second. The publisher therefore gathers text
//! of the same stream and cell for a moment. Order is kept: the gathered text leaves before anything else does.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use crate::messages::{iopub::StreamName, message::Header};

/// How long text waits for more text.
const BATCH_TIME: Duration = Duration::from_millis(50);
/// How many bytes a message holds, unless a single write is longer.
const BATCH_BYTES: usize = 64 * 1024;

/// Text of a stream, and the request that it belongs to.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct StreamText {
    pub(super) name: StreamName,
    pub(super) parent: Option<Arc<Header>>,
    pub(super) text: String,
}

impl StreamText {
    fn continues(&self, other: &StreamText) -> bool {
        let id = |text: &StreamText| text.parent.as_ref().map(|header| header.msg_id.clone());
        self.name == other.name && id(self) == id(other)
    }
}

/// The text that is being gathered, and when it has to leave.
#[derive(Debug, Default)]
pub(super) struct StreamBatch {
    gathered: Option<(StreamText, Instant)>,
}

impl StreamBatch {
    /// Adds text; returns the text that has to leave before it, if any.
    pub(super) fn push(&mut self, more: StreamText, now: Instant) -> Option<StreamText> {
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

    /// Takes the text gathered so far.
    pub(super) fn take(&mut self) -> Option<StreamText> {
        self.gathered.take().map(|(text, _)| text)
    }

    /// Returns when the gathered text has to leave.
    pub(super) fn deadline(&self) -> Option<Instant> {
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
        let (mut batch, now, cell) = (StreamBatch::default(), Instant::now(), parent());
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
        let (mut batch, now, cell) = (StreamBatch::default(), Instant::now(), parent());
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
        let (mut batch, now, cell) = (StreamBatch::default(), Instant::now(), parent());
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
