//! The processes that cells have started. They end with the kernel.

use std::{
    collections::HashMap,
    fs,
    os::fd::OwnedFd,
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal},
};
use tracing::info;

/// How long a process has to end by itself after SIGTERM.
const GRACE: Duration = Duration::from_millis(300);

/// Descendants of a process, as pidfds: a pidfd keeps naming its process when the process's number is used again.
pub(crate) struct Descendants(Vec<OwnedFd>);

impl Descendants {
    /// Finds the processes that the children of a process have started, and their descendants.
    ///
    /// The children themselves are not included. They end by themselves: the cell process cleans up after the kernel. A
    /// process whose parent has ended is not found.
    pub(crate) fn of(process: u32) -> Self {
        let parents = parents();
        let process = process.cast_signed();
        let descends = |pid: &i32| {
            let ancestors = std::iter::successors(parents.get(pid), |parent| parents.get(parent));
            // A process that ends meanwhile can make the numbers form a cycle.
            ancestors
                .skip(1)
                .take(parents.len())
                .any(|ancestor| *ancestor == process)
        };
        let found = parents.keys().filter(|pid| descends(pid));
        let open = |pid: &i32| pidfd_open(Pid::from_raw(*pid)?, PidfdFlags::empty()).ok();
        Descendants(found.filter_map(open).collect())
    }

    /// Ends the processes that still run: with SIGTERM first, then with SIGKILL.
    pub(crate) fn end(mut self) {
        for signal in [Signal::TERM, Signal::KILL] {
            self.0.retain(|child| pidfd_send_signal(child, signal).is_ok());
            if self.0.is_empty() {
                return;
            }
            info!(
                "sending {signal:?} to {} processes that cells have started",
                self.0.len()
            );
            self.wait(GRACE);
        }
    }

    /// Waits until all processes have ended, or the time is over.
    fn wait(&mut self, time: Duration) {
        let end = Instant::now() + time;
        while !self.0.is_empty() {
            let left = Timespec::try_from(end.saturating_duration_since(Instant::now())).ok();
            let mut fds: Vec<PollFd<'_>> = self.0.iter().map(|child| PollFd::new(child, PollFlags::IN)).collect();
            if !matches!(poll(&mut fds, left.as_ref()), Ok(count) if count > 0) {
                return;
            }
            // A pidfd is readable when its process has ended.
            let ended: Vec<bool> = fds.iter().map(|fd| !fd.revents().is_empty()).collect();
            let mut ended = ended.into_iter();
            self.0.retain(|_| !ended.next().unwrap_or_default());
        }
    }
}

/// Returns the parent of each process of the system.
fn parents() -> HashMap<i32, i32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let parent = |pid: i32| parent(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?);
    pids.filter_map(|pid| Some((pid, parent(pid)?))).collect()
}

/// Reads the parent from a line of `/proc/PID/stat`: the second field behind the program's name. The name may contain
/// any character.
fn parent(stat: &str) -> Option<i32> {
    let (_, behind_name) = stat.rsplit_once(')')?;
    behind_name.split_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        io::Read,
        process::{Command, Stdio},
    };

    #[test]
    fn the_name_of_a_program_may_be_anything() {
        assert_eq!(parent("12 (a) b) (c) S 7 12 12 0"), Some(7));
        assert_eq!(parent("12"), None);
    }

    #[test]
    fn what_children_have_started_ends() {
        // One process ends at SIGTERM and one ignores it. Both run as soon as the second one prints.
        let script = "(sleep 1000 & (trap '' TERM; echo; exec sleep 1000) & wait) & wait";
        let mut shell = Command::new("sh")
            .args(["-c", script])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        shell.stdout.as_mut().unwrap().read_exact(&mut [0]).unwrap();
        let descendants = Descendants::of(shell.id());
        let count = descendants.0.len();
        descendants.end();
        assert_eq!(count, 2);
        assert!(shell.wait().unwrap().success());
        // No process holds the other end any more.
        assert_eq!(shell.stdout.unwrap().read(&mut [0]).unwrap(), 0);
    }
}
