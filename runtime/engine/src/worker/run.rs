//! Running what the user wrote: functions of their own, and once more what panicked.

use super::{
    current::Executing,
    inputs::Inputs,
    object,
    site::{Head, Site},
    stock::Outcome,
};
use crate::{
    cancellation,
    failures::failure,
    id::Id,
    wire::{Code, FromWorker},
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
    let entered = site.gate.enter().await;
    let (modules, output, reporter) = (site.modules.clone(), site.output.clone(), head.clone());
    let cancellation = site.running.begins(task);
    let ran = spawn_blocking(move || {
        reporter.send(FromWorker::Started {
            id: task,
            at: crate::clock::now(),
        });
        let _executing = Executing::new(reporter, task);
        let (function, loaded) = modules.function(&code)?;
        tracing::debug!("runs {}", code.name);
        let flushing = output.flush_while_running(loaded.guest);
        let outcome = cancellation::during(&cancellation, || {
            try_up_to(max_retries, || object::call(function, &inputs))
        });
        drop(flushing);
        outcome.map(|value| (Arc::new(value), output.is_unread()))
    });
    let ran = ran
        .await
        .unwrap_or_else(|error| Err(failure(FailureKind::Runtime, error.to_string())));
    drop(entered);
    let (outcome, unread_output): (Outcome, bool) = match ran {
        Ok((value, unread_output)) => (Ok(value), unread_output),
        Err(failure) => (Err(failure), true),
    };
    site.finish(head, task, outcome, unread_output);
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

/// Runs what may panic, again up to `max_retries` times where it does.
pub(super) fn try_up_to<T>(max_retries: u32, mut run: impl FnMut() -> Result<T, Failure>) -> Result<T, Failure> {
    let mut attempts = Attempts::new(max_retries);
    loop {
        let mut outcome = run();
        if !attempts.again(&mut outcome) {
            return outcome;
        }
    }
}
