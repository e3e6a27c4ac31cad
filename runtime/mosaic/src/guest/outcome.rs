//! Outcomes of calls: values, failures, panics.

use super::panics;
use crate::host::failure;
use mosaic_abi::{Buffer, Failure, FailureKind, Outcome, Status};

/// Runs `run` and turns a panic into a failure.
pub(crate) fn guarded<T>(run: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
    panics::catch(run).unwrap_or_else(|panic| {
        Err(Failure {
            backtrace: panic.backtrace,
            ..failure(FailureKind::Panicked, panic.message)
        })
    })
}

/// Makes the outcome of a call from its result, and names the method in a failure.
pub(crate) fn to_outcome(type_name: &str, method: &str, result: Result<Buffer, Failure>) -> Outcome {
    match result {
        Ok(value) => Outcome {
            status: Status::Done,
            payload: value,
        },
        Err(mut failure) => {
            failure.tessera = type_name.to_owned();
            failure.method = method.to_owned();
            Outcome {
                status: Status::Failed,
                // A failure is texts and an enum: it can always be encoded.
                payload: Buffer::from(mosaic_abi::encode(&failure).unwrap_or_default()),
            }
        }
    }
}
