//! One tessera: its constructor, and then its calls, one after the other.

use super::{
    super::{head::HeadConnection, inputs::Inputs, results::Outcome, state::WorkerState, tesserae::Condition},
    attempts::Attempts,
    batch,
    current::Executing,
    job::Job,
    object::{Called, Constructed, Object},
    pending,
    running::ANNOUNCE_AFTER,
    subject::Subject,
};
use crate::{
    cancellation::{self, Cancellation},
    clock::now,
    failures::{failure, tessera_failed},
    id::Id,
    wire::{Callee, Code, FromWorker, Payload},
};
use mosaic_abi::{Failure, FailureKind};
use std::{collections::VecDeque, pin::pin, rc::Rc, sync::Arc};
use tokio::{sync::mpsc::UnboundedReceiver, task::spawn_blocking, time::timeout};

/// Does a tessera's jobs in order until there will be no more, and then drops the object.
pub(in super::super) async fn run(
    state: &Rc<WorkerState>,
    id: Id,
    condition: &Condition,
    mut jobs: UnboundedReceiver<Job>,
) {
    let mut object = Err(failure(FailureKind::Runtime, "the tessera was not constructed"));
    // Jobs that were taken from the queue already.
    let mut next = VecDeque::new();
    loop {
        let Some(job) = (match next.pop_front() {
            Some(job) => Some(job),
            None => jobs.recv().await,
        }) else {
            break;
        };
        if state.is_closing() {
            break;
        }
        next.push_front(job);
        if object.is_ok() {
            object = batch::run(state, condition, object, &mut next, &mut jobs).await;
        }
        let Some(job) = next.pop_front() else {
            continue;
        };
        match job {
            Job::Create {
                head,
                code,
                maker,
                inputs,
                max_retries,
            } => {
                object = construct(state, id, &head, condition, (code, maker), (inputs, max_retries)).await;
                let signatures = object.as_ref().map(Object::signatures).map_err(Clone::clone);
                condition.set_constructed(signatures);
                state.tesserae.borrow_mut().constructed(id);
            }
            Job::Call { head, task, inputs, .. } if object.is_err() => {
                inputs.cancel();
                refuse(state, id, &head, task, object.as_ref().err());
            }
            Job::Call {
                head,
                task,
                callee,
                inputs,
                max_retries,
            } => {
                object = call(state, &head, condition, object, (task, callee, inputs, max_retries)).await;
            }
        }
    }
    if let Ok(object) = object {
        let output = state.output.clone();
        let dropped = spawn_blocking(move || {
            let flushing = output.flush_while_running(object.loaded().guest);
            object.drop_object();
            drop(flushing);
        });
        if dropped.await.is_err() {
            tracing::error!("a tessera could not be dropped");
        }
    }
}

/// Fails a call of a tessera that could not be constructed.
fn refuse(state: &Rc<WorkerState>, id: Id, head: &HeadConnection, task: Id, cause: Option<&Failure>) {
    let unknown = || failure(FailureKind::Runtime, "");
    let cause = cause.map_or_else(unknown, |cause| tessera_failed(&name(id, cause), cause));
    state.finish(head, task, Err(cause), false);
}

/// Returns the uid of a tessera that could not be constructed.
fn name(id: Id, cause: &Failure) -> String {
    id.uid_of_tessera(&cause.tessera)
}

/// Executes a constructor, as often as it may be tried, and reports how it ended.
async fn construct(
    state: &Rc<WorkerState>,
    id: Id,
    head: &HeadConnection,
    condition: &Condition,
    (code, maker): (Box<Code>, Option<Box<Code>>),
    (inputs, max_retries): (Inputs, u32),
) -> Result<Object, Failure> {
    let named = |failure| Failure {
        tessera: code.name.clone(),
        method: "new".to_owned(),
        worker: state.uid.clone(),
        ..failure
    };
    // If the arguments could not be gathered, that was reported already.
    let inputs = inputs.get().await.map_err(named)?;
    let cancellation = state.running.begins(id, Some(id));
    let (mut inputs, mut attempts) = (inputs, Attempts::new(max_retries));
    let (outcome, unread_output) = loop {
        let (job, is_first) = ((head, id, &cancellation), attempts.is_first());
        let made = begin_to_construct(state, job, is_first, condition, (&code, &maker), inputs).await;
        let (returned, made, mut unread_output) = made;
        let mut outcome = match made {
            Ok(Constructed::Ended(object)) => Ok(object),
            Ok(Constructed::Waits(call, unfinished)) => {
                unread_output = true;
                let subject = Subject::constructor(id, &code);
                let constructed = pending::finish(state, unfinished.loaded(), job, &subject, call).await;
                constructed.map(|_| unfinished.complete())
            }
            Err(failure) => Err(failure),
        };
        if cancellation.is_asked() || !attempts.again(&mut outcome) {
            break (outcome, unread_output);
        }
        inputs = returned;
    };
    match outcome {
        Ok(object) => {
            state.finish(head, id, Ok(Payload::default()), unread_output);
            Ok(object)
        }
        Err(failure) => {
            let failure = named(failure);
            state.finish(head, id, Err(failure.clone()), true);
            Err(failure)
        }
    }
}

