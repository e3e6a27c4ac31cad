//! Failures that more than one part of the runtime reports.

use mosaic_abi::{Failure, FailureKind};
use rustix::io::Errno;
use std::io;

/// Returns a failure without the names of a tessera, a method or a worker.
pub(crate) fn failure(kind: FailureKind, message: impl Into<String>) -> Failure {
    Failure {
        kind,
        tessera: String::new(),
        method: String::new(),
        worker: String::new(),
        message: message.into(),
        backtrace: String::new(),
        attempts: 1,
    }
}

/// Returns the failure of a task or tessera that needs `uid`, which failed for `cause`.
pub(crate) fn dependency_failed(uid: &str, cause: &Failure) -> Failure {
    let message = format!("it needs {}", which_failed(uid, cause));
    failure(FailureKind::DependencyFailed, message)
}

/// Returns the clause that `uid` failed, where, and why.
pub(crate) fn which_failed(uid: &str, cause: &Failure) -> String {
    let on = match cause.worker.as_str() {
        "" => String::new(),
        worker => format!(" on {worker}"),
    };
    format!("{uid}, which failed{on}: {}", cause.message)
}

/// Returns the failure of a call whose tessera `uid` failed. If the tessera is gone, the call fails for the same
/// reason.
pub(crate) fn tessera_failed(uid: &str, cause: &Failure) -> Failure {
    match cause.kind {
        FailureKind::WorkerLost | FailureKind::NotRunning => failure(cause.kind, cause.message.clone()),
        _ => dependency_failed(uid, cause),
    }
}

/// Returns the failure of an object whose worker is gone.
pub(crate) fn worker_lost(worker: &str, status: &str) -> Failure {
    failure(FailureKind::WorkerLost, format!("{worker} ended: {status}"))
}

/// Returns whether a connection failed for want of something in this process or on this machine, and not because the
/// other side is gone.
pub(crate) fn is_shortage(error: &io::Error) -> bool {
    let shortages = [Errno::MFILE, Errno::NFILE, Errno::NOBUFS, Errno::NOMEM, Errno::AGAIN];
    shortages
        .iter()
        .any(|errno| error.raw_os_error() == Some(errno.raw_os_error()))
}

/// Returns the failure of what needs a connection to a worker that cannot be made for a shortage.
pub(crate) fn cannot_connect(worker: &str, error: &io::Error) -> Failure {
    let message = format!(
        "{worker} cannot be connected to: {error}: close some files in the process {}, or raise the limit (`ulimit -n`)",
        std::process::id()
    );
    failure(FailureKind::Runtime, message)
}

/// Returns the failure to place a tessera or function when no worker is left.
pub(crate) fn no_worker_left() -> Failure {
    failure(
        FailureKind::Runtime,
        "no worker is left, all of them ended: call `mosaic::interactive(On).await?` to start new ones",
    )
}

/// Returns the failure to place a tessera or function on a worker that does not exist. `workers` are those
/// that do.
pub(crate) fn no_such_worker(worker: &str, workers: &[&str]) -> Failure {
    if workers.is_empty() {
        return no_worker_left();
    }
    let message = format!("there is no worker `{worker}`: the workers are {}", workers.join(", "));
    failure(FailureKind::Runtime, message)
}

/// Returns the failure to place a tessera or function on a worker that is retiring.
pub(crate) fn retired(worker: &str) -> Failure {
    failure(
        FailureKind::Runtime,
        format!("{worker} was retired: it takes nothing new"),
    )
}

/// Returns the failure of a call that was to run on another worker than its tessera's.
pub(crate) fn lives_elsewhere(tessera: &str, lives_on: &str, wanted: &str) -> Failure {
    let message = format!(
        "it was to run on {wanted}, but {tessera} lives on {lives_on}, where its calls run: a worker is chosen when a \
         tessera is made, by `T::with(options).remote(…)`"
    );
    failure(FailureKind::Runtime, message)
}

/// Returns the failure of a cancelled call.
pub(crate) fn cancelled() -> Failure {
    failure(
        FailureKind::Cancelled,
        "`cancel` was called on its task, or its time was over",
    )
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
