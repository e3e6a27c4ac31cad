//! Asks users for input, on the stdin channel.

use std::collections::BTreeMap;

use mosaic_jupyter::{Channel, InputReply, InputRequest, Message, Replies, Session};
use mosaic_message::Line;
use serde_json::json;
use tracing::debug;

use super::execution::QueuedCell;
use crate::front_end::PendingInput;

/// The refusal where no cell runs.
const NO_CELL: &str = "no cell is running whose user could be asked";
/// The refusal where the running cell's client does not answer.
const NOT_ALLOWED: &str = "the front end does not let this cell ask for input (allow_stdin is false)";

/// The user who can be asked, and the questions that have no answer yet.
pub(super) struct Stdin {
    replies: Replies,
    session: Session,
    user: User,
    /// Questions by the order in which they were asked: id of the `input_request`, and who waits for the line.
    open: BTreeMap<u64, (String, PendingInput)>,
    last_number: u64,
}

/// The user of the running cell.
enum User {
    /// No cell runs.
    NoCell,
    /// The cell's client does not answer questions.
    NotAllowed,
    /// The cell's client, who sent this request.
    Client(Box<Message>),
}

impl Stdin {
    /// Starts without a user.
    pub(super) fn new(replies: Replies, session: Session) -> Stdin {
        Stdin {
            replies,
            session,
            user: User::NoCell,
            open: BTreeMap::new(),
            last_number: 0,
        }
    }

    /// Notes that a cell starts: its client is asked from now on.
    pub(super) fn begin_cell(&mut self, cell: &QueuedCell) {
        self.user = match cell.request.allow_stdin {
            true => User::Client(Box::new(without_content(&cell.incoming.message))),
            false => User::NotAllowed,
        };
    }

    /// Notes that the cell has ended: clients no longer listen to its questions.
    pub(super) fn end_cell(&mut self) {
        self.user = User::NoCell;
        self.answer_all(&Line::Refused(NO_CELL.to_owned()));
    }

    /// Answers all open questions with the news that the cell is interrupted.
    pub(super) fn interrupt(&mut self) {
        self.answer_all(&Line::Interrupted);
    }

    /// Asks the user, or refuses if there is none.
    pub(super) async fn ask(&mut self, input: PendingInput) {
        let refusal = match &self.user {
            User::NoCell => NO_CELL,
            User::NotAllowed => NOT_ALLOWED,
            User::Client(request) => {
                let content = InputRequest {
                    prompt: input.prompt.clone(),
                    password: input.password,
                };
                let message = self.session.input_request(request, &content);
                self.last_number += 1;
                self.open
                    .insert(self.last_number, (message.header.msg_id.clone(), input));
                return self.replies.send(Channel::Stdin, message).await;
            }
        };
        input.answer(&Line::Refused(refusal.to_owned()));
    }

    /// Takes a message on stdin. If it answers an open question, the line goes to whoever asked.
    pub(super) fn receive(&mut self, message: &Message) {
        let User::Client(request) = &self.user else {
            return debug!("nobody has asked for a {}", message.header.msg_type);
        };
        let reply = InputReply::read(message).filter(|_| message.identities == request.identities);
        // Some clients do not say which question they answer. They answer the first open one.
        let number = match &message.parent_header {
            _ if reply.is_none() => None,
            None => self.open.keys().next().copied(),
            Some(parent) => {
                let mut open = self.open.iter();
                open.find(|(_, (id, _))| *id == parent.msg_id)
                    .map(|(number, _)| *number)
            }
        };
        let question = number.and_then(|number| self.open.remove(&number));
        match reply.zip(question) {
            Some((reply, (_, input))) => input.answer(&Line::Entered(reply.value)),
            None => debug!("nobody has asked for this {}", message.header.msg_type),
        }
    }

    fn answer_all(&mut self, line: &Line) {
        for (_, (_, input)) in std::mem::take(&mut self.open) {
            input.answer(line);
        }
    }
}

/// Copies the parts of a request that a question to its client needs.
fn without_content(request: &Message) -> Message {
    Message {
        content: json!({}),
        buffers: Vec::new(),
        ..request.clone()
    }
}
