//! The steps that a change of the state asks for. No I/O here.

use super::waits::GuestWaker;
use crate::{
    id::Id,
    wire::{Frame, Payload, TaskProgress, ToWarehouse, ToWorker, Wish, WorkerAddress},
};
use mosaic_abi::{Handle, MonitorQuery};
use std::{sync::Arc, time::Duration};

/// A step outside the state, to be carried out by whoever changed the state.
#[derive(Debug)]
pub(crate) enum Action {
    /// Keep a tessera in this process, then call [`placed_here`](super::HeadState::placed_here).
    PlaceHere { tessera: Id },
    /// Ask the monitor for a worker.
    Place { tessera: Id, type_name: String, wish: Wish },
    /// Ask the monitor what became of a tessera that no worker has.
    FindLost { tessera: Id },
    /// Tell the monitor that a tessera is gone.
    Forget { tessera: Id },
    /// Send a message to a worker.
    Send {
        place: Arc<WorkerAddress>,
        frame: Frame<ToWorker>,
    },
    /// Send a message to a worker together with the next one, or after `longest`. Nobody waits for it.
    SendWithin {
        place: Arc<WorkerAddress>,
        frame: Frame<ToWorker>,
        longest: Duration,
    },
    /// Send all delayed messages now: somebody waits.
    SendDelayed,
    /// Ask the warehouse where a value may go, write it there, then call [`stored`](super::HeadState::stored).
    Store {
        ware: Id,
        type_name: String,
        value: Payload,
    },
    /// Send a message to the warehouse.
    Warehouse(ToWarehouse),
    /// Read a stored value, then call [`fetched`](super::HeadState::fetched).
    Load { wait: Handle, ware: Id, uid: String },
    /// Have the front end show how far a task has got.
    Progress(TaskProgress),
    /// Call [`time_expired`](super::HeadState::time_expired) after this time.
    Timer { subject: Handle, after: Duration },
    /// Have all output shown, then call [`synced`](super::HeadState::synced).
    Sync { object: Handle },
    /// Ask the monitor; the answer ends this wait.
    Query { wait: Handle, query: MonitorQuery },
    /// Write a line to standard error, with no lock held.
    Say(String),
    /// Wake a future of the guest, with no lock held.
    Wake(GuestWaker),
    /// Drop a waker of the guest, with no lock held.
    Discard(GuestWaker),
}
