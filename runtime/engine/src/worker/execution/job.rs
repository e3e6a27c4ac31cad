//! The jobs in a tessera's queue.

use super::super::{head::HeadConnection, inputs::Inputs};
use crate::{
    id::Id,
    wire::{Callee, Code},
};

/// A job for a tessera, and the head that asked for it.
#[derive(Debug)]
pub(in super::super) enum Job {
    /// Construct the object. This is the first job of each tessera.
    Create {
        head: HeadConnection,
        code: Box<Code>,
        /// The function that makes the object, if that is not the constructor.
        maker: Option<Box<Code>>,
        inputs: Inputs,
        max_retries: u32,
    },
    /// Call a method of the object, or a function on it.
    Call {
        head: HeadConnection,
        task: Id,
        callee: Callee,
        inputs: Inputs,
        max_retries: u32,
    },
}
