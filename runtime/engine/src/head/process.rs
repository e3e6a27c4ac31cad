//! The one head of this process: its books, and the way to the thread that carries out what they ask for.

use super::{
    ledger::{Action, Ledger},
    link::{self, Command},
};
use crate::{clock, id::Id, question::Question};
use mosaic_abi::{CellEvent, Host, Slice};
use std::{
    io,
    path::PathBuf,
    sync::{Mutex, Once, OnceLock, PoisonError},
};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// What [`crate::install_head`] needs to know.
#[derive(Clone, Debug)]
pub struct HeadOptions {
    /// The socket of the hub, as [`crate::Hub::address`] gives it.
    pub hub: PathBuf,
    /// Where what a cell tells the kernel goes; see [`mosaic_abi::Host::cell_event`].
    pub cell_event: unsafe extern "C" fn(event: CellEvent, a: Slice, b: Slice),
    /// Where what this process asks the front end goes; see [`mosaic_abi::Host::ask`]. Must not block.
    pub ask: fn(Question),
}

/// The head of this process.
pub(super) struct Head {
    /// Tells it from the heads before and after it.
    pub(super) id: Id,
    /// Held for a few instructions at a time; never while a guest's waker runs or bytes are copied.
    ledger: Mutex<Ledger>,
    /// To the link, which owns all sockets. Actions are sent while the ledger is locked, so that they keep its order.
    commands: UnboundedSender<Command>,
    host: Host,
    pub(super) ask: fn(Question),
    /// The uid of the worker that this process is, if it is one: it neither starts nor stops the runtime, and its own
    /// tesserae are those that live on it.
    pub(super) worker: Option<String>,
    /// What the link needs to start, until it does.
    unlinked: Mutex<Option<(PathBuf, UnboundedReceiver<Command>)>>,
    linked: Once,
}

static HEAD: OnceLock<Head> = OnceLock::new();

/// Makes the head of this process, whose guests get `host`; returns the first one where there is one.
pub(super) fn install(options: HeadOptions, host: Host, worker: Option<String>) -> &'static Head {
    HEAD.get_or_init(|| Head::new(options, host, worker))
}

impl Head {
    fn new(options: HeadOptions, host: Host, worker: Option<String>) -> Head {
        let (commands, inbox) = unbounded_channel();
        let id = Id::unique();
        let mut ledger = Ledger::new(id);
        ledger.know_wall_clock(clock::wall_clock());
        Head {
            id,
            ledger: Mutex::new(ledger),
            commands,
            host,
            ask: options.ask,
            worker,
            unlinked: Mutex::new(Some((options.hub, inbox))),
            linked: Once::new(),
        }
    }

    /// Starts the link, the first time, and waits until it knows what runs.
    pub(super) fn link(&'static self) -> io::Result<()> {
        let mut outcome = Ok(());
        self.linked.call_once(|| {
            let unlinked = self.unlinked.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some((hub, inbox)) = unlinked {
                outcome = link::start(self, hub, inbox);
            }
        });
        outcome
    }

    /// Changes the books and sees to what follows.
    pub(super) fn change<T>(&self, change: impl FnOnce(&mut Ledger) -> T) -> T {
        self.touch(|ledger| {
            ledger.happened(clock::now());
            change(ledger)
        })
    }

    /// The same, for what nobody asks the time of.
    pub(super) fn touch<T>(&self, change: impl FnOnce(&mut Ledger) -> T) -> T {
        let mut guests = Vec::new();
        let mut ledger = self.ledger.lock().unwrap_or_else(PoisonError::into_inner);
        let value = change(&mut ledger);
        while let Some(action) = ledger.next_action() {
            match action {
                Action::Wake(_) | Action::Discard(_) => guests.push(action),
                action => self.command(Command::Act(action)),
            }
        }
        drop(ledger);
        for action in guests {
            match action {
                Action::Wake(waker) => waker.wake(),
                Action::Discard(waker) => drop(waker),
                _ => {}
            }
        }
        value
    }

    /// The table that guests of this process get.
    pub(super) fn host(&'static self) -> &'static Host {
        &self.host
    }

    pub(super) fn command(&self, command: Command) {
        // The link lives as long as the process.
        let _ = self.commands.send(command);
    }
}

/// The head, which exists: its table is the only way to these functions.
pub(super) fn head() -> &'static Head {
    HEAD.get().expect("the table is handed out after the head was made")
}

/// The same, which knows what runs: for what begins something.
pub(super) fn linked() -> &'static Head {
    let head = head();
    if let Err(error) = head.link() {
        // Without it the runtime counts as off.
        tracing::error!(%error, "this process cannot use the runtime");
    }
    head
}
