//! Messages through comms.

use serde::{Deserialize, Serialize};

/// What a message does to its comm.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CommKind {
    /// Opens it.
    Open {
        /// Who is to answer at the other end.
        target: String,
    },
    /// Goes through it.
    Message,
    /// Closes it.
    Close,
}

/// A message of either end of a comm.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommMessage {
    /// What it does.
    pub kind: CommKind,
    /// Which comm.
    pub comm_id: String,
    /// JSON, as its text.
    pub data: String,
    /// A JSON object, as its text.
    pub metadata: String,
    /// Binary parts.
    pub buffers: Vec<Vec<u8>>,
}

/// A message from the front end, which the kernel delivers to the cell process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// Its number: who owns the comm says [`crate::Ask::Handled`] with it, and until then the kernel says busy.
    pub number: u64,
    /// The message.
    pub message: CommMessage,
}
