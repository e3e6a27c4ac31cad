//! The queue before the standard input of a command.

use crate::{bootstrap::Input, executable::Executable};
use std::{
    io::Write,
    mem,
    sync::{
        Mutex, MutexGuard,
        mpsc::{Receiver, Sender, channel},
    },
};

/// How much of the executable is read and written at once, in bytes.
const STEP: usize = 256 << 10;

/// The queue before the standard input of a command. Lines for the node process wait until it runs.
#[derive(Debug)]
pub(super) struct StandardInput(Mutex<State>);

#[derive(Debug)]
enum State {
    /// The conversation with the shell goes on, and these lines wait.
    Preparing {
        queue: Sender<Input>,
        waiting: Vec<Input>,
    },
    Open(Sender<Input>),
    Closed,
}

impl StandardInput {
    /// Returns a queue and its other end, which [`write_all`] takes.
    pub(super) fn new() -> (StandardInput, Receiver<Input>) {
        let (queue, receiver) = channel();
        let waiting = Vec::new();
        (StandardInput(Mutex::new(State::Preparing { queue, waiting })), receiver)
    }

    /// Sends a part of the conversation with the shell.
    pub(super) fn prepare(&self, input: Input) {
        if let State::Preparing { queue, .. } = &*self.state() {
            // The writer has ended if the command has, which another thread sees.
            let _ = queue.send(input);
        }
    }

    /// Ends the conversation with the shell: sends the lines that have waited.
    pub(super) fn open(&self) {
        let mut state = self.state();
        let State::Preparing { queue, waiting } = mem::replace(&mut *state, State::Closed) else {
            return;
        };
        for input in waiting {
            let _ = queue.send(input);
        }
        *state = State::Open(queue);
    }

    /// Sends a line for the node process. Returns whether the input is open.
    pub(super) fn send(&self, line: &str) -> bool {
        let input = Input::Bytes(format!("{line}\n").into_bytes());
        match &mut *self.state() {
            State::Preparing { waiting, .. } => {
                waiting.push(input);
                true
            }
            State::Open(queue) => queue.send(input).is_ok(),
            State::Closed => false,
        }
    }

    /// Closes the input, behind what was sent.
    pub(super) fn close(&self) {
        *self.state() = State::Closed;
    }

    /// Writes what is sent, until the queue is closed or the command has ended. An executable is cut off when the queue
    /// is closed.
    pub(super) fn write_all(&self, receiver: &Receiver<Input>, mut pipe: impl Write, executable: &Executable) {
        for input in receiver {
            let is_written = match input {
                Input::Bytes(bytes) => pipe.write_all(&bytes).is_ok(),
                Input::Executable => self.write_executable(&mut pipe, executable),
            };
            if !is_written {
                return;
            }
        }
    }

    fn write_executable(&self, pipe: &mut impl Write, executable: &Executable) -> bool {
        let mut buffer = vec![0; STEP];
        let mut offset = 0;
        while offset < executable.size() {
            let length = usize::try_from(executable.size() - offset).map_or(STEP, |left| left.min(STEP));
            let Ok(length @ 1..) = executable.read_at(&mut buffer[..length], offset) else {
                return false;
            };
            if matches!(*self.state(), State::Closed) || pipe.write_all(&buffer[..length]).is_err() {
                return false;
            }
            offset += length as u64;
        }
        true
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("no thread panics while it holds the queue")
    }
}
