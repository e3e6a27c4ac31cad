//! What processes say to each other, and how it is laid out in a stream of bytes.

mod connection;
mod frame;
mod message;
mod outbox;

pub(crate) use connection::connect;
pub(crate) use frame::{Frame, Payload};
pub(crate) use message::{
    Argument, Callee, Code, FromHub, FromWarehouse, FromWorker, Load, Location, LostWorker, Near, Needs, Peer, Place,
    Resident, Running, RuntimeInfo, Source, TaskProgress, ToHub, ToWarehouse, ToWorker, Wish,
};
pub(crate) use outbox::Sender;
