//! The messages between processes, and how they are laid out in a stream of bytes.
//!
//! - `messages`: the messages, one enum for each direction.
//! - `circle_search`: the search for waits in a circle.
//! - `node_messages`: the messages between the monitor and the node processes of other hosts.
//! - `frame`: a message and its payloads, in bytes. No I/O.
//! - `received`: a message that arrived, and payloads of it that are on their way still.
//! - `outbox`: what waits to be written. No I/O.
//! - `connection`: frames over a Unix socket, or over TLS between hosts.
//! - `host`: hosts, and the addresses of processes on them; `network`: how a process reaches other hosts.
//! - `remote`: connections between hosts, on which large payloads hold up no message; `payload_thread`: their thread.

mod circle_search;
mod connection;
mod frame;
mod host;
mod messages;
mod network;
mod node_messages;
mod outbox;
mod payload_thread;
mod received;
mod remote;

pub(crate) use circle_search::{CircleSearch, Hop};
pub(crate) use connection::{Receiver, connect, connect_tls, hand_over};
#[cfg(mosaic_fuzzing)]
pub(crate) use frame::first_of;
pub(crate) use frame::{Frame, Payload};
pub(crate) use host::{Host, WorkerAddress};
pub(crate) use messages::{
    Argument, Callee, Code, CodeFile, FromMonitor, FromWarehouse, FromWorker, LivingTessera, Load, Location,
    LostWorker, Near, Needs, Object, Peer, ProfileStep, RunningRuntime, RuntimePart, Source, TaskProgress, ToMonitor,
    ToWarehouse, ToWorker, Wish,
};
pub(crate) use network::{FILES, MONITOR, Network, credentials_in};
pub(crate) use node_messages::{FileReply, FileRequest, FromNode, NodeGreeting, NodeHello, NodeOrder, ToNode};
pub(crate) use outbox::Sender;
pub(crate) use received::{Coming, Received, all_arrived, only};
pub(crate) use remote::{Acceptor, Unconnected, unconnected};
