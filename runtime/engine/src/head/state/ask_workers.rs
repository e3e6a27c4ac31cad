//! Asking all workers something, and using the answers once all of them are there. No I/O here.
//!
//! The workers know which tesserae live, so all of them are asked, on the same connections that carry the messages that
//! free tesserae: an answer is never older than what was sent before the question.

use super::{
    Action, HeadState, Runtime,
    inquiries::{Answers, InquiryPurpose},
    waits::encoded,
};
use crate::{
    wire::{LivingTessera, Payload, ToWorker, WorkerAddress},
    worker_uid::WorkerUid,
};
use mosaic_abi::{Census, Failure, Handle, Kept};
use std::sync::Arc;

impl HeadState {
    /// Asks all workers, for a purpose. `question` makes the message from the number of the request.
    pub(super) fn ask_workers(&mut self, purpose: InquiryPurpose, question: impl Fn(u64) -> ToWorker) {
        let request = self.next_handle();
        let workers: Vec<Arc<WorkerAddress>> = match &self.runtime {
            Runtime::On(workers) => workers.values().chain(&self.local).cloned().collect(),
            Runtime::Off => Vec::new(),
        };
        let uids = workers.iter().map(|place| place.uid.clone());
        self.inquiries.begin(request, purpose, uids);
        for place in workers {
            let frame = question(request).into();
            self.actions.push_back(Action::Send { place, frame });
        }
        self.conclude_inquiry(request);
    }

    /// Notes a worker's answer: the tesserae that live there, if these were asked for.
    pub(crate) fn worker_answered(&mut self, request: u64, worker: &str, tesserae: Vec<LivingTessera>) {
        let Runtime::On(workers) = &self.runtime else { return };
        let local = self.local.as_ref().filter(|local| local.uid == worker);
        let Some(place) = workers.get(worker).or(local) else {
            return;
        };
        if self.inquiries.answer(request, place, tesserae) {
            self.conclude_inquiry(request);
        }
    }

    /// Notes how much a worker keeps.
    pub(crate) fn worker_counted(&mut self, request: u64, worker: &str, kept: Kept) {
        self.inquiries.add_kept(request, kept);
        self.worker_answered(request, worker, Vec::new());
    }

    /// Notes that a worker has a stored value at hand, or cannot get it.
    pub(crate) fn kept(&mut self, request: u64, worker: &str, outcome: Result<(), Failure>) {
        match outcome {
            Ok(()) => self.worker_answered(request, worker, Vec::new()),
            Err(failure) => self.inquiry_failed(request, failure),
        }
    }

    /// Ends an inquiry to which a worker cannot answer.
    pub(crate) fn inquiry_failed(&mut self, request: u64, failure: Failure) {
        match self.inquiries.cancel(request) {
            Some(InquiryPurpose::Attach(tessera)) => self.fail(tessera, failure),
            Some(InquiryPurpose::Show(wait) | InquiryPurpose::Count(wait) | InquiryPurpose::Publish(wait)) => {
                self.end_wait(wait, Err(failure));
            }
            None => {}
        }
    }

    /// Stops waiting for answers of workers that are gone.
    pub(super) fn forget_asked_workers(&mut self, is_gone: impl Fn(&str) -> bool) {
        for request in self.inquiries.forget_workers(is_gone) {
            self.conclude_inquiry(request);
        }
    }

    /// Uses the answers of an inquiry, if all of them are there.
    fn conclude_inquiry(&mut self, request: u64) {
        let Some((purpose, Answers { found, kept })) = self.inquiries.take_complete(request) else {
            return;
        };
        match purpose {
            InquiryPurpose::Show(wait) => {
                let list = self.list(&found);
                self.end_wait(wait, encoded(&list));
            }
            InquiryPurpose::Attach(tessera) => self.attach_to(tessera, found),
            InquiryPurpose::Count(wait) => self.end_census(wait, kept),
            InquiryPurpose::Publish(wait) => self.end_wait(wait, Ok(Payload::default())),
        }
    }

    fn end_census(&mut self, wait: Handle, mut workers: Vec<Kept>) {
        workers.sort_by(|a, b| WorkerUid(&a.uid).cmp(&WorkerUid(&b.uid)));
        let census = Census {
            objects: self.objects.len() as u64,
            // Without the wait for the census itself.
            waits: (self.waits.len() as u64).saturating_sub(1),
            workers,
        };
        self.end_wait(wait, encoded(&census));
    }
}
