//! What the thread does while nobody asks anything: what will be asked sooner or later, and giving memory back.

use super::Evaluation;
use std::{fs, time::Duration};

/// What is to be done next, when there is time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Leisure {
    /// Has rust-analyzer load the standard library and the notebook's crates.
    #[default]
    Analyse,
    /// Has it look through them as for the first variable.
    Infer,
    /// Gives back the memory that this took.
    GiveBack,
    /// The same without waiting for a pause, which may never come.
    GiveMuchBack,
    /// Nothing.
    Rest,
}

/// No cell is evaluated while rust-analyzer loads, which takes seconds: this is more than who goes through cells one by
/// one takes for each, and less than who writes one.
const BEFORE_LOADING: Duration = Duration::from_secs(5);
/// Less is not worth the time.
const WORTH_GIVING_BACK: u64 = 32 << 20;
/// What rust-analyzer leaves behind when it has looked through the standard library, and no cell does.
const MUCH: u64 = 128 << 20;

impl Leisure {
    /// How long nobody may have asked anything before it is done; for ever if that is all.
    pub(super) fn patience(self) -> Option<Duration> {
        match self {
            Leisure::Analyse => Some(BEFORE_LOADING),
            Leisure::Infer | Leisure::GiveMuchBack => Some(Duration::ZERO),
            Leisure::GiveBack => Some(Duration::from_secs(1)),
            Leisure::Rest => None,
        }
    }
}

impl Evaluation<'_> {
    /// Something was asked and answered.
    pub(super) fn find_leisure(&mut self) {
        self.leisure = match &self.started {
            Some(started) if !started.is_analysed() => Leisure::Analyse,
            Some(_) => match memory().saturating_sub(self.given_back) {
                MUCH.. => Leisure::GiveMuchBack,
                WORTH_GIVING_BACK.. => Leisure::GiveBack,
                _ => Leisure::Rest,
            },
            None => Leisure::Rest,
        };
    }

    /// Does what there is to do, a part of it that is not worth being interrupted.
    pub(super) fn use_leisure(&mut self) {
        self.leisure = match (self.leisure, &mut self.started) {
            (Leisure::Analyse, Some(started)) => match started.analyse() {
                Ok(()) => Leisure::Infer,
                Err(error) => {
                    // Told with the first cell that needs it.
                    tracing::warn!("{error:#}");
                    Leisure::Rest
                }
            },
            (Leisure::Infer, Some(started)) => {
                started.infer();
                Leisure::GiveBack
            }
            (Leisure::GiveBack | Leisure::GiveMuchBack, _) => {
                give_back();
                self.given_back = memory();
                Leisure::Rest
            }
            _ => Leisure::Rest,
        };
    }
}

/// Of this process, in bytes.
fn memory() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let resident = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB"));
    1024 * resident.and_then(|it| it.trim().parse().ok()).unwrap_or(0)
}

/// What rust-analyzer has freed lies in many pieces that the allocator keeps unless it is asked.
fn give_back() {
    #[cfg(target_env = "gnu")]
    // SAFETY: the function may be called at any time, and from any thread.
    unsafe {
        libc::malloc_trim(0);
    }
}
