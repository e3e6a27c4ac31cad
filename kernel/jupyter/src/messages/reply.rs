//! Replies: what the kernel answers to requests on shell and control.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use super::content::{ErrorContent, MimeData};

/// The content of a reply, one variant for each type of request.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Reply {
    /// `kernel_info_reply`
    KernelInfo(KernelInfoReply),
    /// `execute_reply`
    Execute(ExecuteReply),
    /// `complete_reply`
    Complete(CompleteReply),
    /// `inspect_reply`
    Inspect(InspectReply),
    /// `is_complete_reply`
    IsComplete(IsCompleteReply),
    /// `history_reply`
    History(HistoryReply),
    /// `comm_info_reply`
    CommInfo(CommInfoReply),
    /// `interrupt_reply`
    Interrupt(InterruptReply),
    /// `shutdown_reply`
    Shutdown(ShutdownReply),
    /// `usage_reply`
    Usage(UsageReply),
    /// `debug_reply`, whose content is a response of the Debug Adapter Protocol
    Debug(Value),
    /// The reply to a request that the kernel cannot read or does not support, whatever its type.
    Error(ErrorReply),
}

impl Reply {
    /// Makes the reply to a request that the kernel cannot serve.
    #[must_use]
    pub fn error(ename: &str, evalue: String) -> Reply {
        Reply::Error(ErrorReply {
            error: ErrorContent {
                ename: ename.to_owned(),
                evalue,
                traceback: Vec::new(),
            },
        })
    }
}

/// Content of a reply with the status `error`.
///
/// See [Request-Reply](https://jupyter-client.readthedocs.io/en/stable/messaging.html#request-reply).
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "status", rename = "error")]
pub struct ErrorReply {
    /// Description of the error.
    #[serde(flatten)]
    pub error: ErrorContent,
}

/// Content of a `kernel_info_reply`: who the kernel is and what it speaks.
///
/// See [Kernel info](https://jupyter-client.readthedocs.io/en/stable/messaging.html#kernel-info).
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "status", rename = "ok")]
pub struct KernelInfoReply {
    /// Version of the protocol that the kernel speaks.
    pub protocol_version: &'static str,
    /// Name of the kernel.
    pub implementation: &'static str,
    /// Version of the kernel.
    pub implementation_version: &'static str,
    /// Language of the cells.
    pub language_info: LanguageInfo,
    /// Text that consoles show when they start.
    pub banner: String,
    /// Whether the kernel has a debugger.
    pub debugger: bool,
    /// Optional features of the protocol that the kernel supports.
    pub supported_features: Vec<String>,
    /// Links for the help menu of front ends.
    pub help_links: Vec<HelpLink>,
}

/// The language of a kernel's cells.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LanguageInfo {
    /// Name of the language.
    pub name: &'static str,
    /// Version of the language.
    pub version: String,
    /// MIME type of its source files.
    pub mimetype: &'static str,
    /// Extension of its source files.
    pub file_extension: &'static str,
    /// Pygments lexer that highlights it.
    pub pygments_lexer: &'static str,
    /// CodeMirror mode that highlights it.
    pub codemirror_mode: &'static str,
}

/// A link in the help menu of front ends.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HelpLink {
    /// Text of the link.
    pub text: &'static str,
    /// Address that the link leads to.
    pub url: &'static str,
}

/// Content of an `execute_reply`: how a cell ended.
///
/// See [Execution results](https://jupyter-client.readthedocs.io/en/stable/messaging.html#execution-results).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ExecuteReply {
    /// How the cell ended.
    #[serde(flatten)]
    pub outcome: ExecuteOutcome,
    /// Number of the cell.
    pub execution_count: u32,
    /// Deprecated by the protocol, and always empty.
    pub payload: Vec<Value>,
    /// Results of the request's `user_expressions`, by name.
    pub user_expressions: BTreeMap<String, ExpressionResult>,
}

/// How a cell ended: the `status` of an [`ExecuteReply`].
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "status", rename_all = "lowercase")]
pub enum ExecuteOutcome {
    /// The cell ran to its end.
    Ok,
    /// The cell failed.
    Error(ErrorContent),
    /// The cell did not run, since a cell before it failed.
    Aborted,
}

/// Result of one of a cell's `user_expressions`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "status", rename_all = "lowercase")]
pub enum ExpressionResult {
    /// The expression has this value.
    Ok(MimeData),
    /// The expression failed.
    Error(ErrorContent),
}

/// Content of a `complete_reply`: texts that can stand at the cursor.
///
/// See [Completion](https://jupyter-client.readthedocs.io/en/stable/messaging.html#completion).
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "status", rename = "ok")]
pub struct CompleteReply {
    /// The texts, best first.
    pub matches: Vec<String>,
    /// Start of the text that a match replaces, in code points.
    pub cursor_start: usize,
    /// End of the text that a match replaces, in code points.
    pub cursor_end: usize,
    /// More about the matches.
    pub metadata: CompleteMetadata,
}

