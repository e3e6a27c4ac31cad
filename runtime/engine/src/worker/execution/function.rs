//! Functions that run without a tessera.

use super::{
    super::{head::HeadConnection, inputs::Inputs, results::Outcome, state::WorkerState},
    attempts::Attempts,
    current::Executing,
    modules::Loaded,
    object::{self, Called},
    pending,
    subject::Subject,
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

/// Runs a function of its arguments alone, once they are here, and reports how it ended.
pub(in super::super) async fn run(
    state: &Rc<WorkerState>,
    head: &HeadConnection,
    task: Id,
    code: Box<Code>,
    (inputs, max_retries): (Inputs, u32),
) {
    let Ok(inputs) = inputs.get().await else {
        // The task failed when an argument could not be gathered.
        return;
    };
    if state.is_closing() || state.results.borrow().has_ended(task) {
        return;
    }
    let cancellation = state.running.begins(task, None);
    let (mut inputs, mut attempts) = (inputs, Attempts::new(max_retries));
    loop {
        if attempts.is_first() {
            head.send(FromWorker::Started { id: task, at: now() });
        }
        let job = (head, task, &cancellation);
        let (returned, ran, mut unread_output) = begin(state, job, &code, inputs).await;
        let mut outcome = match ran {
            Ok((Called::Ended(value), _)) => Ok(value),
            Ok((Called::Waits(call), loaded)) => {
                unread_output = true;
                let subject = Subject::function(task, &code);
                pending::finish(state, loaded, job, &subject, call).await
            }
            Err(failure) => Err(failure),
        };
        if !cancellation.is_asked() && attempts.again(&mut outcome) {
            inputs = returned;
            continue;
        }
        unread_output |= outcome.is_err();
        let outcome: Outcome = outcome.map(Arc::new);
        return state.finish(head, task, outcome, unread_output);
    }
}

/// Runs a function to its end, or to the first `await` of an async one. Returns the arguments, and whether output is
/// unread.
async fn begin(
    state: &Rc<WorkerState>,
    (head, task, cancellation): (&HeadConnection, Id, &Arc<Cancellation>),
    code: &Code,
    inputs: Vec<Payload>,
) -> (Vec<Payload>, Result<(Called, Loaded), Failure>, bool) {
    let permit = state.admission.enter().await;
    let (modules, output, code) = (state.modules.clone(), state.output.clone(), code.clone());
    let (reporter, job) = (head.clone(), cancellation.clone());
    let begun = spawn_blocking(move || {
        let _executing = Executing::new(reporter, task, &Subject::function(task, &code));
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
    drop(permit);
    begun.unwrap_or_else(|error| {
        let failure = failure(FailureKind::Runtime, error.to_string());
        (Vec::new(), Err(failure), true)
    })
}
