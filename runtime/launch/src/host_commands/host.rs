//! The command of one host.

use super::{
    Style,
    child::{Child, PATIENCE, Pipes, how_it_ended},
    error_lines::ErrorLines,
    standard_input::StandardInput,
};
use crate::{
    bootstrap::{Bootstrap, Input, read_line},
    event::{Events, LaunchEvent},
    launch::GRACE,
};
use rustix::process::Signal;
use std::{
    io::{self, BufReader},
    process::{ChildStdout, Command},
    sync::{
        Arc, Condvar, Mutex, MutexGuard,
        mpsc::{Receiver, Sender, channel},
    },
    thread,
    time::{Duration, Instant},
};

/// How long the last output is waited for after a command has ended: a process that it has left may hold the pipe.
const LAST_OUTPUT: Duration = Duration::from_millis(500);

/// A host, and where its command reports to.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) number: u32,
    pub(super) name: String,
    pub(super) style: Style,
    pub(super) events: Events,
}

/// The command of one host.
#[derive(Debug)]
pub(super) struct Host {
    place: Place,
    input: StandardInput,
    /// The other end of the queue before the standard input, until the writer takes it.
    queue: Mutex<Option<Receiver<Input>>>,
    errors: ErrorLines,
    state: Mutex<State>,
    /// Notified when the host has ended.
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    child: Option<Arc<Child>>,
    is_started: bool,
    /// Why no node process was started, if the conversation with the host says it.
    refusal: Option<String>,
    /// Whether this process has ended the host.
    is_closed: bool,
    has_ended: bool,
}

impl Host {
    /// Returns the host of a command that does not run yet.
    pub(super) fn new(place: Place) -> Host {
        let (input, queue) = StandardInput::new();
        Host {
            place,
            input,
            queue: Mutex::new(Some(queue)),
            errors: ErrorLines::default(),
            state: Mutex::default(),
            changed: Condvar::new(),
        }
    }

    /// Starts the command, and the threads that follow it.
    pub(super) fn start(self: &Arc<Host>, command: Command, bootstrap: &Arc<Bootstrap>) {
        if let Err(error) = self.try_start(command, bootstrap) {
            self.state().refusal = Some(format!("cannot start a command for host {}: {error}", self.place.name));
            self.kill();
            if self.state().child.is_none() {
                self.end("");
            }
        }
    }

    fn try_start(self: &Arc<Host>, command: Command, bootstrap: &Arc<Bootstrap>) -> io::Result<()> {
        let (child, pipes) = Child::start(command)?;
        let Pipes { stdin, stdout, stderr } = pipes;
        let child = Arc::new(child);
        self.state().child = Some(child.clone());
        let (done, both_done) = channel();
        self.spawn("wait", move |host| host.wait(&child, &both_done))?;
        let executable = bootstrap.executable.clone();
        let queue = self
            .queue
            .lock()
            .expect("no thread panics while it holds the queue")
            .take();
        let queue = queue.expect("a host is started once");
        self.spawn("write", move |host| host.input.write_all(&queue, stdin, &executable))?;
        let end_of_errors = done.clone();
        self.spawn("errors", move |host| {
            host.errors.follow(BufReader::new(stderr), &host.place);
            // The waiting thread may have given up.
            let _ = end_of_errors.send(());
        })?;
        let bootstrap = bootstrap.clone();
        self.spawn("output", move |host| host.converse(stdout, &bootstrap, &done))
    }

    fn spawn(self: &Arc<Host>, what: &str, run: impl FnOnce(Arc<Host>) + Send + 'static) -> io::Result<()> {
        let host = self.clone();
        let name = format!("mosaic-{what}-{}", self.place.number);
        thread::Builder::new().name(name).spawn(move || run(host)).map(drop)
    }

    /// Holds the conversation with the shell, then reports the lines of the node process.
    fn converse(&self, stdout: ChildStdout, bootstrap: &Bootstrap, done: &Sender<()>) {
        let mut stdout = BufReader::new(stdout);
        let Place {
            number, name, events, ..
        } = &self.place;
        match bootstrap.run(name, &mut stdout, |input| self.input.prepare(input), events) {
            Ok(()) => {
                self.state().is_started = true;
                events.send(LaunchEvent::Started {
                    host: *number,
                    name: name.clone(),
                });
                self.input.open();
                while let Ok(Some(line)) = read_line(&mut stdout) {
                    if self.state().has_ended {
                        return;
                    }
                    events.send(LaunchEvent::Line { host: *number, line });
                }
            }
            Err(refusal) => {
                self.state().refusal = refusal;
                self.input.close();
            }
        }
        let _ = done.send(());
    }

    fn wait(&self, child: &Child, both_done: &Receiver<()>) {
        let ended = match child.wait() {
            Ok(status) => how_it_ended(status),
            Err(error) => format!("cannot wait for the end of the command: {error}"),
        };
        let deadline = Instant::now() + LAST_OUTPUT;
        for _ in 0..2 {
            let _ = both_done.recv_timeout(deadline.saturating_duration_since(Instant::now()));
        }
        self.end(&ended);
    }

    /// Reports the end of the host.
    fn end(&self, ended: &str) {
        self.input.close();
        let (is_started, is_closed, refusal) = {
            let mut state = self.state();
            state.has_ended = true;
            state.child = None;
            (state.is_started, state.is_closed, state.refusal.take())
        };
        let Place {
            number,
            name,
            style,
            events,
        } = &self.place;
        let lines = self.errors.last();
        events.send(if is_started {
            let reason = match lines.last() {
                Some(last) => format!("{ended}: {last}"),
                None => ended.to_owned(),
            };
            LaunchEvent::Ended { host: *number, reason }
        } else {
            let reason = refusal.unwrap_or_else(|| {
                if is_closed {
                    "it was given up before the program was started there".to_owned()
                } else {
                    (style.explain)(name, ended, &lines)
                }
            });
            LaunchEvent::Refused {
                host: *number,
                name: name.clone(),
                reason,
            }
        });
        self.changed.notify_all();
    }

    /// Sends a line to the node process. Returns whether it has not ended.
    pub(super) fn send(&self, line: &str) -> bool {
        self.input.send(line)
    }

    /// Closes the standard input of the command.
    pub(super) fn close_input(&self) {
        self.state().is_closed = true;
        self.input.close();
    }

    /// Waits until the host has ended by itself, for as long as it has a right to after its input was closed at a point
    /// in time. Returns whether it has ended.
    pub(super) fn wait_gracefully(&self, closed: Instant) -> bool {
        // A command without a node process has nothing to tidy up.
        let grace = if self.state().is_started { GRACE } else { PATIENCE };
        self.wait_until(closed + grace)
    }

    /// Asks the command to end.
    pub(super) fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    /// Kills the command.
    pub(super) fn kill(&self) {
        self.signal(Signal::KILL);
    }

    fn signal(&self, signal: Signal) {
        let child = self.state().child.clone();
        if let Some(child) = child {
            child.signal(signal);
        }
    }

    /// Waits until the host has ended, or until a point in time. Returns whether it has ended.
    pub(super) fn wait_until(&self, deadline: Instant) -> bool {
        let patience = deadline.saturating_duration_since(Instant::now());
        let state = self
            .changed
            .wait_timeout_while(self.state(), patience, |state| !state.has_ended);
        state.expect("no thread panics while it holds the state").0.has_ended
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no thread panics while it holds the state")
    }
}
