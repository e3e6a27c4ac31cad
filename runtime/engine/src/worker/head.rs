//! A head's connection to this worker.

use crate::{
    id::Id,
    wire::{Frame, FromWorker, Sender},
};

/// A head, and the connection on which it hears of its operations.
#[derive(Clone, Debug)]
pub(super) struct HeadConnection {
    pub(super) id: Id,
    pub(super) sender: Sender<FromWorker>,
}

impl HeadConnection {
    /// Sends a message to the head.
    pub(super) fn send(&self, message: impl Into<Frame<FromWorker>>) {
        self.sender.send(message);
    }
}
