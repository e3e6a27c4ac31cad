//! What the kernel publishes on iopub, to all clients.
//!
//! See [Messages on the IOPub
//! channel](https://jupyter-client.readthedocs.io/en/stable/messaging.html#messages-on-the-iopub-pub-sub-channel).

use serde::Serialize;
use serde_json::Value;

use super::content::{ErrorContent, MimeData};

/// The content of a message on iopub, one variant for each type.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum IoPubMessage {
    /// `status`
    Status(Status),
    /// `execute_input`
    ExecuteInput(ExecuteInput),
    /// `execute_result`
    ExecuteResult(ExecuteResult),
    /// `error`
    Error(ErrorContent),
    /// `stream`
    Stream(Stream),
    /// `display_data`
    DisplayData(DisplayData),
    /// `update_display_data`
    UpdateDisplayData(DisplayData),
    /// `clear_output`
    ClearOutput(ClearOutput),
    /// `comm_open`
    CommOpen(CommOpen),
    /// `comm_msg`
    CommMessage(CommData),
    /// `comm_close`
    CommClose(CommData),
    /// `debug_event`, whose content is an event of the Debug Adapter Protocol
    DebugEvent(Value),
    /// `iopub_welcome`
    Welcome(Welcome),
}

impl IoPubMessage {
    /// Returns the message's type, as headers name it.
    #[must_use]
    pub fn msg_type(&self) -> &'static str {
        match self {
            IoPubMessage::Status(_) => "status",
            IoPubMessage::ExecuteInput(_) => "execute_input",
            IoPubMessage::ExecuteResult(_) => "execute_result",
            IoPubMessage::Error(_) => "error",
            IoPubMessage::Stream(_) => "stream",
            IoPubMessage::DisplayData(_) => "display_data",
            IoPubMessage::UpdateDisplayData(_) => "update_display_data",
            IoPubMessage::ClearOutput(_) => "clear_output",
            IoPubMessage::CommOpen(_) => "comm_open",
            IoPubMessage::CommMessage(_) => "comm_msg",
            IoPubMessage::CommClose(_) => "comm_close",
            IoPubMessage::DebugEvent(_) => "debug_event",
            IoPubMessage::Welcome(_) => "iopub_welcome",
        }
    }
}

/// Content of a `status`: what the kernel does with a request.
///
/// See [Kernel status](https://jupyter-client.readthedocs.io/en/stable/messaging.html#kernel-status).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Status {
    /// State of the kernel.
    pub execution_state: ExecutionState,
}

/// State of the kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ExecutionState {
    /// The kernel has started.
    Starting,
    /// The kernel works on the parent request.
    Busy,
    /// The kernel has published everything that the parent request caused.
    Idle,
}

/// Content of an `execute_input`: the code of a cell that starts to run.
///
/// See [Code inputs](https://jupyter-client.readthedocs.io/en/stable/messaging.html#code-inputs).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ExecuteInput {
    /// Code of the cell.
    pub code: String,
    /// Number of the cell.
    pub execution_count: u32,
}

/// Content of an `execute_result`: the value of a cell's last expression.
///
/// See [Execution results](https://jupyter-client.readthedocs.io/en/stable/messaging.html#id6).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ExecuteResult {
    /// Number of the cell.
    pub execution_count: u32,
    /// The value.
    #[serde(flatten)]
    pub value: MimeData,
}

/// Content of a `stream`: text of a cell.
///
/// See [Streams](https://jupyter-client.readthedocs.io/en/stable/messaging.html#streams-stdout-stderr-etc).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Stream {
    /// Stream that the text was written to.
    pub name: StreamName,
    /// The text.
    pub text: String,
}

/// The two streams of a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum StreamName {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// Content of a `display_data`, or of an `update_display_data` that replaces it.
///
/// See [Display data](https://jupyter-client.readthedocs.io/en/stable/messaging.html#display-data).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DisplayData {
    /// The displayed value.
    #[serde(flatten)]
    pub value: MimeData,
    /// Information that front ends do not save.
    pub transient: Transient,
}

/// Part of a [`DisplayData`] that front ends do not save.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Transient {
    /// Name of the display, by which an `update_display_data` finds it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_id: Option<String>,
}

/// Content of a `clear_output`: removes what a cell has displayed.
///
/// See [Clear output](https://jupyter-client.readthedocs.io/en/stable/messaging.html#clear-output).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ClearOutput {
    /// Whether the output stays until there is new output.
    pub wait: bool,
}

/// Content of a `comm_open`: the kernel opens a comm.
///
/// See [Opening a comm](https://jupyter-client.readthedocs.io/en/stable/messaging.html#opening-a-comm).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CommOpen {
    /// Id of the new comm.
    pub comm_id: String,
    /// Target that answers in the front end.
    pub target_name: String,
    /// First message through the comm.
    pub data: Value,
}

/// Content of a `comm_msg` or `comm_close`: the kernel sends data through a comm, or closes it.
///
/// See [Comm messages](https://jupyter-client.readthedocs.io/en/stable/messaging.html#comm-messages).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CommData {
    /// Id of the comm.
    pub comm_id: String,
    /// Data for the other end.
    pub data: Value,
}

/// Content of an `iopub_welcome`: the kernel knows of a client's subscription.
///
/// See [JEP 65](https://jupyter.org/enhancement-proposals/65-jupyter-xpub/jupyter-xpub.html).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Welcome {
    /// Topic that the client subscribed to.
    pub subscription: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::messages::content::to_json;
    use serde_json::json;

    fn display(display_id: Option<&str>) -> DisplayData {
        let mut value = MimeData::default();
        value.data.insert("text/plain".into(), json!("2"));
        let display_id = display_id.map(str::to_owned);
        DisplayData {
            value,
            transient: Transient { display_id },
        }
    }

    #[test]
    fn contents_are_those_of_the_protocol() {
        let status = Status {
            execution_state: ExecutionState::Busy,
        };
        let stream = Stream {
            name: StreamName::Stderr,
            text: "x".into(),
        };
        let result = ExecuteResult {
            execution_count: 4,
            value: display(None).value,
        };
        let open = CommOpen {
            comm_id: "a".into(),
            target_name: "t".into(),
            data: json!({}),
        };
        let data = json!({ "text/plain": "2" });
        for (message, msg_type, content) in [
            (
                IoPubMessage::Status(status),
                "status",
                json!({ "execution_state": "busy" }),
            ),
            (
                IoPubMessage::Stream(stream),
                "stream",
                json!({ "name": "stderr", "text": "x" }),
            ),
            (
                IoPubMessage::ExecuteResult(result),
                "execute_result",
                json!({ "execution_count": 4, "data": data, "metadata": {} }),
            ),
            (
                IoPubMessage::DisplayData(display(None)),
                "display_data",
                json!({ "data": data, "metadata": {}, "transient": {} }),
            ),
            (
                IoPubMessage::UpdateDisplayData(display(Some("d"))),
                "update_display_data",
                json!({ "data": data, "metadata": {}, "transient": { "display_id": "d" } }),
            ),
            (
                IoPubMessage::CommOpen(open),
                "comm_open",
                json!({ "comm_id": "a", "target_name": "t", "data": {} }),
            ),
        ] {
            assert_eq!((message.msg_type(), to_json(&message)), (msg_type, content));
        }
    }
}
