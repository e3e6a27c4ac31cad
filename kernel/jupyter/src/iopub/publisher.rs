//! The task behind iopub: it owns the socket and decides when a message leaves.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use tokio::{
    sync::{mpsc, oneshot},
    time::sleep,
};

use super::{
    publication::{Publication, Queued},
    rate_limit::{OutputRate, RateLimiter},
    stream_batch::{StreamBatch, StreamText},
    subscribers::Subscribers,
};
use crate::{
    channel::Closing,
    messages::{
        iopub::{IoPubMessage, Stream},
        message::Message,
        session::Session,
    },
    wire::{Signer, serialise},
};

/// The state of the task.
pub(super) struct Publisher<S> {
    subscribers: S,
    session: Session,
    signer: Signer,
    batch: StreamBatch,
    /// Messages taken from the queue. The task takes no more before these have left.
    outbox: VecDeque<Outgoing>,
    rate_limiter: RateLimiter,
}

/// An entry of the outbox.
enum Outgoing {
    Message(Box<Message>),
    /// Somebody waits until everything before this has left.
    FlushMark(oneshot::Sender<()>),
}

impl<S: Subscribers> Publisher<S> {
    pub(super) fn new(subscribers: S, session: Session, signer: Signer, rate: OutputRate) -> Self {
        Publisher {
            subscribers,
            session,
            signer,
            batch: StreamBatch::default(),
            outbox: VecDeque::new(),
            rate_limiter: RateLimiter::new(rate, Instant::now()),
        }
    }

    /// Runs until the connection closes and the queue is empty.
    pub(super) async fn run(
        mut self,
        mut publications: mpsc::UnboundedReceiver<Queued>,
        mut states: mpsc::UnboundedReceiver<Message>,
        mut closing: Closing,
    ) {
        let mut open = true;
        loop {
            let wait = self.send_outbox().await;
            tokio::select! {
                // Requests are answered while a cell prints without end.
                biased;
                Some(state) = states.recv() => {
                    self.send(state).await;
                }
                publication = publications.recv(), if self.outbox.is_empty() => match publication {
                    Some((publication, _slot)) => self.take(publication),
                    None => {
                        self.take_batch();
                        self.send_outbox().await;
                        return self.subscribers.disconnect();
                    }
                },
                () = closing.wait(), if open => {
                    // Everything queued still leaves, and at once.
                    open = false;
                    publications.close();
                    states.close();
                    self.rate_limiter = RateLimiter::new(OutputRate::Unlimited, Instant::now());
                }
                () = sleep(wait.unwrap_or_default()), if wait.is_some() => {
                    if self.outbox.is_empty() {
                        self.take_batch();
                    }
                }
            }
        }
    }

    /// Sends what may leave now. Returns how long to wait before there is more to do, or `None` if there is nothing.
    async fn send_outbox(&mut self) -> Option<Duration> {
        while let Some(next) = self.outbox.pop_front() {
            match next {
                Outgoing::FlushMark(done) => {
                    // The task that waited may have been cancelled.
                    let _ = done.send(());
                }
                Outgoing::Message(message) => {
                    let wait = self.rate_limiter.wait(Instant::now());
                    if is_limited(&message) && !wait.is_zero() {
                        self.outbox.push_front(Outgoing::Message(message));
                        return Some(wait);
                    }
                    self.send(*message).await;
                }
            }
        }
        let deadline = self.batch.deadline()?;
        Some(deadline.saturating_duration_since(Instant::now()))
    }

    fn take(&mut self, publication: Publication) {
        match publication {
            Publication::Stream(text) => {
                if let Some(before) = self.batch.push(text, Instant::now()) {
                    self.put_stream(before);
                }
            }
            Publication::Message(message) => {
                self.take_batch();
                self.outbox.push_back(Outgoing::Message(message));
            }
            Publication::Flush(done) => {
                self.take_batch();
                self.outbox.push_back(Outgoing::FlushMark(done));
            }
        }
    }

    fn take_batch(&mut self) {
        if let Some(text) = self.batch.take() {
            self.put_stream(text);
        }
    }

    fn put_stream(&mut self, StreamText { name, parent, text }: StreamText) {
        let stream = IoPubMessage::Stream(Stream { name, text });
        let message = self.session.publication(parent, &stream);
        self.outbox.push_back(Outgoing::Message(Box::new(message)));
    }

    fn topic(&self, msg_type: &str) -> Vec<u8> {
        format!("kernel.{}.{msg_type}", self.session.id()).into_bytes()
    }

    async fn send(&mut self, mut message: Message) {
        message.identities = vec![self.topic(&message.header.msg_type)];
        let frames = serialise(&message, &self.signer);
        if is_limited(&message) {
            let is_text = message.header.msg_type == "stream";
            let bytes = if is_text { frames.iter().map(Vec::len).sum() } else { 0 };
            self.rate_limiter.spend(bytes, Instant::now());
        }
        self.subscribers.send(frames).await;
    }
}

/// Returns whether jupyter_server counts a message against its limits. It counts the bytes of streams alone.
fn is_limited(message: &Message) -> bool {
    !matches!(
        message.header.msg_type.as_str(),
        "status" | "execute_input" | "comm_open"
    )
}
