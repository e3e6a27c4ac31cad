//! A question of guest code to the front end, on its way there.

use std::fmt;

/// The bytes of an answer, or why there is none.
type Answer = Result<Vec<u8>, String>;

/// A message to the front end that waits for its answer; see [`mosaic_abi::Host::ask`].
///
/// The runtime does not look into the message. Dropping a question refuses it, so that whoever asked does not wait for
/// ever.
///
/// # Examples
///
/// ```
/// use mosaic_engine::Question;
/// let question = Question::new(b"how are you?".to_vec(), |answer| assert_eq!(answer, Ok(b"fine".to_vec())));
/// assert_eq!(question.message(), b"how are you?");
/// question.answer(b"fine".to_vec());
/// ```
pub struct Question {
    message: Vec<u8>,
    respond: Option<Box<dyn FnOnce(Answer) + Send>>,
}

impl Question {
    /// Makes a question whose answer goes to `respond`. That function may be called on any thread, and must not block.
    pub fn new(message: Vec<u8>, respond: impl FnOnce(Result<Vec<u8>, String>) + Send + 'static) -> Question {
        Question {
            message,
            respond: Some(Box::new(respond)),
        }
    }

    /// Returns the message.
    pub fn message(&self) -> &[u8] {
        &self.message
    }

    /// Answers the question.
    pub fn answer(mut self, answer: Vec<u8>) {
        self.respond(Ok(answer));
    }

    /// Refuses the question, and says why.
    pub fn refuse(mut self, reason: impl Into<String>) {
        self.respond(Err(reason.into()));
    }

    fn respond(&mut self, answer: Answer) {
        if let Some(respond) = self.respond.take() {
            respond(answer);
        }
    }
}

impl Drop for Question {
    fn drop(&mut self) {
        self.respond(Err("the front end did not answer".to_owned()));
    }
}

impl fmt::Debug for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Question({} bytes)", self.message.len())
    }
}
