//! Messages that cannot be sent to a worker that lives, since this process has no room for one more connection.

use super::super::state::HeadState;
use crate::{failures::failure, wire::ToWorker};
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

/// Fails what a message to a worker asks for. A message that only frees something is dropped.
pub(super) fn fail(state: &mut HeadState, message: &ToWorker, failure: Failure) {
    match *message {
        ToWorker::Create { tessera: id, .. } | ToWorker::Call { task: id, .. } | ToWorker::Run { task: id, .. } => {
            state.finished(id, Err(failure), false);
        }
        ToWorker::Fetch { request, .. } => state.fetched(request, Err(failure)),
        ToWorker::List { request } | ToWorker::Count { request } | ToWorker::Keep { request, .. } => {
            state.inquiry_failed(request, failure);
        }
        ToWorker::Attach { tessera } => state.attached(tessera, Err(failure)),
        ToWorker::Hello(_)
        | ToWorker::Fence { .. }
        | ToWorker::Detach { .. }
        | ToWorker::Cancel { .. }
        | ToWorker::DropTask { .. }
        | ToWorker::DropTessera { .. } => {}
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
