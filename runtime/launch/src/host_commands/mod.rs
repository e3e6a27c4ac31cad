//! One command for each host, with pipes: what ssh and Slurm's `srun` share.
//!
//! Each host has three threads. One holds the conversation with the shell on the host and then reports the lines of
//! the node process. One follows the standard error. One waits for the end of the command. A fourth thread writes to
//! the standard input, so that nobody waits for a process that does not read.
//!
//! - `child`: the process of a command, which is ended as a process group.
//! - `host`: the command of one host. `standard_input`: the queue before its standard input.
//! - `error_lines`: the last lines of the standard error.

mod child;
mod error_lines;
mod host;
mod standard_input;
#[cfg(test)]
mod tests;

pub(crate) use child::{Child, Pipes, how_it_ended};

use crate::{bootstrap::Bootstrap, error::LaunchError, event::Events};
use host::{Host, Place};
use std::{
    collections::HashMap,
    process::Command,
    sync::{Arc, Mutex, MutexGuard},
    thread,
    time::Instant,
};

/// How the commands of a launcher speak.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Style {
    /// Explains why no node process was started on a host: from the host's name, how the command ended, and the last
    /// lines of its standard error.
    pub(crate) explain: fn(&str, &str, &[String]) -> String,
    /// Whether the user sees a line of the standard error before the node process runs.
    pub(crate) is_early_line_said: fn(&str) -> bool,
}

/// The commands of all hosts of a launch.
#[derive(Debug)]
pub(crate) struct HostCommands {
    bootstrap: Arc<Bootstrap>,
    style: Style,
    events: Events,
    hosts: Mutex<Hosts>,
}

#[derive(Debug, Default)]
struct Hosts {
    is_stopped: bool,
    by_number: HashMap<u32, Arc<Host>>,
}

impl HostCommands {
    /// Prepares to start commands.
    pub(crate) fn new(bootstrap: Bootstrap, style: Style, events: Events) -> HostCommands {
        HostCommands {
            bootstrap: Arc::new(bootstrap),
            style,
            events,
            hosts: Mutex::default(),
        }
    }

    /// Starts the command of a host. It must run [`crate::bootstrap::COMMAND`] there.
    ///
    /// # Errors
    ///
    /// The commands were stopped.
    pub(crate) fn start(&self, number: u32, name: &str, command: Command) -> Result<(), LaunchError> {
        let place = Place {
            number,
            name: name.to_owned(),
            style: self.style,
            events: self.events.clone(),
        };
        let host = {
            let mut hosts = self.hosts();
            if hosts.is_stopped {
                return Err(LaunchError::LaunchEnded);
            }
            let host = Arc::new(Host::new(place));
            hosts.by_number.insert(number, host.clone());
            host
        };
        host.start(command, &self.bootstrap);
        Ok(())
    }

    /// Sends a line to a host.
    ///
    /// # Errors
    ///
    /// The host does not exist or has ended.
    pub(crate) fn send(&self, number: u32, line: &str) -> Result<(), LaunchError> {
        let host = self.host(number)?;
        if host.send(line) {
            Ok(())
        } else {
            Err(LaunchError::NotRunning(number))
        }
    }

    /// Returns whether the command of a host has ended.
    pub(crate) fn has_ended(&self, number: u32) -> bool {
        self.host(number).is_ok_and(|host| host.wait_until(Instant::now()))
    }

    /// Ends the command of a host, without waiting for it.
    pub(crate) fn end(&self, number: u32) {
        let Ok(host) = self.host(number) else { return };
        host.close_input();
        let closed = Instant::now();
        // A thread that cannot be started leaves the end of the process to `stop`.
        let _ = thread::Builder::new()
            .name("mosaic-launch-end".to_owned())
            .spawn(move || {
                if host.wait_gracefully(closed) {
                    return;
                }
                host.terminate();
                if !host.wait_until(Instant::now() + child::PATIENCE) {
                    host.kill();
                }
            });
    }

    /// Ends the commands of all hosts, and waits for that. No command can be started any more.
    pub(crate) fn stop(&self) {
        let hosts: Vec<Arc<Host>> = {
            let mut hosts = self.hosts();
            hosts.is_stopped = true;
            hosts.by_number.values().cloned().collect()
        };
        for host in &hosts {
            host.close_input();
        }
        let closed = Instant::now();
        let mut left = hosts;
        left.retain(|host| !host.wait_gracefully(closed));
        for host in &left {
            host.terminate();
        }
        let deadline = Instant::now() + child::PATIENCE;
        left.retain(|host| !host.wait_until(deadline));
        for host in &left {
            host.kill();
        }
        let deadline = Instant::now() + child::PATIENCE;
        left.retain(|host| !host.wait_until(deadline));
    }

    fn host(&self, number: u32) -> Result<Arc<Host>, LaunchError> {
        let hosts = self.hosts();
        hosts
            .by_number
            .get(&number)
            .cloned()
            .ok_or(LaunchError::NoSuchHost(number))
    }

    fn hosts(&self) -> MutexGuard<'_, Hosts> {
        self.hosts.lock().expect("no thread panics while it holds the hosts")
    }
}
