//! Messages that cannot be sent to a worker that lives, since this process has no room for one more connection.

use super::super::state::HeadState;
use crate::{failures::failure, id::Id, wire::ToWorker};
use mosaic_abi::{Failure, FailureKind};
use rustix::io::Errno;
use std::io;

/// Returns whether a connection failed for want of something in this process or on this machine, and not because the
/// other side is gone.
pub(super) fn is_shortage(error: &io::Error) -> bool {
    let shortages = [Errno::MFILE, Errno::NFILE, Errno::NOBUFS, Errno::NOMEM, Errno::AGAIN];
    shortages
        .iter()
        .any(|errno| error.raw_os_error() == Some(errno.raw_os_error()))
}

/// Returns the failure of what needs a connection to a worker that cannot be made for a shortage.
pub(super) fn failure_of(worker: &str, error: &io::Error) -> Failure {
    let message = format!(
        "{worker} cannot be connected to: {error}: close some files in the process {}, or raise the limit (`ulimit -n`)",
        std::process::id()
    );
    failure(FailureKind::Runtime, message)
}

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
            ToWorker::List { request } | ToWorker::Count { request } | ToWorker::Keep { request, .. } => {
                Asked::Inquiry(request)
            }
            ToWorker::Attach { tessera } => Asked::Attach(tessera),
            ToWorker::Hello(_)
            | ToWorker::Fence { .. }
            | ToWorker::Detach { .. }
            | ToWorker::Cancel { .. }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_that_cannot_be_connected_to_for_lack_of_descriptors_is_not_gone() {
        for (errno, is_shortage) in [
            (Errno::MFILE, true),
            (Errno::AGAIN, true),
            (Errno::CONNREFUSED, false),
            (Errno::NOENT, false),
        ] {
            assert_eq!(super::is_shortage(&errno.into()), is_shortage, "{errno}");
        }
    }
}
