//! Questions to the user, on the stdin channel.

use std::collections::BTreeMap;

use mosaic_jupyter::{Channel, InputReply, InputRequest, Message, Replies, Session};
use mosaic_message::Line;
use serde_json::json;
use tracing::debug;

use super::{context::Asked, execution::Cell};
use crate::front_end::InputQuestion;

/// Who can be asked, and what was asked and not answered yet.
pub(super) struct Stdin {
    replies: Replies,
    session: Session,
    user: User,
    /// By the number in which they came: the id of the request, and the question.
    open: BTreeMap<u64, (String, InputQuestion)>,
    last: u64,
}

/// The user of the running cell.
enum User {
    /// No cell runs.
    Nobody,
    /// The client does not answer questions.
    Deaf,
    /// The one who sent this request.
    Client(Box<Message>),
}

impl Stdin {
    pub(super) fn new(replies: Replies, session: Session) -> Stdin {
        Stdin {
            replies,
            session,
            user: User::Nobody,
            open: BTreeMap::new(),
            last: 0,
        }
    }

    /// This cell runs: who sent it is asked from now on.
    pub(super) fn begin(&mut self, Cell { asked, request }: &Cell) {
        self.user = match request.allow_stdin {
            true => User::Client(Box::new(request_of(asked))),
            false => User::Deaf,
        };
    }

    /// The cell has ended: clients listen to its questions no more.
    pub(super) fn end(&mut self) {
        self.user = User::Nobody;
        self.answer_all(&Line::Refused(NOBODY.to_owned()));
    }

    /// The cell is interrupted, and with it its questions.
    pub(super) fn interrupt(&mut self) {
        self.answer_all(&Line::Interrupted);
    }

    /// Asks the user.
    pub(super) async fn ask(&mut self, question: InputQuestion) {
        let refusal = match &self.user {
            User::Nobody => NOBODY,
            User::Deaf => "the front end does not let this cell ask for input (allow_stdin is false)",
            User::Client(request) => {
                let input = InputRequest {
                    prompt: question.prompt.clone(),
                    password: question.password,
                };
                let message = self.session.input_request(request, &input);
                self.last += 1;
                self.open.insert(self.last, (message.header.msg_id.clone(), question));
                return self.replies.send(Channel::Stdin, message).await;
            }
        };
        question.answer(&Line::Refused(refusal.to_owned()));
    }

    /// The user has answered.
    pub(super) fn answered(&mut self, reply: &Message) {
        let User::Client(request) = &self.user else {
            return debug!("nobody has asked for a {}", reply.header.msg_type);
        };
        let input = InputReply::read(reply).filter(|_| reply.identities == request.identities);
        // Some clients leave it open what they answer: then it is what was asked first.
        let number = match &reply.parent_header {
            _ if input.is_none() => None,
            None => self.open.keys().next().copied(),
            Some(parent) => {
                let mut open = self.open.iter();
                open.find(|(_, (id, _))| *id == parent.msg_id)
                    .map(|(number, _)| *number)
            }
        };
        let question = number.and_then(|number| self.open.remove(&number));
        match input.zip(question) {
            Some((input, (_, question))) => question.answer(&Line::Entered(input.value)),
            None => debug!("nobody has asked for this {}", reply.header.msg_type),
        }
    }

    fn answer_all(&mut self, line: &Line) {
        for (_, (_, question)) in std::mem::take(&mut self.open) {
            question.answer(line);
        }
    }
}

const NOBODY: &str = "no cell is running whose user could be asked";

/// As much of a request as a question to its client needs.
fn request_of(asked: &Asked) -> Message {
    Message {
        content: json!({}),
        buffers: Vec::new(),
        ..asked.message.clone()
    }
}
