//! Requests: what clients send on shell and control. The list of all kinds of messages is in `messages/mod.rs`.

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Map, Value};

use super::message::Message;

/// The content of a client's message, one variant for each type that the kernel knows.
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
        /// Target that answers the comm.
        target_name: String,
        /// Id and first data of the comm.
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
    /// `debug_request`, with its content: a request of the Debug Adapter Protocol
    Debug(Value),
    /// `usage_request`
    Usage,
    /// A message of another type.
    Unknown,
}

/// The content of a message does not fit its type.
#[derive(Debug, thiserror::Error)]
#[error("the content of the {msg_type} is not as the protocol has it: {source}")]
pub struct RequestError {
    msg_type: String,
    source: serde_json::Error,
}

impl Request {
    /// Reads the content of a message by the message's type.
    ///
    /// # Errors
    /// When a message of a known type lacks a field or has one of another type.
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
            "usage_request" => Request::Usage,
            "debug_request" => Request::Debug(message.content.clone()),
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

/// Content of an `execute_request`: run a cell.
///
/// See [Execute](https://jupyter-client.readthedocs.io/en/stable/messaging.html#execute).
#[derive(Debug, Clone, Deserialize)]
pub struct ExecuteRequest {
    /// Code of the cell.
    pub code: String,
    /// Whether the kernel publishes no output and does not count the cell.
    #[serde(default)]
    pub silent: bool,
    /// Whether the client wants the cell counted and kept in the history; see [`ExecuteRequest::stores_history`].
    #[serde(default = "yes")]
    pub store_history: bool,
    /// Expressions that the kernel evaluates after the cell, by name.
    #[serde(default)]
    pub user_expressions: Map<String, Value>,
    /// Whether the client answers `input_request`.
    #[serde(default = "yes")]
    pub allow_stdin: bool,
    /// Whether the kernel aborts the cells that are queued when this one fails.
    #[serde(default = "yes")]
    pub stop_on_error: bool,
}

impl ExecuteRequest {
    /// Returns whether the cell is counted and kept in the history. A silent cell never is.
    #[must_use]
    pub fn stores_history(&self) -> bool {
        self.store_history && !self.silent
    }
}

/// Content of a `complete_request`: complete the name at the cursor.
///
/// See [Completion](https://jupyter-client.readthedocs.io/en/stable/messaging.html#completion).
#[derive(Debug, Clone, Deserialize)]
pub struct CompleteRequest {
    /// Code of the cell.
    pub code: String,
    /// Position of the cursor, in code points.
    pub cursor_pos: usize,
}

/// Content of an `inspect_request`: explain the name at the cursor.
///
/// See [Introspection](https://jupyter-client.readthedocs.io/en/stable/messaging.html#introspection).
#[derive(Debug, Clone, Deserialize)]
pub struct InspectRequest {
    /// Code of the cell.
    pub code: String,
    /// Position of the cursor, in code points.
    pub cursor_pos: usize,
    /// How much the client wants to know: 0 or 1.
    #[serde(default)]
    pub detail_level: u8,
}

/// Content of an `is_complete_request`: can this code run as it stands?
///
/// See [Code completeness](https://jupyter-client.readthedocs.io/en/stable/messaging.html#code-completeness).
#[derive(Debug, Clone, Deserialize)]
pub struct IsCompleteRequest {
    /// The code.
    pub code: String,
}

/// Content of a `history_request`: earlier inputs.
///
/// See [History](https://jupyter-client.readthedocs.io/en/stable/messaging.html#history).
#[derive(Debug, Clone, Deserialize)]
pub struct HistoryRequest {
    /// Whether the client wants the outputs too.
    #[serde(default)]
    pub output: bool,
    /// Which inputs the client wants.
    #[serde(flatten)]
    pub access: HistoryAccess,
}

/// Selects earlier inputs.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "hist_access_type", rename_all = "lowercase")]
pub enum HistoryAccess {
    /// The last `n` inputs.
    Tail {
        /// Maximum number of inputs.
        #[serde(default)]
        n: Option<usize>,
    },
    /// The inputs of one session from `start` up to, but not including, `stop`.
    Range {
        /// Id of the session. 0 and `None` mean the current session; negative numbers count back from it.
        #[serde(default)]
        session: Option<i64>,
        /// Number of the first input.
        #[serde(default)]
        start: usize,
        /// Number behind the last input.
        #[serde(default)]
        stop: Option<usize>,
    },
    /// The last `n` inputs that match a pattern.
    Search {
        /// Glob pattern with `*` and `?`.
        #[serde(default)]
        pattern: String,
        /// Maximum number of inputs.
        #[serde(default)]
        n: Option<usize>,
        /// Whether equal inputs are listed once.
        #[serde(default)]
        unique: bool,
    },
}

/// Content of a `comm_info_request`: which comms are open?
///
/// See [Comm info](https://jupyter-client.readthedocs.io/en/stable/messaging.html#comm-info).
#[derive(Debug, Clone, Deserialize)]
pub struct CommInfoRequest {
    /// Limits the reply to comms of this target.
    #[serde(default)]
    pub target_name: Option<String>,
}

/// Content of a `comm_open`, `comm_msg` or `comm_close`: a client opens a comm, sends data through it, or closes it.
///
/// See [Custom messages](https://jupyter-client.readthedocs.io/en/stable/messaging.html#custom-messages).
#[derive(Debug, Clone, Deserialize)]
pub struct CommRequest {
    /// Id of the comm.
    pub comm_id: String,
    /// Data for the other end.
    #[serde(default)]
    pub data: Value,
}

/// Content of a `shutdown_request`: end the kernel.
///
/// See [Kernel shutdown](https://jupyter-client.readthedocs.io/en/stable/messaging.html#kernel-shutdown).
#[derive(Debug, Clone, Deserialize)]
pub struct ShutdownRequest {
    /// Whether another kernel follows on the same ports.
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
        assert!(matches!(
            read("create_subshell_request", json!({})),
            Ok(Request::Unknown)
        ));
    }
}