/// Metadata of a [`CompleteReply`].
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CompleteMetadata {
    /// The matches with their types, which JupyterLab shows beside them.
    #[serde(rename = "_jupyter_types_experimental")]
    pub types: Vec<TypedMatch>,
}

/// A match of a [`CompleteReply`] with its type.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TypedMatch {
    /// Start of the text that the match replaces, in code points.
    pub start: usize,
    /// End of the text that the match replaces, in code points.
    pub end: usize,
    /// Text of the match.
    pub text: String,
    /// Kind of the match, such as `function`.
    #[serde(rename = "type")]
    pub kind: String,
}

/// Content of an `inspect_reply`: documentation of the name at the cursor.
///
/// See [Introspection](https://jupyter-client.readthedocs.io/en/stable/messaging.html#introspection).
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "status", rename = "ok")]
pub struct InspectReply {
    /// Whether there is any documentation.
    pub found: bool,
    /// The documentation.
    #[serde(flatten)]
    pub documentation: MimeData,
}

/// Content of an `is_complete_reply`: whether code can be run as it stands.
///
/// See [Code completeness](https://jupyter-client.readthedocs.io/en/stable/messaging.html#code-completeness).
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "status", rename_all = "lowercase")]
pub enum IsCompleteReply {
    /// The code can be run.
    Complete,
    /// More has to follow.
    Incomplete {
        /// Spaces with which the next line begins.
        indent: String,
    },
    /// No continuation makes the code valid.
    Invalid,
    /// The kernel cannot tell.
    Unknown,
}

/// Content of a `history_reply`: earlier inputs.
///
/// See [History](https://jupyter-client.readthedocs.io/en/stable/messaging.html#history).
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "status", rename = "ok")]
pub struct HistoryReply {
    /// The inputs, in the order in which they ran.
    pub history: Vec<HistoryEntry>,
}

/// An entry of a [`HistoryReply`]: session, number of the cell, and input. The protocol writes it as an array.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HistoryEntry(pub i64, pub u32, pub HistoryInput);

/// The input of a [`HistoryEntry`].
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum HistoryInput {
    /// The cell's source, where the client asked for inputs only.
    Source(String),
    /// The cell's source and its result as text, where the client asked for outputs too.
    WithOutput(String, Option<String>),
}

/// Content of a `comm_info_reply`: the comms that are open.
///
/// See [Comm info](https://jupyter-client.readthedocs.io/en/stable/messaging.html#comm-info).
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "status", rename = "ok")]
pub struct CommInfoReply {
    /// The open comms, by id.
    pub comms: BTreeMap<String, CommInfo>,
}

/// An open comm of a [`CommInfoReply`].
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CommInfo {
    /// Target that the comm was opened to.
    pub target_name: String,
}

/// Content of an `interrupt_reply`, which has no fields.
///
/// See [Kernel interrupt](https://jupyter-client.readthedocs.io/en/stable/messaging.html#kernel-interrupt).
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "status", rename = "ok")]
pub struct InterruptReply {}

/// Content of a `shutdown_reply`.
///
/// See [Kernel shutdown](https://jupyter-client.readthedocs.io/en/stable/messaging.html#kernel-shutdown).
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "status", rename = "ok")]
pub struct ShutdownReply {
    /// Whether another kernel follows on the same ports, as the request said.
    pub restart: bool,
}

/// Content of a `usage_reply`: what the kernel and all that it has started use, as ipykernel tells it.
///
/// See [`usage_request` in ipykernel](https://github.com/ipython/ipykernel/blob/main/ipykernel/kernelbase.py).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct UsageReply {
    /// Name of the host.
    pub hostname: String,
    /// Process of the kernel.
    pub pid: u32,
    /// CPU time since the last request, in percent of one CPU; 0 at the first request.
    pub kernel_cpu: f64,
    /// Memory in bytes, where shared memory counts once.
    pub kernel_memory: u64,
    /// Number of the host's CPUs.
    pub cpu_count: usize,
    /// CPU time of the host since the last request, in percent of all CPUs; absent at the first request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host_cpu_percent: Option<f64>,
    /// Memory of the host.
    pub host_virtual_memory: HostMemory,
}

/// Memory of a host, in bytes, by the names of psutil.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct HostMemory {
    /// All memory.
    pub total: u64,
    /// Memory that processes can get without swapping.
    pub available: u64,
    /// Part of the memory that is not available, in percent.
    pub percent: f64,
    /// Memory that is used.
    pub used: u64,
    /// Memory that nothing uses.
    pub free: u64,
    /// Memory that was used recently.
    pub active: u64,
    /// Memory that was not used for a while.
    pub inactive: u64,
    /// Buffers of the file systems.
    pub buffers: u64,
    /// Cached files.
    pub cached: u64,
    /// Memory that several processes may use.
    pub shared: u64,
    /// Memory of the system's own tables.
    pub slab: u64,
}

#[cfg(test)]
mod tests;
