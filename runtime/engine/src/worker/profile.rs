//! The profile of this process, for a head.

use super::{head::HeadConnection, state::WorkerState};
use crate::{head, id::Id, wire::FromWorker, wire::ProfileStep};
use mosaic_sampler::Sampling;
use std::{cell::RefCell, rc::Rc};
use tokio::task::{spawn_blocking, spawn_local};

/// The profile that is being taken, if one is: for which head, and the samples, or why there will be none.
#[derive(Default)]
pub(super) struct Profile(RefCell<Option<(Id, Result<Sampling, String>)>>);

impl Profile {
    /// Begins a profile for a head. A profile that another head takes goes on, and this one has no samples.
    fn begin(&self, head: Id) {
        let mut profile = self.0.borrow_mut();
        match &*profile {
            Some((other, _)) if *other != head => {}
            _ => {
                // An older one ends first: a process has one at a time.
                *profile = None;
                *profile = Some((head, mosaic_sampler::start().map_err(|error| error.to_string())));
            }
        }
    }

    /// Takes the profile of a head.
    fn take(&self, head: Id) -> Option<Result<Sampling, String>> {
        let mut profile = self.0.borrow_mut();
        match profile.take() {
            Some((owner, sampling)) if owner == head => Some(sampling),
            other => {
                *profile = other;
                None
            }
        }
    }

    /// Ends the profile of a head that is gone.
    pub(super) fn leave(&self, head: Id) {
        drop(self.take(head));
    }
}

/// Begins or ends a profile for a head, and replies when that is done.
pub(super) fn profile(state: &Rc<WorkerState>, head: &HeadConnection, request: u64, step: ProfileStep) {
    if step == ProfileStep::Begin {
        state.profile.begin(head.id);
        return head.send(FromWorker::Profiled { request, outcome: None });
    }
    let sampling = state.profile.take(head.id);
    let head = head.clone();
    spawn_local(async move {
        let outcome = match sampling {
            Some(Ok(sampling)) => {
                // Looking names up takes a while, and the I/O thread has other things to do.
                let encoded = spawn_blocking(move || head::encoded_samples(sampling)).await;
                Some(encoded.unwrap_or_else(|error| Err(error.to_string())))
            }
            Some(Err(reason)) => Some(Err(reason)),
            None => Some(Err("this worker was not profiled from the beginning".to_owned())),
        };
        head.send(FromWorker::Profiled { request, outcome });
    });
}
