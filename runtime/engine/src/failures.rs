//! Failures that more than one part of the runtime reports.

use mosaic_abi::{Failure, FailureKind};

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

/// Returns what a task or tessera fails with if something that it needs failed.
pub(crate) fn dependency_failed(uid: &str, cause: &Failure) -> Failure {
    let on = match cause.worker.as_str() {
        "" => String::new(),
        worker => format!(" on {worker}"),
    };
    let message = format!("it needs {uid}, which failed{on}: {}", cause.message);
    failure(FailureKind::DependencyFailed, message)
}

/// Returns what a call fails with if its tessera failed. If the tessera is gone, the call fails for the same reason.
pub(crate) fn tessera_failed(uid: &str, cause: &Failure) -> Failure {
    match cause.kind {
        FailureKind::WorkerLost | FailureKind::NotRunning => failure(cause.kind, cause.message.clone()),
        _ => dependency_failed(uid, cause),
    }
}

/// Returns what an object fails with if its worker is gone.
pub(crate) fn worker_lost(worker: &str, status: &str) -> Failure {
    failure(FailureKind::WorkerLost, format!("{worker} ended: {status}"))
}

/// Returns what placing fails with if no worker is left.
pub(crate) fn no_worker_left() -> Failure {
    failure(
        FailureKind::Runtime,
        "no worker is left, all of them ended: call `mosaic::interactive(On).await?` to start new ones",
    )
}

/// Returns what placing on a named worker fails with if there is no such worker.
pub(crate) fn no_such_worker(worker: &str, workers: &[&str]) -> Failure {
    if workers.is_empty() {
        return no_worker_left();
    }
    let message = format!("there is no worker `{worker}`: the workers are {}", workers.join(", "));
    failure(FailureKind::Runtime, message)
}

/// Returns what placing on a named worker fails with if the worker is retiring.
pub(crate) fn retired(worker: &str) -> Failure {
    failure(
        FailureKind::Runtime,
        format!("{worker} was retired: it takes nothing new"),
    )
}

/// Returns what a call fails with if it was to run on another worker than its tessera.
pub(crate) fn lives_elsewhere(tessera: &str, lives_on: &str, wanted: &str) -> Failure {
    let message = format!(
        "it was to run on {wanted}, but {tessera} lives on {lives_on}, where its calls run: a worker is chosen when a \
         tessera is made, by `T::with(options).remote(…)`"
    );
    failure(FailureKind::Runtime, message)
}

/// Returns what a call fails with if it was cancelled.
pub(crate) fn cancelled() -> Failure {
    failure(
        FailureKind::Cancelled,
        "`cancel` was called on its task, or its time was over",
    )
}
