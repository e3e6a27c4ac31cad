//! How a process ended that ran code of the user's.

use std::{os::unix::process::ExitStatusExt, process::ExitStatus};

/// The signal of a process that has executed an instruction that the CPU refuses.
const ILLEGAL_INSTRUCTION: i32 = rustix::process::Signal::ILL.as_raw();

/// Describes how a process ended, such as `signal: 9 (SIGKILL)`.
///
/// The description of SIGILL names its usual cause: code that was compiled for another CPU.
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
            "{status}, an instruction that the CPU refuses: often the code was compiled for another CPU, such as by \
             `:target_cpu native` on another host"
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
