//! The launcher that runs node processes on the hosts of a Ray cluster.
//!
//! Ray has no stable interface for Rust. So this starts a Python program, the *sidecar*, which is a client of Ray's, and
//! talks to it by lines of JSON. The sidecar ends all node processes at the end of its standard input.
//!
//! - `python`: finds an interpreter that has Ray.
//! - `messages`: what goes to the sidecar and comes from it.
//! - `hosts`: what each host has reported: state without I/O.

mod hosts;
mod messages;
mod python;
#[cfg(test)]
mod tests;

use crate::{
    Order,
    bootstrap::read_line,
    error::LaunchError,
    event::{Events, LaunchEvent},
    executable::Executable,
    host_commands::{Child, Pipes, how_it_ended},
    launch::{GRACE, Launcher},
    machine::Machine,
};
use hosts::Hosts;
use messages::{Operation, Report, Start};
use rustix::process::Signal;
use std::{
    collections::VecDeque,
    io::{BufReader, Write},
    process::{ChildStderr, ChildStdout, Command},
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        mpsc::{Sender, channel},
    },
    thread,
    time::{Duration, Instant},
};

/// The sidecar's program.
const SIDECAR: &str = include_str!("../../ray/mosaic_ray.py");
/// Runs a program that is read from the standard input, behind which the operations come. So no file is needed.
const RUN_SIDECAR: &str = "import sys; exec(compile(sys.stdin.buffer.read(int(sys.argv[1])), 'mosaic_ray.py', 'exec'))";
/// How long the sidecar may take to end after the grace of the node processes: it disconnects from Ray.
const LAST_PATIENCE: Duration = Duration::from_secs(3);
/// How long the last lines are waited for after the sidecar has ended.
const LAST_OUTPUT: Duration = Duration::from_millis(500);
/// How many lines of the sidecar's standard error are kept, to explain its end.
const KEPT_LINES: usize = 5;

/// A launch by Ray.
#[derive(Debug)]
pub(crate) struct Ray(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    events: Events,
    executable: Executable,
    state: Mutex<State>,
    /// Notified when the sidecar has ended.
    ended: Condvar,
}

#[derive(Debug, Default)]
struct State {
    hosts: Hosts,
    /// The queue before the sidecar's standard input, which is closed when this is dropped.
    queue: Option<Sender<Vec<u8>>>,
    sidecar: Option<Arc<Child>>,
    has_ended: bool,
    is_stopped: bool,
}

impl Ray {
    /// Starts an order on a cluster. Without an address, it is the cluster that this machine belongs to.
    pub(crate) fn start(address: Option<String>, order: &Order, events: Events) -> Result<Ray, LaunchError> {
        Ray::start_with(python::find, address, order, events)
    }

    /// Starts an order with the Python interpreter that `find` returns.
    fn start_with(
        find: impl FnOnce() -> Result<Command, String> + Send + 'static,
        address: Option<String>,
        order: &Order,
        events: Events,
    ) -> Result<Ray, LaunchError> {
        let shared = Arc::new(Shared {
            events,
            executable: Executable::open_for(order)?,
            state: Mutex::default(),
            ended: Condvar::new(),
        });
        let order = order.clone();
        let (queue, operations) = channel();
        shared.state().queue = Some(queue);
        let ray = shared.clone();
        spawn(move || {
            let reason = match find().and_then(|python| ray.begin(python, address.as_deref(), &order)) {
                Ok((child, pipes)) => {
                    let writing = spawn(move || {
                        let mut stdin = pipes.stdin;
                        operations
                            .iter()
                            .take_while(|bytes: &Vec<u8>| stdin.write_all(bytes).is_ok())
                            .for_each(drop);
                    });
                    writing.map_or_else(
                        |error| error.to_string(),
                        |()| ray.follow(&child, pipes.stdout, pipes.stderr),
                    )
                }
                Err(reason) => reason,
            };
            ray.end(&reason);
        })?;
        Ok(Ray(shared))
    }
}

impl Shared {
    /// Starts the sidecar, and sends it its program and the order.
    fn begin(&self, mut python: Command, address: Option<&str>, order: &Order) -> Result<(Arc<Child>, Pipes), String> {
        let facts = self.executable.facts()?;
        python.args(["-u", "-c", RUN_SIDECAR, &SIDECAR.len().to_string()]);
        let started = Child::start(python).map_err(|error| format!("cannot run Python: {error}"));
        let (child, pipes) = started?;
        let child = Arc::new(child);
        let mut state = self.state();
        state.sidecar = Some(child.clone());
        let start = Start::new(address, order, &facts.sha256, self.executable.size(), GRACE);
        if let Some(queue) = &state.queue {
            // What was sent before waits behind the order.
            let _ = queue.send(SIDECAR.as_bytes().to_vec());
            let _ = queue.send(Operation::Start(start).to_line());
        }
        Ok((child, pipes))
    }

