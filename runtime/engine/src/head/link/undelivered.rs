//! Messages that cannot be sent to a worker that lives, since this process has no room for one more connection.

use super::super::state::HeadState;
use crate::{id::Id, wire::ToWorker};
use mosaic_abi::Failure;

/// What a message to a worker asks for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Asked {
    /// A constructor, a call or a function.
    Operation(Id),
    /// The value or the end of a task.
    Fetch(u64),
    /// A part of an answer that all workers give.
    Inquiry(u64),
    Attach(Id),
    /// Nobody waits for anything.
    Nothing,
}

impl Asked {
    /// Returns what a message asks for.
    pub(super) fn by(message: &ToWorker) -> Asked {
        match *message {
            ToWorker::Create { tessera: id, .. } | ToWorker::Call { task: id, .. } | ToWorker::Run { task: id, .. } => {
                Asked::Operation(id)
            }
            ToWorker::Fetch { request, .. } => Asked::Fetch(request),
            ToWorker::List { request }
            | ToWorker::Count { request }
            | ToWorker::Profile { request, .. }
            | ToWorker::Keep { request, .. } => Asked::Inquiry(request),
            ToWorker::Attach { tessera } => Asked::Attach(tessera),
            ToWorker::Hello(_)
            | ToWorker::Adopt
            | ToWorker::Fence { .. }
            | ToWorker::Detach { .. }
            | ToWorker::Cancel { .. }
            | ToWorker::SearchCircle(_)
            | ToWorker::DropTask { .. }
            | ToWorker::DropTessera { .. } => Asked::Nothing,
        }
    }

    /// Fails it.
    pub(super) fn fail(self, state: &mut HeadState, failure: Failure) {
        match self {
            Asked::Operation(id) => state.finished(id, Err(failure), false),
            Asked::Fetch(request) => state.fetched(request, Err(failure)),
            Asked::Inquiry(request) => state.inquiry_failed(request, failure),
            Asked::Attach(tessera) => state.attached(tessera, Err(failure)),
            Asked::Nothing => {}
        }
    }
}
