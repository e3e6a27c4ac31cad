//! Running what the user wrote: functions of their own, and once more what panicked.

use super::{
    current::Executing,
    inputs::Inputs,
    object,
    site::{Head, Site},
    stock::Outcome,
};
use crate::{
    failures::failure,
    id::Id,
    wire::{Code, FromWorker},
};
use mosaic_abi::{Failure, FailureKind};
use std::{rc::Rc, sync::Arc};
use tokio::task::spawn_blocking;

/// Runs a function of its arguments alone, once these are here.
pub(super) async fn function(site: &Rc<Site>, head: &Head, task: Id, code: Code, (inputs, max_retries): (Inputs, u32)) {
    let Ok(inputs) = inputs.get().await else {
        // The task failed when fetching them did.
        return;
    };
    if site.is_closing() || site.stock.borrow().has_ended(task) {
        return;
    }
    let entered = site.gate.enter().await;
    let (modules, output, reporter) = (site.modules.clone(), site.output.clone(), head.clone());
    let ran = spawn_blocking(move || {
        reporter.send(FromWorker::Started {
            id: task,
            at: crate::clock::now(),
        });
        let _executing = Executing::new(reporter, task);
        let (function, guest) = modules.function(&code)?;
        let flushing = output.flush_while_running(guest);
        let outcome = try_up_to(max_retries, || object::call(function, &inputs));
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

/// Runs what may panic, again up to `max_retries` times where it does. Other failures would come again.
pub(super) fn try_up_to<T>(max_retries: u32, mut run: impl FnMut() -> Result<T, Failure>) -> Result<T, Failure> {
    let mut attempts = 1;
    loop {
        match run() {
            Err(failure) if failure.kind == FailureKind::Panicked => {
                if attempts > max_retries {
                    return Err(Failure { attempts, ..failure });
                }
                eprintln!(
                    "attempt {attempts} of {} panicked: {}",
                    max_retries.saturating_add(1),
                    failure.message
                );
                attempts += 1;
            }
            outcome => return outcome,
        }
    }
}
