//! How a process ended that ran code of the user's.

use std::{os::unix::process::ExitStatusExt, process::ExitStatus};

/// The signal of a process that has executed an instruction which its CPU does not have.
const ILLEGAL_INSTRUCTION: i32 = rustix::process::Signal::ILL.as_raw();

/// Describes how a process ended, such as `signal: 9 (SIGKILL)`.
///
/// Code that was compiled for another CPU ends a process with SIGILL. Then the description says so.
///
/// # Examples
///
/// ```
/// use std::{os::unix::process::ExitStatusExt, process::ExitStatus};
///
/// let killed = ExitStatus::from_raw(9);
/// assert_eq!(mosaic_engine::describe_exit_status(killed), "signal: 9 (SIGKILL)");
/// ```
pub fn describe_exit_status(status: ExitStatus) -> String {
    if status.signal() == Some(ILLEGAL_INSTRUCTION) {
        return format!(
            "{status}, an instruction that its CPU does not have: code that was compiled for another CPU, such as after \
             `:target_cpu native` on another host, runs only on such a CPU"
        );
    }
    status.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_illegal_instruction_is_explained() {
        let described = describe_exit_status(ExitStatus::from_raw(ILLEGAL_INSTRUCTION));
        assert!(
            described.starts_with("signal: 4 (SIGILL), an instruction"),
            "{described}"
        );
        assert_eq!(describe_exit_status(ExitStatus::from_raw(3 << 8)), "exit status: 3");
    }
}
