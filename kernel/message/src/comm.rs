//! Messages through comms.

use serde::{Deserialize, Serialize};

/// The effect of a message on its comm.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CommKind {
    /// Opens the comm.
    Open {
        /// The target at the other end.
        target: String,
    },
    /// Goes through the comm.
    Message,
    /// Closes the comm.
    Close,
}

/// A message from either end of a comm.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommMessage {
    /// The message's effect on the comm.
    pub kind: CommKind,
    /// The comm's id.
    pub comm_id: String,
    /// The message's JSON, as text.
    pub data: String,
    /// The message's metadata: a JSON object, as text.
    pub metadata: String,
    /// The message's binary parts.
    pub buffers: Vec<Vec<u8>>,
}

/// A message from the front end, which the kernel delivers to the cell process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// The number of the delivery. Whoever owns the comm confirms it by [`crate::Ask::Handled`]; until then the kernel
    /// is busy.
    pub number: u64,
    /// The message.
    pub message: CommMessage,
}
