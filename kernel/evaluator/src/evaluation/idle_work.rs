//! What the evaluation thread does while nobody asks anything: it has code help read ahead, and gives memory back.

use crate::code_help::{memory, thread::CodeHelp};
use std::time::Duration;

/// The next piece of idle work. Each piece is short, so a request that comes meanwhile waits until it is done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum IdleWork {
    /// Have the code help thread read the standard library and the notebook's crates.
    #[default]
    ReadAhead,
    /// Give back the memory that reading took.
    GiveBack,
    /// Give back much memory at once, since a pause may never come.
    GiveMuchBack,
    /// Nothing is left to do.
    Rest,
}

/// The time without requests after which code help reads ahead. Reading takes one CPU for seconds, which cells that run
/// one after the other may need.
const BEFORE_READING: Duration = Duration::from_secs(1);
/// The time without requests after which memory is given back.
const BEFORE_GIVING_BACK: Duration = Duration::from_secs(1);
/// The bytes that count as much memory. rust-analyzer leaves that much behind when it has looked through the standard
/// library, and no cell does.
const MUCH: u64 = 128 << 20;

impl IdleWork {
    /// Returns the work that there is after a request.
    pub(super) fn after_request() -> IdleWork {
        match memory::grown() {
            MUCH.. => IdleWork::GiveMuchBack,
            _ => IdleWork::ReadAhead,
        }
    }

    /// Returns the time without requests after which the work is done, or `None` if there is no work.
    pub(super) fn patience(self) -> Option<Duration> {
        match self {
            IdleWork::ReadAhead => Some(BEFORE_READING),
            IdleWork::GiveMuchBack => Some(Duration::ZERO),
            IdleWork::GiveBack => Some(BEFORE_GIVING_BACK),
            IdleWork::Rest => None,
        }
    }

    /// Does the work and returns the next.
    pub(super) fn perform(self, code_help: &CodeHelp) -> IdleWork {
        match self {
            IdleWork::ReadAhead => {
                code_help.prepare();
                IdleWork::GiveBack
            }
            IdleWork::GiveBack => {
                memory::give_back_if_worth();
                IdleWork::Rest
            }
            IdleWork::GiveMuchBack => {
                memory::give_back_if_worth();
                IdleWork::ReadAhead
            }
            IdleWork::Rest => IdleWork::Rest,
        }
    }
}
