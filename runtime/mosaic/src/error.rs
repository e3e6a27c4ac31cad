//! The errors of tasks and of the runtime.

use mosaic_abi::{Failure, FailureKind};
use std::{error::Error, fmt};

/// The error of a task, or of a tessera that could not be constructed or found.
///
/// `Display` gives one sentence; `Debug`, which `unwrap` and a failed `?` show, adds the remote backtrace.
///
/// ```
/// # use mosaic::prelude::*;
/// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
/// # mosaic::interactive(On).num_workers(1).await?;
/// let error = mosaic::spawn(|| -> u8 { panic!("no stones left") }, ()).await.unwrap_err();
/// assert_eq!(error.kind(), mosaic::FailureKind::Panicked);
/// assert!(error.to_string().starts_with("function `closure` panicked on worker:0:0: no stones left"));
/// # Ok(()) })? }
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

    /// Returns the kind of failure.
    ///
    /// ```
    /// # fn retry() {}
    /// fn handle(error: &mosaic::TaskError) {
    ///     match error.kind() {
    ///         mosaic::FailureKind::WorkerLost => retry(),
    ///         _ => eprintln!("{error}"),
    ///     }
    /// }
    /// ```
    pub fn kind(&self) -> FailureKind {
        self.failure.kind
    }

    /// Returns the type of the tessera; empty if the error is that of a function.
    ///
    /// ```
    /// fn report(error: &mosaic::TaskError) -> String {
    ///     format!("{}::{} on {}", error.tessera(), error.method(), error.worker())
    /// }
    /// ```
    pub fn tessera(&self) -> &str {
        &self.failure.tessera
    }

    /// Returns the method, or `new` for the constructor. Empty if a tessera was looked for.
    ///
    /// ```
    /// # use mosaic::prelude::*;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
    /// # mosaic::interactive(On).num_workers(1).await?;
    /// let error = mosaic::spawn(|| -> u8 { panic!("no stones left") }, ()).await.unwrap_err();
    /// assert_eq!(error.method(), "closure");
    /// # Ok(()) })? }
    /// ```
    pub fn method(&self) -> &str {
        &self.failure.method
    }

    /// Returns the worker, such as `worker:0:1`. Empty if the task had not reached a worker.
    ///
    /// ```
    /// # use mosaic::prelude::*;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
    /// # mosaic::interactive(On).num_workers(1).await?;
    /// let error = mosaic::spawn(|| -> u8 { panic!("no stones left") }, ()).await.unwrap_err();
    /// assert_eq!(error.worker(), "worker:0:0");
    /// # Ok(()) })? }
    /// ```
    pub fn worker(&self) -> &str {
        &self.failure.worker
    }

    /// Returns the panic's message and source location, or another reason.
    ///
    /// ```
    /// # use mosaic::prelude::*;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
    /// # mosaic::interactive(On).num_workers(1).await?;
    /// let error = mosaic::spawn(|| -> u8 { panic!("no stones left") }, ()).await.unwrap_err();
    /// assert!(error.message().starts_with("no stones left, at "));
    /// # Ok(()) })? }
    /// ```
    pub fn message(&self) -> &str {
        &self.failure.message
    }

    /// Returns how often the call was attempted: more than once only with
    /// [`Options::max_retries`](crate::Options::max_retries).
    ///
    /// ```
    /// # use mosaic::prelude::*;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
    /// # mosaic::interactive(On).num_workers(1).await?;
    /// let stubborn = mosaic::with(Options::new().max_retries(2));
    /// let error = stubborn.spawn(|| -> u8 { panic!("no stones left") }, ()).await.unwrap_err();
    /// assert_eq!(error.attempts(), 3);
    /// # Ok(()) })? }
    /// ```
    pub fn attempts(&self) -> u32 {
        self.failure.attempts
    }

    /// Returns the backtrace in the worker, or an empty text.
    ///
    /// ```
    /// # use mosaic::prelude::*;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
    /// # mosaic::interactive(On).num_workers(1).await?;
    /// let error = mosaic::spawn(|| -> u8 { panic!("no stones left") }, ()).await.unwrap_err();
    /// println!("{}", error.backtrace());
    /// # assert!(!error.backtrace().is_empty());
    /// # Ok(()) })? }
    /// ```
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
            FailureKind::Circle => "was not awaited",
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

/// Shows the sentence and the remote backtrace, since `unwrap` and a failed `?` show errors by `Debug`.
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

/// Lets a function that calls tesserae use `?` on errors of the runtime, too.
impl From<RuntimeError> for TaskError {
    fn from(error: RuntimeError) -> TaskError {
        TaskError::new(crate::host::failure(error.kind, error.message))
    }
}

/// The error of a request to the runtime, such as to start, to stop, or to store a value.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
/// let error = mosaic::put(&1_u8).await.unwrap_err();
/// assert_eq!(error.kind(), mosaic::FailureKind::NotRunning);
/// println!("{error}");
/// # Ok(()) })? }
/// ```
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

    /// Returns the kind of failure.
    ///
    /// ```
    /// fn is_off(error: &mosaic::RuntimeError) -> bool {
    ///     error.kind() == mosaic::FailureKind::NotRunning
    /// }
    /// ```
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
