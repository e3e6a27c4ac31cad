//! Gathering the arguments of constructors and calls, which may be results that do not exist yet.

use super::{
    head::HeadConnection, host_files::WantedFile, inputs::Inputs, peers::Wanted, results::Outcome, state::WorkerState,
};
use crate::{
    failures::{dependency_failed, failure, worker_lost},
    id::Id,
    trim_memory::Trimmer,
    wire::{Argument, Code, Coming, Needs, Object, Payload, Source, all_arrived, only},
};
use mosaic_abi::{Failure, FailureKind};
use std::rc::Rc;
use tokio::{
    sync::{oneshot, watch},
    task::spawn_local,
};

/// The payloads of a message, or why they cannot be had, and those that are on their way still.
pub(super) struct Payloads {
    pub(super) payloads: Result<Vec<Payload>, Failure>,
    pub(super) coming: Vec<Coming>,
}

/// The files of an operation's code that have to come from another host first.
#[derive(Default)]
pub(super) struct MissingCode(Vec<WantedFile>);

impl MissingCode {
    /// Returns what is missing of these.
    pub(super) fn of<'a>(state: &WorkerState, codes: impl IntoIterator<Item = Option<&'a Code>>) -> MissingCode {
        let missing = codes.into_iter().flatten().flat_map(|code| {
            let files = state.modules.missing(&code.location.object);
            files.into_iter().filter_map(|file| match code.location.object {
                Object::Files { host, .. } => Some(WantedFile::Code { file, host }),
                _ => None,
            })
        });
        MissingCode(missing.collect())
    }
}

/// Asks at once for everything that an operation of `head` needs. Fails the operation as soon as one of its needs
/// fails.
pub(super) fn gather_inputs(
    state: &Rc<WorkerState>,
    head: &HeadConnection,
    operation: Id,
    needs: Needs,
    payloads: Payloads,
    MissingCode(missing): MissingCode,
) -> Inputs {
    let Payloads { payloads, coming } = payloads;
    let is_here = |argument: &Argument| matches!(argument, Argument::Value);
    let payloads = match payloads {
        Ok(payloads)
            if coming.is_empty()
                && missing.is_empty()
                && needs.after.is_empty()
                && needs.arguments.iter().all(is_here) =>
        {
            return Inputs::Ready(payloads);
        }
        payloads => payloads,
    };
    let (mut payloads, mut coming) = (payloads.map(Vec::into_iter), coming.into_iter().peekable());
    let mut index = 0;
    let arguments = needs.arguments.into_iter().map(|argument| match argument {
        Argument::Value => {
            let here = match &mut payloads {
                Ok(payloads) => Ok(payloads.next().unwrap_or_default()),
                Err(lost) => Err(lost.clone()),
            };
            index += 1;
            match coming.next_if(|coming| coming.index == index - 1) {
                Some(coming) => Input::Coming {
                    coming,
                    trimmer: state.trimmer.clone(),
                },
                None => Input::Here(here),
            }
        }
        Argument::Task(source) => Input::ask(state, head, source, true),
        Argument::Stored { ware, uid } => match state.stored_values.get(ware, &uid) {
            Ok(value) => Input::Here(Ok(value)),
            // It may lie on another host.
            Err(_) => Input::Stored {
                state: state.clone(),
                ware,
                uid,
            },
        },
    });
    let arguments: Vec<Input> = arguments.collect();
    let after = needs
        .after
        .into_iter()
        .map(|source| Input::ask(state, head, source, false));
    let after: Vec<Input> = after.collect();
    let (state, head) = (state.clone(), head.clone());
    Inputs::Fetching(spawn_local(async move {
        let gathered = gather(&state, missing, arguments, after).await;
        if let Err(failure) = &gathered {
            state.finish(&head, operation, Err(failure.clone()), false);
        }
        gathered
    }))
}

/// Waits for code and all arguments, and for the tasks that must be done before.
async fn gather(
    state: &WorkerState,
    missing: Vec<WantedFile>,
    arguments: Vec<Input>,
    after: Vec<Input>,
) -> Result<Vec<Payload>, Failure> {
    for file in missing {
        state.host_files.obtain(file).await?;
    }
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
    /// A value that is on its way from another host.
    Coming { coming: Coming, trimmer: Trimmer },
    /// A stored value that is not on this host.
    Stored {
        state: Rc<WorkerState>,
        ware: Id,
        uid: String,
    },
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
            Input::Coming { coming, trimmer } => {
                let arrived = all_arrived(Ok(vec![Payload::default()]), vec![Coming { index: 0, ..coming }]);
                let value = arrived.await.map(only)?;
                trimmer.note(value.len());
                Ok(value)
            }
            Input::Stored { state, ware, uid } => {
                let value = stored_value(&state, ware, &uid).await;
                value.map_err(|cause| dependency_failed(&uid, &cause))
            }
            Input::Own { uid, wait } => wait.outcome().await.map_err(|cause| dependency_failed(&uid, &cause)),
            Input::Other { source, outcome } => {
                let lost = |_| Err(worker_lost(&source.place.uid, "its connection closed"));
                let outcome = outcome.await.unwrap_or_else(lost);
                outcome.map_err(|cause| dependency_failed(&source.uid, &cause))
            }
        }
    }
}

/// Returns a stored value, which is brought to this host if it lies on another one.
pub(super) async fn stored_value(state: &WorkerState, ware: Id, uid: &str) -> Outcome {
    match state.stored_values.get(ware, uid) {
        Err(_) if state.host_files.is_useful() => {
            state.host_files.obtain(WantedFile::Value { ware }).await?;
            state.stored_values.get(ware, uid)
        }
        found => found,
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
