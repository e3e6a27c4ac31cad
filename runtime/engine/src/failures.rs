//! Failures that more than one part of the runtime reports.

use mosaic_abi::{Failure, FailureKind};

/// A failure of no tessera in particular.
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

/// What a task or tessera fails with whose producer failed.
pub(crate) fn dependency_failed(uid: &str, cause: &Failure) -> Failure {
    let on = match cause.worker.as_str() {
        "" => String::new(),
        worker => format!(" on {worker}"),
    };
    let message = format!("it needs {uid}, which failed{on}: {}", cause.message);
    failure(FailureKind::DependencyFailed, message)
}

/// What a call fails with whose tessera failed: with the tessera's own kind where the tessera is gone.
pub(crate) fn tessera_failed(uid: &str, cause: &Failure) -> Failure {
    match cause.kind {
        FailureKind::WorkerLost | FailureKind::NotRunning => failure(cause.kind, cause.message.clone()),
        _ => dependency_failed(uid, cause),
    }
}

/// What fails with the worker that had it.
pub(crate) fn worker_lost(worker: &str, status: &str) -> Failure {
    failure(FailureKind::WorkerLost, format!("{worker} ended: {status}"))
}

/// What placing fails with when there is nowhere left.
pub(crate) fn no_worker_left() -> Failure {
    failure(
        FailureKind::Runtime,
        "no worker is left, all of them ended: call `mosaic::interactive(On).await?` to start new ones",
    )
}

/// What placing on a worker by its name fails with when there is none of that name.
pub(crate) fn no_such_worker(worker: &str, workers: &[&str]) -> Failure {
    if workers.is_empty() {
        return no_worker_left();
    }
    let message = format!("there is no worker `{worker}`: the workers are {}", workers.join(", "));
    failure(FailureKind::Runtime, message)
}

/// What placing on a worker by its name fails with when that takes nothing new.
pub(crate) fn retired(worker: &str) -> Failure {
    failure(
        FailureKind::Runtime,
        format!("{worker} was retired: it takes nothing new"),
    )
}

/// What a call fails with that was to run on another worker than its tessera.
pub(crate) fn lives_elsewhere(tessera: &str, lives_on: &str, wanted: &str) -> Failure {
    let message = format!(
        "it was to run on {wanted}, but {tessera} lives on {lives_on}, where its calls run: a worker is chosen when a \
         tessera is made, by `T::with(options).remote(…)`"
    );
    failure(FailureKind::Runtime, message)
}
