//! Ends the processes that evcxr has started: cargo with all that it starts, and shell commands of the user.
//!
//! evcxr waits for these processes and does not tell their ids. So each one has the kernel's id in its environment, and
//! is found by that mark in `/proc`.

use crate::session::environment_variables::KERNEL_VARIABLE;
use rustix::process::{Pid, Signal, kill_process};
use std::{fs, io, thread, time::Duration};

/// Ends all processes that work for a kernel now. Returns whether there was one. A process that is started meanwhile is
/// found by the next call.
pub(crate) fn end_of(kernel: Pid) -> bool {
    let mark = format!("{KERNEL_VARIABLE}={kernel}");
    let mut found = false;
    for process in processes().into_iter().flatten() {
        if has_mark(process, mark.as_bytes()) {
            // This fails for a process that has ended by itself meanwhile.
            found |= kill_process(process, Signal::KILL).is_ok();
        }
    }
    found
}

/// Ends all processes that work for a kernel that is gone or ending. Looks again until there is none, for a second at
/// most.
pub(crate) fn end_all_of(kernel: Pid) {
    for _ in 0..100 {
        if !end_of(kernel) {
            return;
        }
        thread::sleep(Duration::from_millis(10));
    }
}

fn processes() -> io::Result<impl Iterator<Item = Pid>> {
    Ok(fs::read_dir("/proc")?
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter_map(Pid::from_raw))
}

fn has_mark(process: Pid, mark: &[u8]) -> bool {
    // The environment of another user's process cannot be read, and such a process is not ours.
    fs::read(format!("/proc/{process}/environ"))
        .is_ok_and(|environment| environment.split(|byte| *byte == 0).any(|entry| entry == mark))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{os::unix::process::ExitStatusExt, process::Command};

    #[test]
    fn only_marked_processes_end() {
        // No process has this id.
        let kernel = Pid::from_raw(i32::MAX).unwrap();
        let start = |id: &str| {
            Command::new("sleep")
                .arg("60")
                .env(KERNEL_VARIABLE, id)
                .spawn()
                .unwrap()
        };
        let (mut ours, mut other) = (start(&kernel.to_string()), start("1"));
        while !end_of(kernel) {}
        assert_eq!(ours.wait().unwrap().signal(), Some(9));
        assert!(other.try_wait().unwrap().is_none());
        other.kill().unwrap();
        other.wait().unwrap();
    }
}
