//! Operations as they were submitted, and what is kept to run them again. No I/O here.

use crate::wire::{Callee, Code, Payload};
use mosaic_abi::{Handle, Options};
use std::collections::VecDeque;

/// An operation that was not sent yet.
#[derive(Clone, Debug)]
pub(crate) struct Submission {
    pub(crate) object: Handle,
    pub(crate) operation: Operation,
    pub(crate) request: Request,
}

/// The arguments and options that a constructor, call or function is submitted with.
#[derive(Clone, Debug, Default)]
pub(crate) struct Request {
    pub(crate) arguments: Vec<Value>,
    /// Tasks that must be done before the operation begins.
    pub(crate) after: Vec<Handle>,
    pub(crate) options: Options,
    /// A needed task on whose worker the object is to be placed.
    pub(crate) near: Option<Handle>,
}

/// An operation that a worker is asked for.
#[derive(Clone, Debug)]
pub(crate) enum Operation {
    /// Construct an object with its constructor, or with `maker`, a function that makes the object from its argument.
    Create { code: Box<Code>, maker: Option<Box<Code>> },
    /// Call a method of an object, or a function on it.
    Call(Callee),
    /// Run a function of its arguments alone.
    Run(Box<Code>),
}

/// An argument as it was submitted.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    /// An encoded value.
    Encoded(Payload),
    /// The value of a task, or a stored value.
    Produced(Handle),
}

impl Submission {
    /// Returns the tasks that must have been sent to their workers before this operation is.
    pub(crate) fn producers(&self) -> impl Iterator<Item = Handle> + '_ {
        self.request.producers()
    }
}

impl Request {
    /// Returns how many bytes the encoded arguments have.
    pub(crate) fn bytes(&self) -> u64 {
        let encoded = self.arguments.iter().map(|argument| match argument {
            Value::Encoded(value) => value.len() as u64,
            Value::Produced(_) => 0,
        });
        encoded.sum()
    }

    /// Returns the tasks that the operation needs.
    pub(crate) fn producers(&self) -> impl Iterator<Item = Handle> + '_ {
        let produced = self.arguments.iter().filter_map(|argument| match argument {
            Value::Produced(task) => Some(*task),
            Value::Encoded(_) => None,
        });
        produced.chain(self.after.iter().copied())
    }
}

/// Everything that is needed to run an object again when its worker is lost.
#[derive(Debug)]
pub(crate) struct Rerun {
    /// How often the object may still be run again.
    pub(super) left: u32,
    /// How a tessera was made. The tasks among the arguments are owned.
    pub(super) create: Option<(Operation, Request)>,
    /// The operations that were sent, have not ended, and may be sent again.
    pub(super) sent: VecDeque<Submission>,
}
