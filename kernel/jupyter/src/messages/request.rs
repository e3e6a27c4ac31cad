//! The closed set of requests that a kernel may get.

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Map, Value};

use crate::Message;

/// A request, by its `msg_type`.
#[derive(Debug, Clone)]
pub enum Request {
    /// `kernel_info_request`
    KernelInfo,
    /// `execute_request`
    Execute(ExecuteRequest),
    /// `complete_request`
    Complete(CompleteRequest),
    /// `inspect_request`
    Inspect(InspectRequest),
    /// `is_complete_request`
    IsComplete(IsCompleteRequest),
    /// `history_request`
    History(HistoryRequest),
    /// `comm_info_request`
    CommInfo(CommInfoRequest),
    /// `comm_open`
    CommOpen {
        /// Who is to answer.
        target_name: String,
        /// The comm.
        comm: CommRequest,
    },
    /// `comm_msg`
    CommMessage(CommRequest),
    /// `comm_close`
    CommClose(CommRequest),
    /// `interrupt_request`
    Interrupt,
    /// `shutdown_request`
    Shutdown(ShutdownRequest),
    /// Anything else.
    Unknown,
}

/// Why a message is not the request that its type says.
#[derive(Debug, thiserror::Error)]
#[error("the content of the {msg_type} is not as the protocol has it: {source}")]
pub struct RequestError {
    msg_type: String,
    source: serde_json::Error,
}

impl Request {
    /// Reads the content of a message as its type says.
    ///
    /// # Errors
    /// When the content of a known type is not as the protocol has it.
    pub fn read(message: &Message) -> Result<Self, RequestError> {
        Ok(match message.header.msg_type.as_str() {
            "kernel_info_request" => Request::KernelInfo,
            "execute_request" => Request::Execute(content(message)?),
            "complete_request" => Request::Complete(content(message)?),
            "inspect_request" => Request::Inspect(content(message)?),
            "is_complete_request" => Request::IsComplete(content(message)?),
            "history_request" => Request::History(content(message)?),
            "comm_info_request" => Request::CommInfo(content(message)?),
            "comm_open" => Request::CommOpen {
                target_name: message.content["target_name"].as_str().unwrap_or_default().to_owned(),
                comm: content(message)?,
            },
            "comm_msg" => Request::CommMessage(content(message)?),
            "comm_close" => Request::CommClose(content(message)?),
            "interrupt_request" => Request::Interrupt,
            "shutdown_request" => Request::Shutdown(content(message)?),
            _ => Request::Unknown,
        })
    }
}

fn content<T: DeserializeOwned>(message: &Message) -> Result<T, RequestError> {
    T::deserialize(&message.content).map_err(|source| RequestError {
        msg_type: message.header.msg_type.clone(),
        source,
    })
}

fn yes() -> bool {
    true
}

/// Run a cell.
#[derive(Debug, Clone, Deserialize)]
pub struct ExecuteRequest {
    /// The cell's text.
    pub code: String,
    /// Show nothing and count nothing.
    #[serde(default)]
    pub silent: bool,
    /// Keep the text and count it; [`ExecuteRequest::stores_history`] is what holds.
    #[serde(default = "yes")]
    pub store_history: bool,
    /// Expressions to evaluate after the cell, by name.
    #[serde(default)]
    pub user_expressions: Map<String, Value>,
    /// Whether the client answers `input_request`.
    #[serde(default = "yes")]
    pub allow_stdin: bool,
    /// Whether cells that wait behind this one are dropped when it fails.
    #[serde(default = "yes")]
    pub stop_on_error: bool,
}

impl ExecuteRequest {
    /// Whether the cell is counted and kept: a silent one never is.
    #[must_use]
    pub fn stores_history(&self) -> bool {
        self.store_history && !self.silent
    }
}

/// Complete the text at the cursor.
#[derive(Debug, Clone, Deserialize)]
pub struct CompleteRequest {
    /// The cell's text.
    pub code: String,
    /// In code points.
    pub cursor_pos: usize,
}

