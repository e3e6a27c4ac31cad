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
    failures::failure,
    wire::{LivingTessera, Payload, ProfileStep, ToWorker, WorkerAddress},
    worker_uid::WorkerUid,
};
use mosaic_abi::{Census, Failure, FailureKind, Handle, Kept, ProcessProfile};
use std::sync::Arc;

/// The name of the process of the head in a profile.
pub(crate) const HEAD: &str = "head";

impl HeadState {
    /// Asks all workers, for a purpose. `question` makes the message from the number of the request.
    pub(super) fn ask_workers(&mut self, purpose: InquiryPurpose, question: impl Fn(u64) -> ToWorker) {
        let workers: Vec<Arc<WorkerAddress>> = match &self.runtime {
            Runtime::On(workers) => workers.values().chain(&self.local).cloned().collect(),
            Runtime::Off => Vec::new(),
        };
        self.ask(workers, purpose, Answers::default(), question);
    }

    /// Has workers begin or end a profile, and ends the wait with their profiles, to which those `known` are added.
    /// Without `only`, all workers are asked. Returns `false`, and fails the wait, if one of them does not live.
    ///
    /// The local worker is left out: it is in this process.
    pub(crate) fn profile_workers(
        &mut self,
        wait: Handle,
        step: ProfileStep,
        only: Option<&[String]>,
        known: Vec<ProcessProfile>,
    ) -> bool {
        let workers: Vec<Arc<WorkerAddress>> = match &self.runtime {
            Runtime::On(workers) => workers.values().cloned().collect(),
            Runtime::Off => Vec::new(),
        };
        let is_asked = |worker: &Arc<WorkerAddress>| only.is_none_or(|only| only.contains(&worker.uid));
        let workers: Vec<Arc<WorkerAddress>> = workers.into_iter().filter(is_asked).collect();
        let lacks = |uid: &&String| !workers.iter().any(|worker| worker.uid == **uid);
        if step == ProfileStep::Begin
            && let Some(uid) = only.unwrap_or_default().iter().find(lacks)
        {
            let failure = failure(
                FailureKind::Runtime,
                format!("there is no worker `{uid}` to be profiled"),
            );
            self.end_wait(wait, Err(failure));
            return false;
        }
        let answers = Answers {
            profiles: known,
            ..Answers::default()
        };
        self.ask(workers, InquiryPurpose::Profile(wait), answers, |request| {
            ToWorker::Profile { request, step }
        });
        true
    }

    /// Asks these workers, for a purpose. Their answers are added to `answers`.
    fn ask(
        &mut self,
        workers: Vec<Arc<WorkerAddress>>,
        purpose: InquiryPurpose,
        answers: Answers,
        question: impl Fn(u64) -> ToWorker,
    ) {
        let request = self.next_handle();
        let uids = workers.iter().map(|place| place.uid.clone());
        self.inquiries.begin(request, purpose, uids, answers);
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

    /// Notes that a worker has begun or ended a profile.
    pub(crate) fn worker_profiled(&mut self, request: u64, worker: &str, outcome: Option<Result<Vec<u8>, String>>) {
        if let Some(samples) = outcome {
            let process = worker.to_owned();
            self.inquiries.add_profile(request, ProcessProfile { process, samples });
        }
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
            Some(
                InquiryPurpose::Show(wait)
                | InquiryPurpose::Count(wait)
                | InquiryPurpose::Profile(wait)
                | InquiryPurpose::Publish(wait),
            ) => self.end_wait(wait, Err(failure)),
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
        let Some((purpose, answers)) = self.inquiries.take_complete(request) else {
            return;
        };
        let Answers { found, kept, profiles } = answers;
        match purpose {
            InquiryPurpose::Profile(wait) => self.end_profile(wait, profiles),
            InquiryPurpose::Show(wait) => {
                let list = self.list(&found);
                self.end_wait(wait, encoded(&list));
            }
            InquiryPurpose::Attach(tessera) => self.attach_to(tessera, found),
            InquiryPurpose::Count(wait) => self.end_census(wait, kept),
            InquiryPurpose::Publish(wait) => self.end_wait(wait, Ok(Payload::default())),
        }
    }

    fn end_profile(&mut self, wait: Handle, mut profiles: Vec<ProcessProfile>) {
        let is_worker = |profile: &ProcessProfile| profile.process != HEAD;
        profiles.sort_by(|a, b| {
            let by_uid = || WorkerUid(&a.process).cmp(&WorkerUid(&b.process));
            is_worker(a).cmp(&is_worker(b)).then_with(by_uid)
        });
        self.end_wait(wait, encoded(&profiles));
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
