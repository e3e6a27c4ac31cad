//! Running again what panicked.

use mosaic_abi::{Failure, FailureKind};

/// Counts how often something that may panic was tried.
pub(super) struct Attempts {
    max_retries: u32,
    made: u32,
}

impl Attempts {
    /// Begins the first attempt, which may be followed by `max_retries` more.
    pub(super) fn new(max_retries: u32) -> Attempts {
        Attempts { max_retries, made: 1 }
    }

    /// Returns whether the present attempt is the first one.
    pub(super) fn is_first(&self) -> bool {
        self.made == 1
    }

    /// Returns whether an attempt that ended with `outcome` is followed by another one. Only panics are retried: any
    /// other failure would repeat itself. The last failure says how many attempts were made.
    pub(super) fn again<T>(&mut self, outcome: &mut Result<T, Failure>) -> bool {
        let Err(failure) = outcome else { return false };
        if failure.kind != FailureKind::Panicked {
            return false;
        }
        if self.made > self.max_retries {
            failure.attempts = self.made;
            return false;
        }
        let all = self.max_retries.saturating_add(1);
        eprintln!("attempt {} of {all} panicked: {}", self.made, failure.message);
        self.made += 1;
        true
    }
}