/// Executes a constructor to its end, or to the first `await` of an async one. Returns the arguments, and whether
/// output is unread. The first attempt is reported to the head.
async fn begin_to_construct(
    state: &Rc<WorkerState>,
    (head, id, cancellation): (&HeadConnection, Id, &Arc<Cancellation>),
    is_first: bool,
    condition: &Condition,
    (code, maker): (&Code, &Option<Box<Code>>),
    inputs: Vec<Payload>,
) -> (Vec<Payload>, Result<Constructed, Failure>, bool) {
    let permit = state.admission.enter().await;
    condition.set_busy();
    let (modules, output, reporter, job) = (
        state.modules.clone(),
        state.output.clone(),
        head.clone(),
        cancellation.clone(),
    );
    let (code, maker) = (code.clone(), maker.clone());
    let begun = spawn_blocking(move || {
        if is_first {
            reporter.send(FromWorker::Started { id, at: now() });
        }
        let _executing = Executing::new(reporter, id, &Subject::constructor(id, &code));
        let construct = || {
            let (table, loaded) = modules.tessera(&code)?;
            let maker = maker.map(|maker| modules.function(&maker)).transpose()?;
            let maker = maker.map(|(maker, _)| maker);
            let flushing = output.flush_while_running(loaded.guest);
            let constructed = cancellation::during(&job, || Object::construct(table, loaded, maker, &inputs));
            drop(flushing);
            constructed
        };
        let constructed = construct();
        let unread_output = output.is_unread();
        (inputs, constructed, unread_output)
    });
    let begun = begun.await;
    drop(permit);
    begun.unwrap_or_else(|error| {
        let failure = failure(FailureKind::Runtime, error.to_string());
        (Vec::new(), Err(failure), true)
    })
}

/// Executes a call, as often as it may be tried, and reports how it ended.
async fn call(
    state: &Rc<WorkerState>,
    head: &HeadConnection,
    condition: &Condition,
    object: Result<Object, Failure>,
    (task, callee, inputs, max_retries): (Id, Callee, Inputs, u32),
) -> Result<Object, Failure> {
    let object = object?;
    let Ok(inputs) = inputs.get().await else {
        // The task failed when an argument could not be gathered.
        return Ok(object);
    };
    if state.results.borrow().has_ended(task) {
        return Ok(object);
    }
    if state.is_closing() {
        return Ok(object);
    }
    let cancellation = state.running.begins(task, Some(condition.tessera()));
    let subject = Subject::call(task, condition.tessera(), &object, &callee);
    let (mut object, mut inputs, mut attempts) = (object, inputs, Attempts::new(max_retries));
    loop {
        let first = attempts.is_first();
        let job = (head, task, &cancellation);
        let call = (callee.clone(), inputs, subject.clone());
        let mut begun = match begin(state, job, first, condition, object, call).await {
            Ok(begun) => begun,
            Err(failure) => {
                condition.set_constructed(Err(failure.clone()));
                state.finish(head, task, Err(failure.clone()), true);
                return Err(failure);
            }
        };
        let mut outcome = match begun.outcome {
            Ok(Called::Ended(value)) => Ok(value),
            Ok(Called::Waits(call)) => {
                begun.unread_output = true;
                state.running.announce(head, task);
                pending::finish(state, begun.object.loaded(), job, &subject, call).await
            }
            Err(failure) => Err(failure),
        };
        if !cancellation.is_asked() && attempts.again(&mut outcome) {
            (object, inputs) = (begun.object, begun.inputs);
            continue;
        }
        let outcome: Outcome = outcome.map(Arc::new);
        condition.set_idle();
        state.finish(head, task, outcome, begun.unread_output);
        return Ok(begun.object);
    }
}

/// A call that was begun, with its object and arguments.
struct Begun {
    object: Object,
    inputs: Vec<Payload>,
    outcome: Result<Called, Failure>,
    unread_output: bool,
}

/// Executes a call to its end, or to the first `await` of an async method. The first attempt is reported to the head,
/// if it takes long.
///
/// # Errors
///
/// The thread that executed the call is gone, and the object with it.
async fn begin(
    state: &Rc<WorkerState>,
    (head, task, cancellation): (&HeadConnection, Id, &Arc<Cancellation>),
    first: bool,
    condition: &Condition,
    mut object: Object,
    (callee, inputs, subject): (Callee, Vec<Payload>, Subject),
) -> Result<Begun, Failure> {
    let permit = state.admission.enter().await;
    condition.set_busy();
    if first {
        state.running.started(task, now());
    }
    let (modules, output, job, reporter) = (
        state.modules.clone(),
        state.output.clone(),
        cancellation.clone(),
        head.clone(),
    );
    let begun = spawn_blocking(move || {
        let _executing = Executing::new(reporter, task, &subject);
        let flushing = output.flush_while_running(object.loaded().guest);
        let outcome = cancellation::during(&job, || match callee {
            Callee::Method(method) => object.call(method, &inputs),
            Callee::Function(code) => {
                let function = modules.function(&code);
                function.and_then(|(function, _)| object.apply(function, &inputs))
            }
        });
        drop(flushing);
        let unread_output = output.is_unread();
        Begun {
            object,
            inputs,
            outcome,
            unread_output,
        }
    });
    let mut begun = pin!(begun);
    let begun = match timeout(ANNOUNCE_AFTER, &mut begun).await {
        Ok(begun) => begun,
        Err(_) => {
            state.running.announce(head, task);
            begun.await
        }
    };
    drop(permit);
    begun.map_err(|error| failure(FailureKind::Runtime, error.to_string()))
}
