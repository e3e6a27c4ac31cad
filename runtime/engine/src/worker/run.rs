//! Running what the user wrote: functions of their own, and once more what panicked.

use super::{
    current::Executing,
    inputs::Inputs,
    module::Loaded,
    object::{self, Called},
    pending,
    site::{Head, Site},
    stock::Outcome,
};
use crate::{
    cancellation::{self, Cancellation},
    clock::now,
    failures::failure,
    id::Id,
    wire::{Code, FromWorker, Payload},
};
use mosaic_abi::{Failure, FailureKind};
use std::{rc::Rc, sync::Arc};
use tokio::task::spawn_blocking;

/// Runs a function of its arguments alone, once these are here.
pub(super) async fn function(
    site: &Rc<Site>,
    head: &Head,
    task: Id,
    code: Box<Code>,
    (inputs, max_retries): (Inputs, u32),
) {
    let Ok(inputs) = inputs.get().await else {
        // The task failed when fetching them did.
        return;
    };
    if site.is_closing() || site.stock.borrow().has_ended(task) {
        return;
    }
    let cancellation = site.running.begins(task);
    let (mut inputs, mut attempts) = (inputs, Attempts::new(max_retries));
    loop {
        if attempts.is_first() {
            head.send(FromWorker::Started { id: task, at: now() });
        }
        let job = (head, task, &cancellation);
        let (returned, ran, mut unread_output) = begin(site, job, &code, inputs).await;
        let mut outcome = match ran {
            Ok((Called::Ended(value), _)) => Ok(value),
            Ok((Called::Waits(call), loaded)) => {
                unread_output = true;
                pending::finish(site, loaded, job, call).await
            }
            Err(failure) => Err(failure),
        };
        if !cancellation.is_asked() && attempts.again(&mut outcome) {
            inputs = returned;
            continue;
        }
        unread_output |= outcome.is_err();
        let outcome: Outcome = outcome.map(Arc::new);
        return site.finish(head, task, outcome, unread_output);
    }
}

/// Begins a function, and ends it where it is not async. Gives back what it was begun with, and whether some of its output
/// is unread.
async fn begin(
    site: &Rc<Site>,
    (head, task, cancellation): (&Head, Id, &Arc<Cancellation>),
    code: &Code,
    inputs: Vec<Payload>,
) -> (Vec<Payload>, Result<(Called, Loaded), Failure>, bool) {
    let entered = site.gate.enter().await;
    let (modules, output, code) = (site.modules.clone(), site.output.clone(), code.clone());
    let (reporter, job) = (head.clone(), cancellation.clone());
    let begun = spawn_blocking(move || {
        let _executing = Executing::new(reporter, task);
        let ran = modules.function(&code).and_then(|(function, loaded)| {
            tracing::debug!("runs {}", code.name);
            let flushing = output.flush_while_running(loaded.guest);
            let called = cancellation::during(&job, || object::call(function, &inputs));
            drop(flushing);
            Ok((called?, loaded))
        });
        let unread_output = output.is_unread();
        (inputs, ran, unread_output)
    });
    let begun = begun.await;
    drop(entered);
    begun.unwrap_or_else(|error| {
        let failure = failure(FailureKind::Runtime, error.to_string());
        (Vec::new(), Err(failure), true)
    })
}

/// How often something that may panic is run.
pub(super) struct Attempts {
    max_retries: u32,
    made: u32,
}

impl Attempts {
    pub(super) fn new(max_retries: u32) -> Attempts {
        Attempts { max_retries, made: 1 }
    }

    /// Whether it was not run before.
    pub(super) fn is_first(&self) -> bool {
        self.made == 1
    }

    /// Whether what ended like this is to be run once more: only a panic may be over the next time. The last failure says
    /// how often it was tried.
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
