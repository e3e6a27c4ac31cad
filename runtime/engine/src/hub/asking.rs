//! The hub's loop, third part: what workers ask the front end.

use super::{HubEvent, event::Event, server::Server};
use crate::{
    question::Question,
    wire::{Frame, FromHub, Payload},
};
use mosaic_abi::Buffer;

impl Server {
    /// Passes on what a worker asks the front end.
    pub(super) fn ask(&self, session: u64, question: u64, payloads: Vec<Payload>) {
        let Some(uid) = self.connections.worker_of(session).map(str::to_owned) else {
            return;
        };
        let message = payloads.first().map(|message| message.to_vec()).unwrap_or_default();
        let (events, worker) = (self.events.clone(), uid.clone());
        let respond = move |answer| {
            let _ = events.send(Event::Answered {
                session,
                uid: worker,
                question,
                answer,
            });
        };
        (self.on_event)(HubEvent::Ask {
            uid,
            question: Question::new(message, respond),
        });
    }

    pub(super) fn answered(&self, session: u64, uid: &str, question: u64, answer: Result<Vec<u8>, String>) {
        // Another worker may have its name by now.
        if !self.connections.is_worker(uid, session) {
            return;
        }
        let (outcome, payloads) = match answer {
            Ok(answer) => (Ok(()), vec![Payload::new(Buffer::from(answer))]),
            Err(reason) => (Err(reason), Vec::new()),
        };
        let message = FromHub::Answer { question, outcome };
        self.connections.to_worker(uid, Frame { message, payloads });
    }
}
