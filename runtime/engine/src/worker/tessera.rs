//! One tessera: its constructor, and then its calls, one after the other.

use super::{
    current::Executing,
    inputs::Inputs,
    object::{Called, Constructed, Object},
    pending,
    residents::Condition,
    run::Attempts,
    site::{Head, Site},
    stock::Outcome,
    streak,
};
use crate::{
    cancellation::{self, Cancellation},
    clock::now,
    failures::{failure, tessera_failed},
    id::Id,
    wire::{Callee, Code, FromWorker, Payload},
};
use mosaic_abi::{Failure, FailureKind};
use std::{collections::VecDeque, pin::pin, rc::Rc, sync::Arc, time::Duration};
use tokio::{sync::mpsc::UnboundedReceiver, task::spawn_blocking, time::timeout};

/// A call that ends sooner is not announced: its head hears of its beginning and its end at once.
pub(super) const SHORT: Duration = Duration::from_millis(1);

/// Something to do with a tessera, for the head that asked for it.
#[derive(Debug)]
pub(super) enum Job {
    /// The first one.
    Create {
        head: Head,
        code: Box<Code>,
        /// The function that makes the object, where that is not the constructor.
        maker: Option<Box<Code>>,
        inputs: Inputs,
        max_retries: u32,
    },
    Call {
        head: Head,
        task: Id,
        callee: Callee,
        inputs: Inputs,
        max_retries: u32,
    },
}

/// Does a tessera's jobs in their order, until there will be no more; then drops the object.
pub(super) async fn run(site: &Rc<Site>, id: Id, condition: &Condition, mut jobs: UnboundedReceiver<Job>) {
    let mut object = Err(failure(FailureKind::Runtime, "the tessera was not constructed"));
    // Those that were taken from the queue already.
    let mut next = VecDeque::new();
    loop {
        let Some(job) = (match next.pop_front() {
            Some(job) => Some(job),
            None => jobs.recv().await,
        }) else {
            break;
        };
        if site.is_closing() {
            break;
        }
        next.push_front(job);
        if object.is_ok() {
            object = streak::run(site, condition, object, &mut next, &mut jobs).await;
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
                object = construct(site, id, &head, condition, (code, maker), (inputs, max_retries)).await;
                let signatures = object.as_ref().map(Object::signatures).map_err(Clone::clone);
                condition.constructed(signatures);
                site.residents.borrow_mut().constructed(id);
            }
            Job::Call { head, task, inputs, .. } if object.is_err() => {
                inputs.cancel();
                refuse(site, id, &head, task, object.as_ref().err());
            }
            Job::Call {
                head,
                task,
                callee,
                inputs,
                max_retries,
            } => {
                object = call(site, &head, condition, object, (task, callee, inputs, max_retries)).await;
            }
        }
    }
    if let Ok(object) = object {
        let output = site.output.clone();
        let dropped = spawn_blocking(move || {
            let flushing = output.flush_while_running(object.loaded().guest);
            object.drop_it();
            drop(flushing);
        });
        if dropped.await.is_err() {
            tracing::error!("a tessera could not be dropped");
        }
    }
}

/// Fails a call of a tessera that does not exist.
fn refuse(site: &Rc<Site>, id: Id, head: &Head, task: Id, cause: Option<&Failure>) {
    let unknown = || failure(FailureKind::Runtime, "");
    let cause = cause.map_or_else(unknown, |cause| tessera_failed(&name(id, cause), cause));
    site.finish(head, task, Err(cause), false);
}

fn name(id: Id, cause: &Failure) -> String {
    format!("tess-{}-{id}", cause.tessera.to_lowercase())
}

