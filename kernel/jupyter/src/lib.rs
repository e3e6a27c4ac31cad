//! Jupyter's wire protocol: connection file, sockets, signed frames, messages.
//!
//! This crate alone opens a kernel's five sockets. It knows nothing of the language of the cells.
//!
//! | module | |
//! | --- | --- |
//! | `connection_file` | [`ConnectionFile`]: where to bind, and the key that signs |
//! | `connection` | [`Connection`]: the sockets as one queue for each channel, or queues in memory for tests |
//! | `memory_client` | [`MemoryClient`]: the client's end of a connection in memory |
//! | `channel` | [`Channel`], and the signal that closes all channels |
//! | `messages` | [`Message`], and one type for each message of the protocol: [`Request`], [`Reply`], [`IoPubMessage`] |
//! | `wire` | messages as signed frames |
//! | `iopub` | [`IoPub`]: publishes to all clients, in batches and below the rate limit |
//! | `sockets` | the sockets themselves: clients, their handshakes, and the tasks that serve each of them |
//! | [`zmtp`] | ZeroMQ's protocol between sockets, without I/O |
//!
//! Deliberately absent: the state of comms, history and execution. They belong to the kernel's server.

mod channel;
mod connection;
mod connection_file;
mod iopub;
mod memory_client;
mod messages;
mod sockets;
mod wire;
pub mod zmtp;

pub use channel::Channel;
pub use connection::{BindError, Connection, Replies};
pub use connection_file::{ConnectionFile, ConnectionFileError, Transport};
pub use iopub::{IoPub, OutputRate, OutputRateError};
pub use memory_client::MemoryClient;
pub use messages::content::{ErrorContent, MimeData};
pub use messages::iopub::{
    ClearOutput, CommData, CommOpen, DisplayData, ExecuteInput, ExecuteResult, ExecutionState, IoPubMessage, Status,
    Stream, StreamName, Transient, Welcome,
};
pub use messages::message::{Header, Message, PROTOCOL_VERSION};
pub use messages::reply::{
    CommInfo, CommInfoReply, CompleteMetadata, CompleteReply, ErrorReply, ExecuteOutcome, ExecuteReply,
    ExpressionResult, HelpLink, HistoryEntry, HistoryInput, HistoryReply, HostMemory, InspectReply, InterruptReply,
    IsCompleteReply, KernelInfoReply, LanguageInfo, Reply, ShutdownReply, TypedMatch, UsageReply,
};
pub use messages::request::{
    CommInfoRequest, CommRequest, CompleteRequest, ExecuteRequest, HistoryAccess, HistoryRequest, InspectRequest,
    IsCompleteRequest, Request, RequestError, ShutdownRequest,
};
pub use messages::session::Session;
pub use messages::stdin::{InputReply, InputRequest};
pub use wire::{FrameError, SignatureError, Signer, parse, serialise};
