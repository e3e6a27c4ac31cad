//! Gathering the arguments of constructors and calls, which may be results that do not exist yet.

use super::{head::HeadConnection, inputs::Inputs, peers::Wanted, results::Outcome, state::WorkerState};
use crate::{
    failures::{dependency_failed, failure, worker_lost},
    id::Id,
    wire::{Argument, Needs, Payload, Source},
};
use mosaic_abi::{Failure, FailureKind};
use std::rc::Rc;
use tokio::{
    sync::{oneshot, watch},
    task::spawn_local,
};

/// Asks at once for everything that an operation of `head` needs. Fails the operation as soon as one of its needs
/// fails.
pub(super) fn gather_inputs(
    state: &Rc<WorkerState>,
    head: &HeadConnection,
    operation: Id,
    needs: Needs,
    payloads: Result<Vec<Payload>, Failure>,
) -> Inputs {
    let is_here = |argument: &Argument| matches!(argument, Argument::Value);
    let mut payloads = match payloads {
        Ok(payloads) if needs.after.is_empty() && needs.arguments.iter().all(is_here) => {
            return Inputs::Ready(payloads);
        }
        payloads => payloads.map(Vec::into_iter),
    };
    let arguments = needs.arguments.into_iter().map(|argument| match argument {
        Argument::Value => Input::Here(match &mut payloads {
            Ok(payloads) => Ok(payloads.next().unwrap_or_default()),
            Err(lost) => Err(lost.clone()),
        }),
        Argument::Task(source) => Input::ask(state, head, source, true),
        Argument::Stored { ware, uid } => {
            let value = state.stored_values.get(ware, &uid);
            Input::Here(value.map_err(|cause| dependency_failed(&uid, &cause)))
        }
    });
    let arguments: Vec<Input> = arguments.collect();
    let after = needs
        .after
        .into_iter()
        .map(|source| Input::ask(state, head, source, false));
    let after: Vec<Input> = after.collect();
    let (state, head) = (state.clone(), head.clone());
    Inputs::Fetching(spawn_local(async move {
        let gathered = gather(arguments, after).await;
        if let Err(failure) = &gathered {
            state.finish(&head, operation, Err(failure.clone()), false);
        }
        gathered
    }))
}

/// Waits for all arguments, and for the tasks that must be done before.
async fn gather(arguments: Vec<Input>, after: Vec<Input>) -> Result<Vec<Payload>, Failure> {
    let mut values = Vec::with_capacity(arguments.len());
    for argument in arguments {
        values.push(argument.get().await?);
    }
    for task in after {
        task.get().await?;
    }
    Ok(values)
}

/// One argument, or a task that must be done before the operation begins.
enum Input {
    /// A value that came with the message or is stored, or why it cannot be had.
    Here(Outcome),
    /// A task of this worker.
    Own { uid: String, wait: TaskWait },
    /// A task of another worker, which was asked for the outcome.
    Other {
        source: Source,
        outcome: oneshot::Receiver<Outcome>,
    },
}

impl Input {
    /// Asks for the outcome of a task, and for its value if `value` is set.
    fn ask(state: &Rc<WorkerState>, head: &HeadConnection, source: Source, value: bool) -> Input {
        let (task, head) = (source.task, head.id);
        if source.place.uid == state.uid {
            return Input::Own {
                uid: source.uid,
                wait: TaskWait::new(state, task, head),
            };
        }
        let outcome = state.peers.fetch(&source.place, Wanted { task, head, value });
        Input::Other { source, outcome }
    }

    /// Waits for the value.
    async fn get(self) -> Outcome {
        match self {
            Input::Here(outcome) => outcome,
            Input::Own { uid, wait } => wait.outcome().await.map_err(|cause| dependency_failed(&uid, &cause)),
            Input::Other { source, outcome } => {
                let lost = |_| Err(worker_lost(&source.place.uid, "its connection closed"));
                let outcome = outcome.await.unwrap_or_else(lost);
                outcome.map_err(|cause| dependency_failed(&source.uid, &cause))
            }
        }
    }
}

/// A wait for a task of this worker. While it exists, the task's result is kept.
pub(super) struct TaskWait {
    state: Rc<WorkerState>,
    task: Id,
    /// Sees the outcome; `None` if the task will never be done.
    watch: Option<watch::Receiver<Option<Outcome>>>,
}

impl TaskWait {
    /// Begins to wait for a task that `head` submitted or will submit.
    pub(super) fn new(state: &Rc<WorkerState>, task: Id, head: Id) -> TaskWait {
        TaskWait {
            state: state.clone(),
            task,
            watch: state.results.borrow_mut().watch(task, head),
        }
    }

    /// Waits for the task's outcome.
    pub(super) async fn outcome(mut self) -> Outcome {
        if let Some(watch) = &mut self.watch
            && let Ok(outcome) = watch.wait_for(Option::is_some).await
        {
            return outcome.clone().expect("the wait ends once there is an outcome");
        }
        Err(failure(
            FailureKind::Runtime,
            "the process that submitted it, or was to, has ended",
        ))
    }
}

impl Drop for TaskWait {
    fn drop(&mut self) {
        drop(self.watch.take());
        self.state.results.borrow_mut().free_unwanted(self.task);
    }
}
