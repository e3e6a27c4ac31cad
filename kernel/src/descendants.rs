//! The processes that cells have started: they end with the kernel.

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

/// How long a process has to end in order.
const GRACE: Duration = Duration::from_millis(300);

/// Processes that stay the same ones, whatever becomes of their numbers.
pub(crate) struct Children(Vec<OwnedFd>);

impl Children {
    /// All that the children of a process have started. Those whose parent has ended are nobody's children and not among
    /// them; nor are its own children, which know themselves how to end: the cell process cleans up after the kernel.
    pub(crate) fn of(process: u32) -> Self {
        let parents = parents();
        let process = process.cast_signed();
        let descends = |pid: &i32| {
            let ancestors = std::iter::successors(parents.get(pid), |parent| parents.get(parent));
            // A process that ends while we look can make a circle of numbers.
            ancestors
                .skip(1)
                .take(parents.len())
                .any(|ancestor| *ancestor == process)
        };
        let found = parents.keys().filter(|pid| descends(pid));
        let open = |pid: &i32| pidfd_open(Pid::from_raw(*pid)?, PidfdFlags::empty()).ok();
        Children(found.filter_map(open).collect())
    }

    /// Ends those that are left: asked first, and then not asked.
    pub(crate) fn end(mut self) {
        for signal in [Signal::TERM, Signal::KILL] {
            self.0.retain(|child| pidfd_send_signal(child, signal).is_ok());
            if self.0.is_empty() {
                return;
            }
            info!("{} processes that cells have started get {signal:?}", self.0.len());
            self.wait(GRACE);
        }
    }

    /// Waits until all have ended, or the time is over.
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

/// Each process with its parent.
fn parents() -> HashMap<i32, i32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let parent = |pid: i32| parent(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?);
    pids.filter_map(|pid| Some((pid, parent(pid)?))).collect()
}

/// The parent that a line of /proc/PID/stat names: the second field behind the name, which may contain anything.
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
        // One that ends when asked and one that does not. Both are there when the second speaks.
        let script = "(sleep 1000 & (trap '' TERM; echo; exec sleep 1000) & wait) & wait";
        let mut shell = Command::new("sh")
            .args(["-c", script])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        shell.stdout.as_mut().unwrap().read_exact(&mut [0]).unwrap();
        let children = Children::of(shell.id());
        let count = children.0.len();
        children.end();
        assert_eq!(count, 2);
        assert!(shell.wait().unwrap().success());
        // Nobody holds the other end any more.
        assert_eq!(shell.stdout.unwrap().read(&mut [0]).unwrap(), 0);
    }
}
