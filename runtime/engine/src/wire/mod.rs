//! What processes say to each other, and how it is laid out in a stream of bytes.

mod connection;
mod frame;
mod message;

pub(crate) use connection::{Sender, connect};
pub(crate) use frame::{Frame, Payload};
pub(crate) use message::{
    Argument, Callee, Code, FromHub, FromWarehouse, FromWorker, Load, Location, LostWorker, Near, Needs, Peer, Place,
    Resident, RuntimeInfo, Source, TaskProgress, ToHub, ToWarehouse, ToWorker, Wish,
};
