//! What the thread does while nobody asks anything: what will be asked sooner or later, and giving memory back.

use super::Evaluation;
use crate::memory;
use std::time::Duration;

/// What is to be done next, when there is time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Leisure {
    /// Has the analyst read the standard library and the notebook's crates.
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

impl Leisure {
    /// How long nobody may have asked anything before it is done; for ever if that is all.
    pub(super) fn patience(self) -> Option<Duration> {
        match self {
            Leisure::Analyse => Some(BEFORE_READING),
            Leisure::GiveMuchBack => Some(Duration::ZERO),
            Leisure::GiveBack => Some(Duration::from_secs(1)),
            Leisure::Rest => None,
        }
    }
}

impl Evaluation<'_> {
    /// Something was asked and answered.
    pub(super) fn find_leisure(&mut self) {
        self.leisure = match memory::grown() {
            MUCH.. => Leisure::GiveMuchBack,
            _ => Leisure::Analyse,
        };
    }

    /// Does what there is to do, a part of it that is not worth being interrupted.
    pub(super) fn use_leisure(&mut self) {
        self.leisure = match self.leisure {
            Leisure::Analyse => {
                self.analyst.prepare();
                Leisure::GiveBack
            }
            leisure @ (Leisure::GiveBack | Leisure::GiveMuchBack) => {
                memory::give_back_if_worth();
                if leisure == Leisure::GiveBack {
                    Leisure::Rest
                } else {
                    Leisure::Analyse
                }
            }
            Leisure::Rest => Leisure::Rest,
        };
    }
}
