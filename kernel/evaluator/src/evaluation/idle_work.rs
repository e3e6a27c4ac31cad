//! What the thread does while nobody asks anything: what will be asked sooner or later, and giving memory back.

use crate::{code_help::memory, evaluation::Evaluation};
use std::time::Duration;

/// What is to be done next, when there is time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum IdleWork {
    /// Has the code help thread read the standard library and the notebook's crates.
    #[default]
    Analyse,
    /// Gives back the memory that this took.
    GiveBack,
    /// The same without waiting for a pause, which may never come.
    GiveMuchBack,
    /// Nothing.
    Rest,
}

/// Reading takes one CPU for seconds: cells that are run in a row have both.
const BEFORE_READING: Duration = Duration::from_secs(1);
/// What rust-analyzer leaves behind when it has looked through the standard library, and no cell does.
const MUCH: u64 = 128 << 20;

impl IdleWork {
    /// How long nobody may have asked anything before it is done; for ever if that is all.
    pub(super) fn patience(self) -> Option<Duration> {
        match self {
            IdleWork::Analyse => Some(BEFORE_READING),
            IdleWork::GiveMuchBack => Some(Duration::ZERO),
            IdleWork::GiveBack => Some(Duration::from_secs(1)),
            IdleWork::Rest => None,
        }
    }
}

impl Evaluation<'_> {
    /// Something was asked and answered.
    pub(super) fn find_leisure(&mut self) {
        self.idle_work = match memory::grown() {
            MUCH.. => IdleWork::GiveMuchBack,
            _ => IdleWork::Analyse,
        };
    }

    /// Does what there is to do, a part of it that is not worth being interrupted.
    pub(super) fn use_leisure(&mut self) {
        self.idle_work = match self.idle_work {
            IdleWork::Analyse => {
                self.code_help.prepare();
                IdleWork::GiveBack
            }
            idle_work @ (IdleWork::GiveBack | IdleWork::GiveMuchBack) => {
                memory::give_back_if_worth();
                if idle_work == IdleWork::GiveBack {
                    IdleWork::Rest
                } else {
                    IdleWork::Analyse
                }
            }
            IdleWork::Rest => IdleWork::Rest,
        };
    }
}
