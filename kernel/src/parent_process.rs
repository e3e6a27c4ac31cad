//! The process that started the kernel. When it ends, nobody is left to use the kernel.

use std::{env, fs, io, os::fd::OwnedFd, thread, time::Duration};

use rustix::{
    event::{PollFd, PollFlags, poll},
    io::Errno,
    process::{Pid, PidfdFlags, getpid, pidfd_open, test_kill_process},
};
use tokio::sync::oneshot;
use tracing::warn;

/// How often the kernel looks for its parent on a system without pidfd.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// Waits until the process that `JPY_PARENT_PID` names has ended; for ever if it names none.
///
/// In a container, the variable can hold the number of a process outside, which here names no process, or another one.
/// The kernel then runs until a client or a signal ends it.
pub(crate) async fn ended() {
    let parent = env::var("JPY_PARENT_PID")
        .ok()
        .and_then(|pid| pid.parse().ok())
        .and_then(Pid::from_raw);
    match parent {
        // Process 1 outlives the kernel.
        Some(parent) if parent != Pid::INIT && is_older(parent) => process_ended(parent).await,
        Some(parent) if parent != Pid::INIT => {
            warn!(
                "JPY_PARENT_PID is {parent}, which is no process that was here before the kernel: \
                 the kernel will not notice the end of the process that started it"
            );
            std::future::pending().await
        }
        _ => std::future::pending().await,
    }
}

async fn process_ended(pid: Pid) {
    match pidfd_open(pid, PidfdFlags::empty()) {
        Ok(process) => match wait_in_thread(process) {
            // An error means that the thread could not poll.
            Ok(ended) => match ended.await {
                Ok(()) => {}
                Err(_) => poll_until_ended(pid).await,
            },
            Err(_) => poll_until_ended(pid).await,
        },
        Err(Errno::SRCH) => {}
        Err(_) => poll_until_ended(pid).await,
    }
}

/// Returns whether a process is here, and was here before this one.
fn is_older(pid: Pid) -> bool {
    if test_kill_process(pid) == Err(Errno::SRCH) || pid == getpid() {
        return false;
    }
    let started = |process: &str| start_time(&fs::read_to_string(format!("/proc/{process}/stat")).ok()?);
    // `/proc` can show other processes than those that have a number here, or none.
    let is_proc_ours = fs::read_link("/proc/self").is_ok_and(|it| it.as_os_str() == &*getpid().to_string());
    match (started(&pid.to_string()), started("self")) {
        (Some(parent), Some(own)) if is_proc_ours => parent <= own,
        _ => true,
    }
}

/// Reads from a line of `/proc/PID/stat` when the process started: the twentieth field behind the program's name. The
/// name may contain any character.
fn start_time(stat: &str) -> Option<u64> {
    let (_, behind_name) = stat.rsplit_once(')')?;
    behind_name.split_whitespace().nth(19)?.parse().ok()
}

/// Waits for a process in a thread of its own, which does not keep the kernel from ending. A pidfd is readable when its
/// process has ended.
fn wait_in_thread(process: OwnedFd) -> io::Result<oneshot::Receiver<()>> {
    let (ended, receiver) = oneshot::channel();
    thread::Builder::new().name("parent".to_owned()).spawn(move || {
        loop {
            match poll(&mut [PollFd::new(&process, PollFlags::IN)], None) {
                Ok(_) => {
                    // The server may have ended first.
                    let _ = ended.send(());
                    return;
                }
                Err(Errno::INTR) => {}
                Err(_) => return,
            }
        }
    })?;
    Ok(receiver)
}

/// Looks for a process again and again, on a system without pidfd.
async fn poll_until_ended(pid: Pid) {
    while test_kill_process(pid) != Err(Errno::SRCH) {
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{process::Command, time::Instant};

    #[test]
    fn the_name_of_a_program_may_be_anything() {
        let stat = "12 (a) b) (c) S 1 12 12 0 -1 4194560 105 0 0 0 0 0 0 0 20 0 1 0 4711 2359296 195";
        assert_eq!(start_time(stat), Some(4711));
        assert_eq!(start_time("12 (a) S"), None);
    }

    #[test]
    fn only_a_process_that_was_there_before_is_the_parent() {
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        let pid = Pid::from_child(&child);
        // The clock of start times ticks a hundred times a second.
        let ticks = |process: &str| start_time(&fs::read_to_string(format!("/proc/{process}/stat")).unwrap());
        if ticks(&child.id().to_string()) > ticks("self") {
            assert!(!is_older(pid));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(!is_older(pid), "it has ended");
        assert!(!is_older(getpid()));
        assert!(is_older(rustix::process::getppid().unwrap()));
    }

    #[tokio::test]
    async fn a_process_that_ends_is_noticed() {
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        let pid = Pid::from_child(&child);
        let mut ended = Box::pin(process_ended(pid));
        let early = tokio::time::timeout(Duration::from_millis(50), &mut ended).await;
        assert!(early.is_err(), "it lives");
        child.kill().unwrap();
        child.wait().unwrap();
        let start = Instant::now();
        ended.await;
        assert!(start.elapsed() < 2 * POLL_INTERVAL);
        process_ended(pid).await;
    }
}