async fn construct(
    site: &Rc<Site>,
    id: Id,
    head: &Head,
    condition: &Condition,
    (code, maker): (Box<Code>, Option<Box<Code>>),
    (inputs, max_retries): (Inputs, u32),
) -> Result<Object, Failure> {
    let named = |failure| Failure {
        tessera: code.name.clone(),
        method: "new".to_owned(),
        worker: site.uid.clone(),
        ..failure
    };
    // A failure to fetch them was reported already.
    let inputs = inputs.get().await.map_err(named)?;
    let cancellation = site.running.begins(id);
    let (mut inputs, mut attempts) = (inputs, Attempts::new(max_retries));
    let (outcome, unread_output) = loop {
        let (job, is_first) = ((head, id, &cancellation), attempts.is_first());
        let made = begin_to_construct(site, job, is_first, condition, (&code, &maker), inputs).await;
        let (returned, made, mut unread_output) = made;
        let mut outcome = match made {
            Ok(Constructed::Ended(object)) => Ok(object),
            Ok(Constructed::Waits(call, unborn)) => {
                unread_output = true;
                let constructed = pending::finish(site, unborn.loaded(), job, call).await;
                constructed.map(|_| unborn.born())
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
            site.finish(head, id, Ok(Payload::default()), unread_output);
            Ok(object)
        }
        Err(failure) => {
            let failure = named(failure);
            site.finish(head, id, Err(failure.clone()), true);
            Err(failure)
        }
    }
}

/// Begins a constructor, and ends it where it is not async. Gives back what it was begun with, and whether some of its
/// output is unread. The head is told the first time.
async fn begin_to_construct(
    site: &Rc<Site>,
    (head, id, cancellation): (&Head, Id, &Arc<Cancellation>),
    is_first: bool,
    condition: &Condition,
    (code, maker): (&Code, &Option<Box<Code>>),
    inputs: Vec<Payload>,
) -> (Vec<Payload>, Result<Constructed, Failure>, bool) {
    let entered = site.gate.enter().await;
    condition.is_busy();
    let (modules, output, reporter, job) = (
        site.modules.clone(),
        site.output.clone(),
        head.clone(),
        cancellation.clone(),
    );
    let (code, maker) = (code.clone(), maker.clone());
    let begun = spawn_blocking(move || {
        if is_first {
            reporter.send(FromWorker::Started { id, at: now() });
        }
        let _executing = Executing::new(reporter, id);
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
    drop(entered);
    begun.unwrap_or_else(|error| {
        let failure = failure(FailureKind::Runtime, error.to_string());
        (Vec::new(), Err(failure), true)
    })
}

async fn call(
    site: &Rc<Site>,
    head: &Head,
    condition: &Condition,
    object: Result<Object, Failure>,
    (task, callee, inputs, max_retries): (Id, Callee, Inputs, u32),
) -> Result<Object, Failure> {
    let object = object?;
    let Ok(inputs) = inputs.get().await else {
        // The task failed when fetching them did.
        return Ok(object);
    };
    if site.stock.borrow().has_ended(task) {
        return Ok(object);
    }
    if site.is_closing() {
        return Ok(object);
    }
    let cancellation = site.running.begins(task);
    let (mut object, mut inputs, mut attempts) = (object, inputs, Attempts::new(max_retries));
    loop {
        let first = attempts.is_first();
        let job = (head, task, &cancellation);
        let mut begun = match begin(site, job, first, condition, object, (callee.clone(), inputs)).await {
            Ok(begun) => begun,
            Err(failure) => {
                condition.constructed(Err(failure.clone()));
                site.finish(head, task, Err(failure.clone()), true);
                return Err(failure);
            }
        };
        let mut outcome = match begun.outcome {
            Ok(Called::Ended(value)) => Ok(value),
            Ok(Called::Waits(call)) => {
                begun.unread_output = true;
                site.running.announce(head, task);
                pending::finish(site, begun.object.loaded(), job, call).await
            }
            Err(failure) => Err(failure),
        };
        if !cancellation.is_asked() && attempts.again(&mut outcome) {
            (object, inputs) = (begun.object, begun.inputs);
            continue;
        }
        let outcome: Outcome = outcome.map(Arc::new);
        condition.is_idle();
        site.finish(head, task, outcome, begun.unread_output);
        return Ok(begun.object);
    }
}

/// A call that was begun, and what it was begun with.
struct Begun {
    object: Object,
    inputs: Vec<Payload>,
    outcome: Result<Called, Failure>,
    unread_output: bool,
}

/// Begins a call, and ends it where its method is not async. Where that fails, the object is lost. The head is told the
/// first time.
async fn begin(
    site: &Rc<Site>,
    (head, task, cancellation): (&Head, Id, &Arc<Cancellation>),
    first: bool,
    condition: &Condition,
    mut object: Object,
    (callee, inputs): (Callee, Vec<Payload>),
) -> Result<Begun, Failure> {
    let entered = site.gate.enter().await;
    condition.is_busy();
    if first {
        site.running.started(task, now());
    }
    let (modules, output, job, reporter) = (
        site.modules.clone(),
        site.output.clone(),
        cancellation.clone(),
        head.clone(),
    );
    let begun = spawn_blocking(move || {
        let _executing = Executing::new(reporter, task);
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
    let begun = match timeout(SHORT, &mut begun).await {
        Ok(begun) => begun,
        Err(_) => {
            site.running.announce(head, task);
            begun.await
        }
    };
    drop(entered);
    begun.map_err(|error| failure(FailureKind::Runtime, error.to_string()))
}
