//! Jupyter's wire protocol: connection file, sockets, signed frames, messages.
//!
//! This crate opens the five sockets of a kernel and turns what arrives on them into [`Message`]s, and messages into
//! what goes out. It is the only one that does so, and it knows nothing of the language whose cells are run.
//!
//! - [`ConnectionFile`] says where to bind and which key signs.
//! - [`Connection::bind`] binds shell, control, stdin, iopub and heartbeat. Each has tasks of its own, and a gate before
//!   it that cuts off clients that send garbage or never read, so that none holds up another.
//! - Requests arrive on a queue per channel; [`Replies`] and [`IoPub`] are cheap handles for the way out.
//! - [`Request`] is the closed set of requests that a kernel may get.
//!
//! Deliberately absent: comms' state, history, execution. Those are the server's.

mod channel;
mod connection;
mod connection_file;
mod iopub;
mod messages;
mod sockets;
mod wire;

pub use channel::Channel;
pub use connection::{BindError, Connection, Replies};
pub use connection_file::{ConnectionFile, ConnectionFileError, Transport};
pub use iopub::{IoPub, OutputRate, OutputRateError, StreamName};
pub use messages::request::{
    CommInfoRequest, CommRequest, CompleteRequest, ExecuteRequest, HistoryAccess, HistoryRequest, InspectRequest,
    IsCompleteRequest, Request, RequestError, ShutdownRequest,
};
pub use messages::{Header, Message, PROTOCOL_VERSION, Session};
pub use wire::{FrameError, SignatureError, Signer, parse, serialise};
