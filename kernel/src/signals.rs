//! What ends or interrupts the kernel from outside: signals, and the death of the process that started it.

use std::{env, io, os::fd::OwnedFd, thread, time::Duration};

use rustix::{
    event::{PollFd, PollFlags, poll},
    io::Errno,
    process::{Pid, PidfdFlags, pidfd_open, test_kill_process},
};
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::oneshot,
};

/// The signals that a client may send.
pub(crate) struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hang_up: Signal,
}

/// What a signal asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asked {
    /// SIGINT: stop the running cell.
    Interrupt,
    /// SIGTERM or SIGHUP: end the kernel.
    End,
}

impl Signals {
    /// Listens from now on.
    ///
    /// # Errors
    /// When the system does not allow it.
    pub(crate) fn listen() -> io::Result<Self> {
        Ok(Signals {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    /// The next signal.
    pub(crate) async fn next(&mut self) -> Asked {
        tokio::select! {
            _ = self.interrupt.recv() => Asked::Interrupt,
            _ = self.terminate.recv() => Asked::End,
            _ = self.hang_up.recv() => Asked::End,
        }
    }
}

/// How often a parent is looked for where the system does not tell of its death.
const POLL: Duration = Duration::from_secs(1);

/// Returns when the process that `JPY_PARENT_PID` names has ended; never, where it names none.
pub(crate) async fn parent_ended() {
    let parent = env::var("JPY_PARENT_PID")
        .ok()
        .and_then(|pid| pid.parse().ok())
        .and_then(Pid::from_raw);
    match parent {
        // Process 1 outlives us anyway.
        Some(parent) if parent != Pid::INIT => process_ended(parent).await,
        _ => std::future::pending().await,
    }
}

async fn process_ended(pid: Pid) {
    match pidfd_open(pid, PidfdFlags::empty()) {
        Ok(process) => match wait_in_thread(process) {
            // The thread sends once, or is gone without having been able to poll.
            Ok(ended) => match ended.await {
                Ok(()) => {}
                Err(_) => look_again(pid).await,
            },
            Err(_) => look_again(pid).await,
        },
        Err(Errno::SRCH) => {}
        Err(_) => look_again(pid).await,
    }
}

/// A pidfd is readable when its process has ended. The thread does nothing but wait, and does not keep the kernel.
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

/// For systems without pidfd.
async fn look_again(pid: Pid) {
    while test_kill_process(pid) != Err(Errno::SRCH) {
        tokio::time::sleep(POLL).await;
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
        assert!(start.elapsed() < 2 * POLL);
        process_ended(pid).await;
    }
}
