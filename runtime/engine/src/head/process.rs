//! The head of a process: its state behind a lock, and its channel to the link.

use super::{
    command::Command,
    state::{Action, HeadState},
};
use crate::{clock, id::Id, question::Question, wire::Network};
use mosaic_abi::{CellEvent, Host, Slice};
use std::{
    io::{self, Write},
    path::PathBuf,
    sync::{Mutex, Once, PoisonError},
};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// Options of [`crate::install_head`].
#[derive(Clone, Debug)]
pub struct HeadOptions {
    /// The socket of the monitor, as [`crate::Monitor::address`] gives it.
    pub monitor: PathBuf,
    /// Receives what a cell tells the kernel; see [`mosaic_abi::Host::cell_event`].
    pub cell_event: unsafe extern "C" fn(event: CellEvent, a: Slice, b: Slice),
    /// Receives what this process asks the front end; see [`mosaic_abi::Host::ask`]. It must not block.
    pub ask: fn(Question),
}

/// The head of a process. All threads share it.
pub(super) struct Head {
    /// Tells this head from the heads before and after it.
    pub(super) id: Id,
    /// Locked for a few instructions at a time, and never while a guest's waker runs or bytes are copied.
    state: Mutex<HeadState>,
    /// The way to the link, which owns all sockets. Actions are sent while the state is locked, so they keep their
    /// order.
    commands: UnboundedSender<Command>,
    /// The table that guests get. It never changes.
    host: Host,
    /// Receives what this process asks the front end. It never changes.
    pub(super) ask: fn(Question),
    /// The uid of the worker that this process is, if it is one. A worker neither starts nor stops the runtime, and the
    /// tesserae of its own process are those that live on the worker.
    pub(super) worker: Option<String>,
    /// Where this process is within the runtime's network. It never changes.
    pub(super) network: Network,
    /// The monitor's socket and the link's inbox, until the link is started.
    pub(super) unlinked: Mutex<Option<(PathBuf, UnboundedReceiver<Command>)>>,
    /// Done once the link has been started. Other threads that need the link block on it meanwhile.
    pub(super) linked: Once,
}

impl Head {
    /// Makes a head whose guests get `host`. `worker` is the worker that this process is, if it is one.
    pub(super) fn new(options: HeadOptions, host: Host, worker: Option<String>, network: Network) -> Head {
        let (commands, inbox) = unbounded_channel();
        let id = Id::unique();
        let mut state = HeadState::new(id);
        state.set_wall_clock(clock::wall_clock());
        Head {
            id,
            state: Mutex::new(state),
            commands,
            host,
            ask: options.ask,
            worker,
            network,
            unlinked: Mutex::new(Some((options.monitor, inbox))),
            linked: Once::new(),
        }
    }

    /// Changes the state, at the present time, and carries out the actions that follow.
    pub(super) fn change<T>(&self, change: impl FnOnce(&mut HeadState) -> T) -> T {
        self.change_untimed(|state| {
            state.set_now(clock::now());
            change(state)
        })
    }

    /// Changes the state without reading the clock, and carries out the actions that follow. For changes whose time is
    /// not recorded.
    pub(super) fn change_untimed<T>(&self, change: impl FnOnce(&mut HeadState) -> T) -> T {
        let mut guests = Vec::new();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let value = change(&mut state);
        while let Some(action) = state.next_action() {
            match action {
                Action::Wake(_) | Action::Discard(_) | Action::Say(_) => guests.push(action),
                action => self.command(Command::Act(action)),
            }
        }
        drop(state);
        for action in guests {
            match action {
                Action::Wake(waker) => waker.wake(),
                Action::Discard(waker) => drop(waker),
                // In one piece, since other threads write too, and not with `eprintln!`, which panics where nobody is
                // left to read.
                Action::Say(notice) => drop(io::stderr().write_all(notice.as_bytes())),
                _ => {}
            }
        }
        value
    }

    /// Returns the table that guests of this process get.
    pub(super) fn host(&'static self) -> &'static Host {
        &self.host
    }

    /// Sends a command to the link.
    pub(super) fn command(&self, command: Command) {
        // The link lives as long as the process.
        let _ = self.commands.send(command);
    }
}
