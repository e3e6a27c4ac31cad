//! The handle of a launch, and what each launcher implements.

use crate::{
    Order, Place,
    error::LaunchError,
    event::{Events, LaunchEvent},
    ray::Ray,
    slurm::Slurm,
    ssh::Ssh,
};
use std::{env, fmt, path::Path, time::Duration};

/// How long node processes have to end by themselves after their standard input was closed.
pub(crate) const GRACE: Duration = Duration::from_millis(if cfg!(test) { 500 } else { 5000 });

/// A way to start one node process on each of several hosts.
///
/// No method blocks for long, except `stop`.
pub(crate) trait Launcher: Send + Sync {
    /// Sends a line to the standard input of the node process of a host. Lines that are sent before the process runs
    /// are kept for it.
    fn send(&self, host: u32, line: &str) -> Result<(), LaunchError>;

    /// Ends the node process of a host, if it runs, and starts one on another host, or again on the same host. Returns
    /// the number of the new host.
    fn replace(&self, host: u32) -> Result<u32, LaunchError>;

    /// Closes the standard input of a host's node process, and kills the process if it does not end within the grace.
    fn end_host(&self, host: u32);

    /// Ends everything that was launched. Returns when nothing is left, or when everything that is left was killed.
    fn stop(&self);
}

/// A running launch: the node processes on all hosts.
///
/// All node processes end when this handle is dropped, and when this process ends, however it ends.
pub struct Launch(Box<dyn Launcher>);

impl Launch {
    /// Sends a line to the standard input of the node process of a host. The line must not contain a line break. A line
    /// that is sent before the process runs waits for it. This does not block, even if the process does not read.
    ///
    /// # Errors
    ///
    /// The host does not exist, or its node process has ended.
    pub fn send(&self, host: u32, line: &str) -> Result<(), LaunchError> {
        self.0.send(host, line)
    }

    /// Asks for one more host in the place of a host that was lost, and returns its number. What is left of the old
    /// host's node process is ended. ssh starts a node process on the same machine again. Slurm and Ray take a host
    /// that is spare. The result is reported by a [`LaunchEvent::Started`] or [`LaunchEvent::Refused`].
    ///
    /// # Errors
    ///
    /// The host does not exist, or the launch has ended.
    pub fn replace(&self, host: u32) -> Result<u32, LaunchError> {
        self.0.replace(host)
    }

    /// Ends the node process of a host: closes its standard input, and kills it if it has not ended 5 s later. This
    /// does not wait; [`LaunchEvent::Ended`] reports the end.
    pub fn end_host(&self, host: u32) {
        self.0.end_host(host);
    }

    /// Ends all node processes: closes their standard inputs, and kills what has not ended 5 s later. Waits for that.
    /// A second call does nothing. Must not be called by the function that gets the events.
    pub fn stop(&self) {
        self.0.stop();
    }
}

impl Drop for Launch {
    fn drop(&mut self) {
        self.0.stop();
    }
}

impl fmt::Debug for Launch {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Launch")
    }
}

/// Begins to launch an order at a place, and returns at once. `on_event` gets what happens, on threads of the launch
/// and, before this returns, on the caller's. It should not block.
///
/// # Errors
///
/// The order is not possible at this place, or something is missing on this machine. What goes wrong later and
/// elsewhere is reported by events.
pub fn launch(
    place: Place,
    order: Order,
    on_event: impl Fn(LaunchEvent) + Send + Sync + 'static,
) -> Result<Launch, LaunchError> {
    if order.hosts == Some(0) {
        let reason = "a launch needs at least one".to_owned();
        return Err(LaunchError::Hosts { wanted: 0, reason });
    }
    let events = Events::new(on_event);
    let launcher: Box<dyn Launcher> = match place {
        Place::Ssh { hosts } => Box::new(Ssh::start(hosts, &order, events)?),
        Place::Slurm { options } => Box::new(Slurm::start(&options, &order, events)?),
        Place::Ray { address } => Box::new(Ray::start(address, &order, events)?),
    };
    Ok(Launch(launcher))
}

/// Checks that a program is in the directories of `PATH`, or is the path of a file.
///
/// # Errors
///
/// It is not. The error has the remedy.
pub(crate) fn require_program(program: &str, remedy: &str) -> Result<(), LaunchError> {
    let path = env::var_os("PATH").unwrap_or_default();
    let is_found = if program.contains('/') {
        Path::new(program).is_file()
    } else {
        env::split_paths(&path).any(|directory| directory.join(program).is_file())
    };
    if is_found {
        return Ok(());
    }
    Err(LaunchError::Program {
        program: program.to_owned(),
        remedy: remedy.to_owned(),
    })
}
