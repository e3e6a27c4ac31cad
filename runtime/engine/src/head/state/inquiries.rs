//! Questions to all workers, and their answers so far. No I/O here.

use crate::wire::{LivingTessera, WorkerAddress};
use mosaic_abi::{Handle, Kept, ProcessProfile};
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

/// The purpose of asking the workers.
#[derive(Clone, Copy, Debug)]
pub(super) enum InquiryPurpose {
    /// This wait ends with the list of all tesserae.
    Show(Handle),
    /// This tessera is to be attached.
    Attach(Handle),
    /// This wait ends when all workers have a stored value at hand.
    Publish(Handle),
    /// This wait ends with the numbers of what the workers keep.
    Count(Handle),
    /// This wait ends when all workers have begun or ended a profile.
    Profile(Handle),
}

/// The answers of the workers.
#[derive(Debug, Default)]
pub(super) struct Answers {
    /// Living tesserae, each with its worker.
    pub(super) found: Vec<(LivingTessera, Arc<WorkerAddress>)>,
    pub(super) kept: Vec<Kept>,
    pub(super) profiles: Vec<ProcessProfile>,
}

#[derive(Debug)]
struct Inquiry {
    purpose: InquiryPurpose,
    /// The workers that have not answered.
    missing: HashSet<String>,
    answers: Answers,
}

/// The inquiries in progress, by the numbers of their requests.
#[derive(Debug, Default)]
pub(super) struct Inquiries(HashMap<u64, Inquiry>);

impl Inquiries {
    /// Begins an inquiry of these workers, whose answers are added to `answers`.
    pub(super) fn begin(
        &mut self,
        request: u64,
        purpose: InquiryPurpose,
        workers: impl Iterator<Item = String>,
        answers: Answers,
    ) {
        let inquiry = Inquiry {
            purpose,
            missing: workers.collect(),
            answers,
        };
        self.0.insert(request, inquiry);
    }

    /// Adds a worker's answer; `false` if the worker's answer is not missing.
    pub(super) fn answer(&mut self, request: u64, place: &Arc<WorkerAddress>, tesserae: Vec<LivingTessera>) -> bool {
        let Some(inquiry) = self.0.get_mut(&request) else {
            return false;
        };
        let was_missing = inquiry.missing.remove(&place.uid);
        if was_missing {
            let found = tesserae.into_iter().map(|tessera| (tessera, place.clone()));
            inquiry.answers.found.extend(found);
        }
        was_missing
    }

    /// Adds how much a worker keeps.
    pub(super) fn add_kept(&mut self, request: u64, kept: Kept) {
        if let Some(inquiry) = self.0.get_mut(&request) {
            inquiry.answers.kept.push(kept);
        }
    }

    /// Adds the profile of a process.
    pub(super) fn add_profile(&mut self, request: u64, profile: ProcessProfile) {
        if let Some(inquiry) = self.0.get_mut(&request) {
            inquiry.answers.profiles.push(profile);
        }
    }

    /// Gives up an inquiry, and returns what it was for.
    pub(super) fn cancel(&mut self, request: u64) -> Option<InquiryPurpose> {
        self.0.remove(&request).map(|inquiry| inquiry.purpose)
    }

    /// Forgets workers that are gone, with their answers. Returns all requests in the order of asking, in which answers
    /// of living workers would arrive.
    pub(super) fn forget_workers(&mut self, is_gone: impl Fn(&str) -> bool) -> Vec<u64> {
        for inquiry in self.0.values_mut() {
            inquiry.missing.retain(|worker| !is_gone(worker));
            inquiry.answers.found.retain(|(_, place)| !is_gone(&place.uid));
        }
        let mut requests: Vec<u64> = self.0.keys().copied().collect();
        requests.sort_unstable();
        requests
    }

    /// Takes an inquiry to which no answer is missing.
    pub(super) fn take_complete(&mut self, request: u64) -> Option<(InquiryPurpose, Answers)> {
        if !self.0.get(&request)?.missing.is_empty() {
            return None;
        }
        let inquiry = self.0.remove(&request)?;
        Some((inquiry.purpose, inquiry.answers))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_inquiry_is_complete_when_every_worker_that_lives_has_answered() {
        let mut inquiries = Inquiries::default();
        let workers = ["w0", "w1", "w2"].map(str::to_owned);
        inquiries.begin(1, InquiryPurpose::Show(7), workers.into_iter(), Answers::default());
        let answer = |inquiries: &mut Inquiries, worker: &str| {
            let address = WorkerAddress {
                uid: worker.to_owned(),
                socket: worker.into(),
                host: crate::wire::Host::Monitor,
            };
            inquiries.answer(1, &Arc::new(address), Vec::new())
        };
        assert!(answer(&mut inquiries, "w1"));
        assert!(!answer(&mut inquiries, "w1"));
        assert!(!answer(&mut inquiries, "w3"));
        assert!(inquiries.take_complete(1).is_none());
        assert_eq!(inquiries.forget_workers(|worker| worker == "w0"), [1]);
        assert!(inquiries.take_complete(1).is_none());
        assert!(answer(&mut inquiries, "w2"));
        assert!(inquiries.take_complete(1).is_some());
        assert!(inquiries.take_complete(1).is_none());
    }
}
