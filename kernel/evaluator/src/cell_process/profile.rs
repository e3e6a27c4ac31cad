//! The profile of a cell: samples of this process and of all workers while the cell runs.

use crate::{cell_process::channels::report, session::link::Report};
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether the next cell is to be profiled. Set by the thread `link`, and taken by the main thread when a cell begins.
static IS_EXPECTED: AtomicBool = AtomicBool::new(false);

/// Has the next cell profiled, or no longer.
pub(super) fn expect(profile: bool) {
    IS_EXPECTED.store(profile, Ordering::Release);
}

/// A profile that is being taken.
pub(super) struct Profile(());

/// Begins a profile, if this cell is to be profiled. Reports why there will be none if it cannot be taken.
pub(super) fn begin() -> Option<Profile> {
    if !IS_EXPECTED.swap(false, Ordering::AcqRel) {
        return None;
    }
    match mosaic_engine::begin_profile() {
        Ok(()) => Some(Profile(())),
        Err(reason) => {
            // A worker that does not answer may leave a profile behind.
            let _ = mosaic_engine::end_profile();
            report(&Report::Profiled(Err(reason)));
            None
        }
    }
}

impl Profile {
    /// Ends the profile, and reports what it has found.
    pub(super) fn end(self) {
        report(&Report::Profiled(mosaic_engine::end_profile()));
    }
}
