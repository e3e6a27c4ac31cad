//! The exit code of a program that runs another one.

use std::process::ExitCode;

/// Returns the exit code that passes on how another process ended. A process without a code, such as one that a signal
/// killed, counts as a failure.
pub(crate) fn exit_code(code: Option<i32>) -> ExitCode {
    code.and_then(|code| u8::try_from(code).ok())
        .map_or(ExitCode::FAILURE, ExitCode::from)
}
