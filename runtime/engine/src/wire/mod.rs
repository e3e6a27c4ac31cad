//! The messages between processes, and how they are laid out in a stream of bytes.
//!
//! - `messages`: the messages, one enum for each direction.
//! - `frame`: a message and its payloads, in bytes. No I/O.
//! - `outbox`: what waits to be written. No I/O.
//! - `connection`: frames over a Unix socket.

mod connection;
mod frame;
mod messages;
mod outbox;

pub(crate) use connection::{Receiver, connect};
#[cfg(mosaic_fuzzing)]
pub(crate) use frame::first_of;
pub(crate) use frame::{Frame, Payload, Received, only};
pub(crate) use messages::{
    Argument, Callee, Code, FromMonitor, FromWarehouse, FromWorker, LivingTessera, Load, Location, LostWorker, Near,
    Needs, Peer, RunningRuntime, RuntimePart, Source, TaskProgress, ToMonitor, ToWarehouse, ToWorker, Wish,
    WorkerAddress,
};
pub(crate) use outbox::Sender;
