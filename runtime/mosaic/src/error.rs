//! Errors as values.

use mosaic_abi::{Failure, FailureKind};
use std::{error::Error, fmt};

/// Why a task or a tessera did not end with a value.
///
/// ```
/// fn report(error: &mosaic::TaskError) -> String {
///     format!("{}::{} on {}: {}", error.tessera(), error.method(), error.worker(), error.message())
/// }
/// ```
#[derive(Clone)]
pub struct TaskError {
    failure: Box<Failure>,
}

impl TaskError {
    pub(crate) fn new(failure: Failure) -> TaskError {
        TaskError {
            failure: Box::new(failure),
        }
    }

    /// The kind of failure.
    pub fn kind(&self) -> FailureKind {
        self.failure.kind
    }

    /// The type of the tessera.
    pub fn tessera(&self) -> &str {
        &self.failure.tessera
    }

    /// The method, `new` for the constructor, or empty where a tessera was looked for.
    pub fn method(&self) -> &str {
        &self.failure.method
    }

    /// The worker, such as `worker:0:1`; empty where the task did not get as far as a worker.
    pub fn worker(&self) -> &str {
        &self.failure.worker
    }

    /// The panic's message and place, or what went wrong.
    pub fn message(&self) -> &str {
        &self.failure.message
    }

    /// How often it was tried: more than once where it may be retried.
    pub fn attempts(&self) -> u32 {
        self.failure.attempts
    }

    /// The backtrace in the worker, or empty.
    pub fn backtrace(&self) -> &str {
        &self.failure.backtrace
    }
}

impl fmt::Display for TaskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let failure = &*self.failure;
        if failure.tessera.is_empty() && failure.method.is_empty() {
            return f.write_str(&failure.message);
        }
        match failure.method.as_str() {
            function if failure.tessera.is_empty() => write!(f, "function `{function}` ")?,
            "" => write!(f, "attaching to a `{}` ", failure.tessera)?,
            "new" => write!(f, "constructor of `{}` ", failure.tessera)?,
            method => write!(f, "method `{method}` of `{}` ", failure.tessera)?,
        }
        f.write_str(match failure.kind {
            FailureKind::WorkerLost if failure.method.is_empty() => "failed, since it was lost",
            FailureKind::Panicked => "panicked",
            FailureKind::WorkerLost => "was lost",
            FailureKind::Cancelled => "was cancelled",
            FailureKind::TimedOut => "timed out",
            FailureKind::DependencyFailed | FailureKind::NotRunning | FailureKind::Busy => "did not run",
            FailureKind::NotPortable | FailureKind::Dropped | FailureKind::Runtime => "failed",
        })?;
        if !failure.worker.is_empty() {
            write!(f, " on {}", failure.worker)?;
        }
        if failure.attempts > 1 {
            write!(f, " after {} attempts", failure.attempts)?;
        }
        write!(f, ": {}", failure.message)
    }
}

/// The sentence and the remote backtrace: what `unwrap` and a failed `?` show.
impl fmt::Debug for TaskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")?;
        if !self.backtrace().is_empty() {
            write!(f, "\n\nbacktrace on {}:\n{}", self.worker(), self.backtrace())?;
        }
        Ok(())
    }
}

impl Error for TaskError {}

/// So that what calls tesserae can also ask the runtime, with `?` for both.
impl From<RuntimeError> for TaskError {
    fn from(error: RuntimeError) -> TaskError {
        TaskError::new(crate::host::failure(error.kind, error.message))
    }
}

/// Why the runtime did not do what was asked: start, stop, store a value, find one.
#[derive(Clone)]
pub struct RuntimeError {
    kind: FailureKind,
    message: String,
}

impl RuntimeError {
    pub(crate) fn new(failure: Failure) -> RuntimeError {
        RuntimeError {
            kind: failure.kind,
            message: failure.message,
        }
    }

    /// The kind of failure.
    pub fn kind(&self) -> FailureKind {
        self.kind
    }
}

impl From<TaskError> for RuntimeError {
    fn from(error: TaskError) -> RuntimeError {
        RuntimeError {
            kind: error.kind(),
            message: error.to_string(),
        }
    }
}

impl fmt::Display for RuntimeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl fmt::Debug for RuntimeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for RuntimeError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(kind: FailureKind, method: &str, worker: &str) -> TaskError {
        TaskError::new(Failure {
            kind,
            tessera: "Solver1".into(),
            method: method.into(),
            worker: worker.into(),
            message: "index out of bounds".into(),
            backtrace: String::new(),
            attempts: 1,
        })
    }

    #[test]
    fn errors_are_one_sentence() {
        let cases = [
            (
                failure(FailureKind::Panicked, "solve", "worker:0:1"),
                "method `solve` of `Solver1` panicked on worker:0:1: index out of bounds",
            ),
            (
                failure(FailureKind::Panicked, "new", "worker:0:1"),
                "constructor of `Solver1` panicked on worker:0:1: index out of bounds",
            ),
            (
                failure(FailureKind::DependencyFailed, "solve", ""),
                "method `solve` of `Solver1` did not run: index out of bounds",
            ),
            (
                RuntimeError {
                    kind: FailureKind::Runtime,
                    message: "the runtime is off".to_owned(),
                }
                .into(),
                "the runtime is off",
            ),
            (
                {
                    let mut error = failure(FailureKind::Panicked, "double", "worker:0:1");
                    error.failure.tessera.clear();
                    error
                },
                "function `double` panicked on worker:0:1: index out of bounds",
            ),
            (
                failure(FailureKind::Runtime, "", ""),
                "attaching to a `Solver1` failed: index out of bounds",
            ),
            (
                failure(FailureKind::WorkerLost, "", "worker:0:1"),
                "attaching to a `Solver1` failed, since it was lost on worker:0:1: index out of bounds",
            ),
        ];
        for (error, sentence) in cases {
            assert_eq!(error.to_string(), sentence);
        }
    }
}
