//! The processes that evcxr starts for the kernel: cargo with all that it starts, and the user's shell commands. evcxr
//! waits for them and gives nobody their ids, so they are found by a mark in their environment.

use crate::session::variables::KERNEL_VARIABLE;
use rustix::process::{Pid, Signal, kill_process};
use std::{fs, io, thread, time::Duration};

/// Ends what works for this kernel now. What its children start meanwhile is found by the next call.
pub(crate) fn end_of(kernel: Pid) -> bool {
    let mark = format!("{KERNEL_VARIABLE}={kernel}");
    let mut found = false;
    for process in processes().into_iter().flatten() {
        if has_mark(process, mark.as_bytes()) {
            // It may have ended by itself meanwhile.
            found |= kill_process(process, Signal::KILL).is_ok();
        }
    }
    found
}

/// Ends what works for this kernel, which is gone or ends, and starts hardly anything new.
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
    // Those of other users cannot be read, and are not ours.
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
