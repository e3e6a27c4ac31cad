//! Questions of workers to the front end.

use super::{super::events::MonitorEvent, EventLoop, event::Event};
use crate::{
    question::Question,
    wire::{Frame, FromMonitor, Payload},
};
use mosaic_abi::{Buffer, Failure};

impl EventLoop {
    /// Passes a worker's question to the embedder.
    pub(super) fn pass_question(&self, session: u64, question: u64, message: Result<Payload, Failure>) {
        let Some(uid) = self.connections.worker_of(session).map(str::to_owned) else {
            return;
        };
        let message = match message {
            Ok(message) => message.to_vec(),
            Err(lost) => return self.question_answered(session, &uid, question, Err(lost.message)),
        };
        let (events, worker) = (self.events.clone(), uid.clone());
        let respond = move |answer| {
            let _ = events.send(Event::Answered {
                session,
                uid: worker,
                question,
                answer,
            });
        };
        (self.on_event)(MonitorEvent::Ask {
            uid,
            question: Question::new(message, respond),
        });
    }

    /// Sends the front end's answer to the worker that asked.
    pub(super) fn question_answered(&self, session: u64, uid: &str, question: u64, answer: Result<Vec<u8>, String>) {
        // Another worker may have this uid by now.
        if !self.connections.is_worker(uid, session) {
            return;
        }
        let (outcome, payloads) = match answer {
            Ok(answer) => (Ok(()), vec![Payload::new(Buffer::from(answer))]),
            Err(reason) => (Err(reason), Vec::new()),
        };
        let message = FromMonitor::Answer { question, outcome };
        self.connections.to_worker(uid, Frame { message, payloads });
    }
}
