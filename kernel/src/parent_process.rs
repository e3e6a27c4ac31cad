//! The process that started the kernel. When it ends, nobody is left to use the kernel.

use std::{env, io, os::fd::OwnedFd, thread, time::Duration};

use rustix::{
    event::{PollFd, PollFlags, poll},
    io::Errno,
    process::{Pid, PidfdFlags, pidfd_open, test_kill_process},
};
use tokio::sync::oneshot;

/// How often the kernel looks for its parent on a system without pidfd.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// Waits until the process that `JPY_PARENT_PID` names has ended; for ever if it names none.
pub(crate) async fn ended() {
    let parent = env::var("JPY_PARENT_PID")
        .ok()
        .and_then(|pid| pid.parse().ok())
        .and_then(Pid::from_raw);
    match parent {
        // Process 1 outlives the kernel.
        Some(parent) if parent != Pid::INIT => process_ended(parent).await,
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