    /// Follows the sidecar to its end, and returns a reason for it.
    fn follow(self: &Arc<Shared>, child: &Child, stdout: ChildStdout, stderr: ChildStderr) -> String {
        let (last_lines, errors) = channel();
        // Without the thread, the end of the sidecar is not explained.
        let _ = spawn(move || last_lines.send(read_last_lines(stderr)).unwrap_or_default());
        let mut stdout = BufReader::new(stdout);
        let mut reason = None;
        while let Ok(Some(line)) = read_line(&mut stdout) {
            match serde_json::from_str(&line) {
                Ok(Report::Gone { reason: text }) => {
                    reason = Some(text);
                    // Nothing was started, and nothing can be.
                    self.state().queue = None;
                }
                Ok(report) => self.handle(report),
                Err(error) => self.events.say(format!("Ray's sidecar has written `{line}`: {error}")),
            }
        }
        let ended = child.wait().map_or_else(|error| error.to_string(), how_it_ended);
        let errors = errors.recv_timeout(LAST_OUTPUT).unwrap_or_default();
        reason.unwrap_or_else(|| {
            let mut parts = vec![format!("the Python program that talks to Ray is gone ({ended})")];
            parts.extend(errors);
            parts.join(": ")
        })
    }

    fn handle(&self, report: Report) {
        match report {
            Report::Planned { hosts } => {
                self.state().hosts.plan(hosts);
                self.events.send(LaunchEvent::Planned { hosts: hosts as usize });
            }
            Report::Host {
                host,
                name,
                machine,
                glibc,
                flags,
            } => {
                let machine = Machine {
                    name,
                    architecture: machine,
                    glibc,
                    cpu_flags: flags,
                };
                self.judge(host, &machine);
            }
            Report::Started { host } => {
                let started = self.state().hosts.start(host);
                self.events.send(LaunchEvent::Started { host, name: started });
            }
            Report::Line { host, line } => self.events.send(LaunchEvent::Line { host, line }),
            Report::Ended { host, reason } | Report::Refused { host, reason } => self.end_host(host, reason),
            Report::Says { text } => self.events.say(text),
            Report::Gone { .. } => {}
        }
    }

    /// Decides whether a host can run the executable.
    fn judge(&self, host: u32, machine: &Machine) {
        self.state().hosts.name(host, &machine.name);
        let checked = self.executable.facts().map_err(|error| Some(error.to_string()));
        let checked = checked.and_then(|facts| machine.check(&machine.name, &facts.requirements).map_err(Some));
        match checked {
            Ok(()) => self.send_operation(&Operation::Run { host }),
            Err(reason) => {
                self.send_operation(&Operation::End { host });
                self.end_host(host, reason.unwrap_or_default());
            }
        }
    }

    /// Reports the end of a host, unless it was reported.
    fn end_host(&self, host: u32, reason: String) {
        let event = self.state().hosts.end(host, reason);
        if let Some(event) = event {
            self.events.send(event);
        }
    }

    /// Reports the end of the sidecar.
    fn end(&self, reason: &str) {
        let (ends, is_stopped) = {
            let mut state = self.state();
            state.queue = None;
            state.sidecar = None;
            let is_stopped = state.is_stopped;
            let reason = if is_stopped { "the launch was stopped" } else { reason };
            (state.hosts.end_all(reason), is_stopped)
        };
        for event in ends {
            self.events.send(event);
        }
        if !is_stopped {
            self.events.send(LaunchEvent::Gone {
                reason: reason.to_owned(),
            });
        }
        self.state().has_ended = true;
        self.ended.notify_all();
    }

    fn send_operation(&self, operation: &Operation) {
        if let Some(queue) = &self.state().queue {
            // The writer has ended if the sidecar has, which another thread sees.
            let _ = queue.send(operation.to_line());
        }
    }

    fn wait_for_end(&self, patience: Duration) -> bool {
        let deadline = Instant::now() + patience;
        let mut state = self.state();
        while !state.has_ended {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            state = self
                .ended
                .wait_timeout(state, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        true
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Launcher for Ray {
    fn send(&self, host: u32, line: &str) -> Result<(), LaunchError> {
        self.0.state().hosts.check_running(host)?;
        self.0.send_operation(&Operation::Send { host, line });
        Ok(())
    }

    fn replace(&self, host: u32) -> Result<u32, LaunchError> {
        let number = {
            let mut state = self.0.state();
            if state.queue.is_none() {
                return Err(LaunchError::LaunchEnded);
            }
            state.hosts.replace(host)?
        };
        self.0.send_operation(&Operation::Replace {
            host: number,
            old: host,
        });
        Ok(number)
    }

    fn end_host(&self, host: u32) {
        self.0.send_operation(&Operation::End { host });
    }

    fn stop(&self) {
        let sidecar = {
            let mut state = self.0.state();
            state.is_stopped = true;
            // Its end is the operation to stop.
            state.queue = None;
            state.sidecar.clone()
        };
        if !self.0.wait_for_end(GRACE + LAST_PATIENCE)
            && let Some(sidecar) = sidecar
        {
            sidecar.signal(Signal::KILL);
            self.0.wait_for_end(LAST_PATIENCE);
        }
    }
}

fn spawn(run: impl FnOnce() + Send + 'static) -> Result<(), LaunchError> {
    let spawned = thread::Builder::new()
        .name("mosaic-ray".to_owned())
        .spawn(run)
        .map(drop);
    spawned.map_err(|source| LaunchError::Start {
        what: "a thread".to_owned(),
        source,
    })
}

/// Reads to the end, and returns the last lines.
fn read_last_lines(errors: ChildStderr) -> VecDeque<String> {
    let mut errors = BufReader::new(errors);
    let mut lines = VecDeque::new();
    while let Ok(Some(line)) = read_line(&mut errors) {
        if lines.len() == KEPT_LINES {
            lines.pop_front();
        }
        lines.push_back(line);
    }
    lines
}