/// Explain what stands at the cursor.
#[derive(Debug, Clone, Deserialize)]
pub struct InspectRequest {
    /// The cell's text.
    pub code: String,
    /// In code points.
    pub cursor_pos: usize,
    /// 0 or 1: how much is asked for.
    #[serde(default)]
    pub detail_level: u8,
}

/// Can this text be run as it stands?
#[derive(Debug, Clone, Deserialize)]
pub struct IsCompleteRequest {
    /// The text.
    pub code: String,
}

/// Earlier inputs.
#[derive(Debug, Clone, Deserialize)]
pub struct HistoryRequest {
    /// With outputs?
    #[serde(default)]
    pub output: bool,
    /// Which ones.
    #[serde(flatten)]
    pub access: HistoryAccess,
}

/// Which earlier inputs are asked for.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "hist_access_type", rename_all = "lowercase")]
pub enum HistoryAccess {
    /// The last `n`.
    Tail {
        /// How many.
        #[serde(default)]
        n: Option<usize>,
    },
    /// Those from `start` up to `stop`, which is not included.
    Range {
        /// 0 is the current one, and so is none; negative counts back from it.
        #[serde(default)]
        session: Option<i64>,
        /// First.
        #[serde(default)]
        start: usize,
        /// Behind the last.
        #[serde(default)]
        stop: Option<usize>,
    },
    /// The last `n` that match a pattern.
    Search {
        /// With `*` and `?`.
        #[serde(default)]
        pattern: String,
        /// How many.
        #[serde(default)]
        n: Option<usize>,
        /// Each text once?
        #[serde(default)]
        unique: bool,
    },
}

/// Which comms are open?
#[derive(Debug, Clone, Deserialize)]
pub struct CommInfoRequest {
    /// Only those of this target.
    #[serde(default)]
    pub target_name: Option<String>,
}

/// A client opens a comm, writes to it or closes it.
#[derive(Debug, Clone, Deserialize)]
pub struct CommRequest {
    /// The comm's id.
    pub comm_id: String,
    /// What goes to the other end.
    #[serde(default)]
    pub data: Value,
}

/// End the kernel.
#[derive(Debug, Clone, Deserialize)]
pub struct ShutdownRequest {
    /// Whether another one follows on the same ports.
    #[serde(default)]
    pub restart: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Session;
    use serde_json::json;

    fn read(msg_type: &str, content: Value) -> Result<Request, RequestError> {
        Request::read(&Session::new().message(msg_type, None, content))
    }

    #[test]
    fn execute_has_the_defaults_of_the_protocol() {
        let Request::Execute(execute) = read("execute_request", json!({ "code": "1" })).unwrap() else {
            panic!()
        };
        assert!(!execute.silent && execute.stores_history() && execute.stop_on_error && execute.allow_stdin);
        let silent = read(
            "execute_request",
            json!({ "code": "1", "silent": true, "store_history": true }),
        )
        .unwrap();
        let Request::Execute(silent) = silent else { panic!() };
        assert!(!silent.stores_history());
    }

    #[test]
    fn history_may_leave_out_most() {
        let tail = read(
            "history_request",
            json!({ "hist_access_type": "tail", "raw": true, "output": false }),
        );
        let Ok(Request::History(HistoryRequest {
            access: HistoryAccess::Tail { n: None },
            ..
        })) = tail
        else {
            panic!("{tail:?}")
        };
        let search = json!({ "hist_access_type": "search", "pattern": "let*", "n": 3 });
        assert!(matches!(read("history_request", search), Ok(Request::History(_))));
    }

    #[test]
    fn wrong_content_is_an_error_and_an_unknown_type_is_none() {
        let error = read("execute_request", json!({ "code": 1 })).unwrap_err();
        assert!(error.to_string().contains("execute_request"), "{error}");
        assert!(matches!(read("debug_request", json!({})), Ok(Request::Unknown)));
    }
}
