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

mod batch;
mod channel;
mod connection;
mod date;
mod frames;
mod gate;
mod guard;
mod iopub;
mod message;
mod pace;
mod request;
mod router;
mod signature;
mod sockets;

pub use batch::StreamName;
pub use channel::Channel;
pub use connection::{ConnectionFile, ConnectionFileError, Transport};
pub use frames::{FrameError, parse, serialise};
pub use iopub::IoPub;
pub use message::{Header, Message, PROTOCOL_VERSION, Session};
pub use pace::{OutputRate, OutputRateError};
pub use request::{
    CommInfoRequest, CommRequest, CompleteRequest, ExecuteRequest, HistoryAccess, HistoryRequest, InspectRequest,
    IsCompleteRequest, Request, RequestError, ShutdownRequest,
};
pub use signature::{SignatureError, Signer};
pub use sockets::{BindError, Connection, Replies};
