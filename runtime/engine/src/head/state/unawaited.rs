//! Failures that nobody awaited: each is said once, when the last object that failed for it is freed. No I/O here.

use super::{
    Action, HeadState,
    objects::{Kind, Object, Stage},
};
use crate::failures::which_failed;
use mosaic_abi::{Failure, FailureKind, Handle};
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering::Relaxed},
};

/// The first failure of those that follow from each other. All objects that failed because of it share it.
#[derive(Debug)]
pub(crate) struct Cause {
    /// The line to write if nobody sees any of the failures.
    notice: String,
    /// Whether the guest got one of the failures, or need not know.
    seen: AtomicBool,
}

impl Cause {
    /// Makes the cause of an object that failed by itself.
    pub(super) fn new(object: &Object, failure: &Failure) -> Arc<Cause> {
        // The user cancelled the task, or stopped the runtime. The guest waits for a tessera that it looks for.
        let is_expected = matches!(failure.kind, FailureKind::Cancelled | FailureKind::NotRunning);
        Arc::new(Cause {
            notice: format!("mosaic: nobody awaited {}\n", which_failed(&object.uid(), failure)),
            seen: AtomicBool::new(is_expected || object.rare.wanted.is_some()),
        })
    }
}

impl Object {
    /// Notes that the guest was told that the object failed, if it did.
    pub(super) fn failure_seen(&self) {
        if let (Stage::Ended(Err(_)), Some(cause)) = (&self.stage, &self.rare.cause) {
            cause.seen.store(true, Relaxed);
        }
    }
}

impl HeadState {
    /// Finds the cause of an object's failure: that of something that it needs, or the failure itself.
    pub(super) fn set_cause(&mut self, handle: Handle, failure: &Failure) {
        let Some(object) = self.objects.get(&handle) else {
            return;
        };
        if object.rare.cause.is_some() || matches!(object.kind, Kind::Stored { .. }) {
            return;
        }
        let tessera = match object.kind {
            Kind::Task { tessera } => Some(tessera),
            Kind::Tessera(_) | Kind::Function { .. } | Kind::Stored { .. } => None,
        };
        let mut needed = tessera.iter().chain(&object.rare.producers);
        let known = needed.find_map(|needed| self.objects.get(needed)?.rare.cause.clone());
        let cause = match known {
            Some(known) => known,
            None => {
                let cause = Cause::new(object, failure);
                if failure.kind == FailureKind::DependencyFailed {
                    let producers = object.rare.producers.clone();
                    self.expect_failure(&producers, &cause);
                }
                cause
            }
        };
        if let Some(object) = self.objects.get_mut(&handle) {
            object.rare.cause = Some(cause);
        }
    }

    /// Sets the cause of objects that have not failed yet, as far as is known.
    ///
    /// They fail for a common reason. Or they are needed by an object whose worker has heard of their failure already.
    pub(super) fn expect_failure(&mut self, objects: &[Handle], cause: &Arc<Cause>) {
        for handle in objects {
            if let Some(object) = self.objects.get_mut(handle).filter(|object| !object.ended()) {
                object.rare.cause.get_or_insert_with(|| cause.clone());
            }
        }
    }

    /// Says the failure of an object that is freed, if it is the last one with this cause and nobody has seen it.
    pub(super) fn forget_cause(&mut self, cause: Arc<Cause>) {
        if let Some(cause) = Arc::into_inner(cause)
            && !cause.seen.into_inner()
        {
            self.actions.push_back(Action::Say(cause.notice));
        }
    }

    /// Says each failure so far that nobody has seen, in the order of submission: the runtime ends.
    pub(crate) fn say_unawaited(&mut self) {
        let failed = self.objects.iter().filter(|(_, object)| object.ended());
        let mut failed: Vec<(Handle, &Arc<Cause>)> = failed
            .filter_map(|(handle, object)| Some((*handle, object.rare.cause.as_ref()?)))
            .collect();
        failed.sort_unstable_by_key(|(handle, _)| *handle);
        for (_, cause) in failed {
            if !cause.seen.swap(true, Relaxed) {
                self.actions.push_back(Action::Say(cause.notice.clone()));
            }
        }
    }
}
