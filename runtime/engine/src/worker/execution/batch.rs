//! Batches of short calls that wait in one tessera's queue. One thread executes them in a row: handing each call over
//! and back would take longer than the calls themselves.
//!
//! The thread reports calls that have ended in groups, some microseconds after they ended. As soon as one call turns
//! out not to be short, the calls behind it are taken back, to wait as any other call does.

use super::{
    super::{flusher::Output, head::HeadConnection, inputs::Inputs, state::WorkerState, tesserae::Condition},
    attempts::Attempts,
    current::Executing,
    guest_future::GuestFuture,
    job::Job,
    object::{Called, Object},
    pending,
    running::ANNOUNCE_AFTER,
    subject::Subject,
};
use crate::{
    cancellation::{self, Cancellation},
    clock::now,
    failures::{cancelled, failure},
    id::Id,
    wire::{Callee, Payload},
};
use mosaic_abi::{Failure, FailureKind};
use std::{
    collections::VecDeque,
    rc::Rc,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::{
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    task::spawn_blocking,
    time::timeout,
};

/// The largest number of calls in a batch.
const MOST_CALLS: usize = 512;
/// The time within which calls of a batch begin, in nanoseconds. Another tessera may wait for the thread.
const LONGEST_BATCH: u64 = 1_000_000;
/// The time within which the end of a call is reported, in nanoseconds, unless the next call takes longer.
const REPORT_WITHIN: u64 = 50_000;

/// A call of a method whose arguments are here.
struct ShortCall {
    head: HeadConnection,
    task: Id,
    method: u32,
    inputs: Vec<Payload>,
    cancellation: Arc<Cancellation>,
}

impl ShortCall {
    /// Converts a job that can be part of a batch; gives any other job back.
    fn of(job: Job) -> Result<ShortCall, Job> {
        match job {
            Job::Call {
                head,
                task,
                callee: Callee::Method(method),
                inputs: Inputs::Ready(inputs),
                max_retries: 0,
            } => Ok(ShortCall {
                head,
                task,
                method,
                inputs,
                cancellation: Arc::default(),
            }),
            job => Err(job),
        }
    }

    fn into_job(self) -> Job {
        Job::Call {
            head: self.head,
            task: self.task,
            callee: Callee::Method(self.method),
            inputs: Inputs::Ready(self.inputs),
            max_retries: 0,
        }
    }
}

/// The calls of a batch, shared by the batch's thread and the I/O thread under a lock.
///
/// The thread takes calls from the front, and adds to `ended`. It sends a report while it holds the lock, so that the
/// I/O thread, which may take back all calls and all unreported ends, sees each end once and in order.
#[derive(Default)]
struct Queue {
    /// The calls that have not begun.
    calls: VecDeque<ShortCall>,
    /// When the call that runs began.
    began: u64,
    /// The calls that have ended and were not reported.
    ended: Vec<Ended>,
}

/// A call that has ended, or an async call that waits for something.
struct Ended {
    call: ShortCall,
    began: u64,
    ended: u64,
    /// `None` if the call was cancelled before it began.
    outcome: Option<Result<Called, Failure>>,
}

/// Calls that have ended, in order.
struct Report {
    ended: Vec<Ended>,
    unread_output: bool,
}

/// Executes the calls at the front of a tessera's queue, if at least two of them can be a batch. Jobs that are left are
/// in `next`, before those in `jobs`.
pub(super) async fn run(
    state: &Rc<WorkerState>,
    condition: &Condition,
    object: Result<Object, Failure>,
    next: &mut VecDeque<Job>,
    jobs: &mut UnboundedReceiver<Job>,
) -> Result<Object, Failure> {
    let object = object?;
    let mut calls = gather(next, jobs);
    if calls.len() < 2 {
        put_back(next, calls);
        return Ok(object);
    }
    let permit = state.admission.enter().await;
    condition.set_busy();
    calls.retain(|call| !state.results.borrow().has_ended(call.task));
    for call in &mut calls {
        call.cancellation = state.running.begins(call.task, Some(condition.tessera()));
    }
    // The call that runs now, and the calls behind it.
    let mut order: VecDeque<(HeadConnection, Id)> = calls.iter().map(|call| (call.head.clone(), call.task)).collect();
    let waiting = Arc::new(Mutex::new(Queue {
        calls,
        began: now(),
        ended: Vec::new(),
    }));
    let (reports, mut reported) = unbounded_channel();
    let (queue, output) = (waiting.clone(), state.output.clone());
    let tessera = condition.tessera();
    let running = spawn_blocking(move || work((object, tessera), &queue, &output, &reports));
    let (mut suspended, mut is_first) = (None, true);
    while let Some(report) = next_report(state, &mut reported, &waiting, &mut order, next).await {
        for ended in report.ended {
            order.pop_front();
            // The permit counts the first call when it is dropped.
            if !std::mem::replace(&mut is_first, false) {
                permit.count_ended();
            }
            suspended = finish(state, ended, report.unread_output);
        }
    }
    let object = running.await;
    drop(permit);
    let object = object.map_err(|error| {
        let failure = failure(FailureKind::Runtime, error.to_string());
        condition.set_constructed(Err(failure.clone()));
        for (head, task) in order {
            state.finish(&head, task, Err(failure.clone()), true);
        }
        failure
    })?;
    let left = std::mem::take(&mut locked(&waiting).calls);
    withdraw(state, left, next);
    if let Some((call, future)) = suspended {
        state.running.announce(&call.head, call.task);
        let job = (&call.head, call.task, &call.cancellation);
        let subject = Subject::method(call.task, condition.tessera(), &object, call.method);
        let outcome = pending::finish(state, object.loaded(), job, &subject, future).await;
        state.finish(&call.head, call.task, outcome.map(Arc::new), true);
    }
    condition.set_idle();
    Ok(object)
}

/// Waits for the next calls that end. If a call takes long, the calls behind it are taken back.
async fn next_report(
    state: &Rc<WorkerState>,
    reported: &mut UnboundedReceiver<Report>,
    waiting: &Mutex<Queue>,
    order: &mut VecDeque<(HeadConnection, Id)>,
    next: &mut VecDeque<Job>,
) -> Option<Report> {
    if let Ok(report) = timeout(ANNOUNCE_AFTER, reported.recv()).await {
        return report;
    }
    let (left, ended, began) = {
        let mut waiting = locked(waiting);
        // A report that was sent under the lock comes before the calls that have ended since.
        if let Ok(report) = reported.try_recv() {
            return Some(report);
        }
        let Queue { calls, ended, began } = &mut *waiting;
        (std::mem::take(calls), std::mem::take(ended), *began)
    };
    take_back(state, (left, began), ended.len(), order, next);
    if ended.is_empty() {
        return reported.recv().await;
    }
    let unread_output = state.output.is_unread();
    Some(Report { ended, unread_output })
}

/// Takes the calls that can be a batch from the front of the queue.
fn gather(next: &mut VecDeque<Job>, jobs: &mut UnboundedReceiver<Job>) -> VecDeque<ShortCall> {
    let mut calls = VecDeque::new();
    while calls.len() < MOST_CALLS {
        let Some(job) = next.pop_front().or_else(|| jobs.try_recv().ok()) else {
            break;
        };
        match ShortCall::of(job) {
            Ok(call) => calls.push_back(call),
            Err(job) => {
                next.push_front(job);
                break;
            }
        }
    }
    calls
}

/// Puts calls back to the front of the queue.
fn put_back(next: &mut VecDeque<Job>, calls: VecDeque<ShortCall>) {
    for call in calls.into_iter().rev() {
        next.push_front(call.into_job());
    }
}

/// Executes the calls, on a thread of its own, until none is left, time is up, or an async call waits for something.
fn work(
    (mut object, tessera): (Object, Id),
    waiting: &Mutex<Queue>,
    output: &Output,
    reports: &UnboundedSender<Report>,
) -> Object {
    let first = now();
    let (mut began, mut reported) = (first, first);
    loop {
        let Some(call) = begin_next(waiting, began) else {
            return object;
        };
        let outcome = (!call.cancellation.is_asked()).then(|| {
            let subject = Subject::method(call.task, tessera, &object, call.method);
            let _executing = Executing::new(call.head.clone(), call.task, &subject);
            let _flushing = output.flush_while_running(object.loaded().guest);
            cancellation::during(&call.cancellation, || object.call(call.method, &call.inputs))
        });
        let waits = matches!(outcome, Some(Ok(Called::Waits(_))));
        let ended = Ended {
            call,
            began,
            ended: now(),
            outcome,
        };
        began = ended.ended;
        let is_over = waits || began >= first + LONGEST_BATCH;
        let mut waiting = locked(waiting);
        waiting.ended.push(ended);
        if is_over || waiting.calls.is_empty() || began >= reported + REPORT_WITHIN {
            reported = began;
            let report = Report {
                ended: std::mem::take(&mut waiting.ended),
                unread_output: output.is_unread(),
            };
            // If the worker ends, nobody receives the report.
            let _ = reports.send(report);
        }
        drop(waiting);
        if is_over {
            return object;
        }
    }
}

/// Takes the next call, which begins now.
fn begin_next(waiting: &Mutex<Queue>, began: u64) -> Option<ShortCall> {
    let mut waiting = locked(waiting);
    waiting.began = began;
    waiting.calls.pop_front()
}

fn locked(waiting: &Mutex<Queue>) -> std::sync::MutexGuard<'_, Queue> {
    waiting.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Deals with a call that is not short: tells its head that it runs, and takes back the calls behind it. `ended` is the
/// number of calls before it that have ended.
fn take_back(
    state: &Rc<WorkerState>,
    (left, began): (VecDeque<ShortCall>, u64),
    ended: usize,
    order: &mut VecDeque<(HeadConnection, Id)>,
    next: &mut VecDeque<Job>,
) {
    order.truncate(order.len() - left.len());
    withdraw(state, left, next);
    if let Some((head, task)) = order.get(ended) {
        state.running.started(*task, began);
        state.running.announce(head, *task);
    }
}

/// Puts calls that have not begun back into the queue. Calls that were cancelled meanwhile fail.
fn withdraw(state: &Rc<WorkerState>, calls: VecDeque<ShortCall>, next: &mut VecDeque<Job>) {
    let (wanted, unwanted) = calls.into_iter().partition(|call| state.running.withdraw(call.task));
    put_back(next, wanted);
    let unwanted: VecDeque<ShortCall> = unwanted;
    for call in unwanted {
        state.finish(&call.head, call.task, Err(cancelled()), false);
    }
}

/// Reports how a call ended. Gives an async call that waits for something back, with its future.
fn finish(state: &Rc<WorkerState>, ended: Ended, unread_output: bool) -> Option<(ShortCall, GuestFuture)> {
    let Ended {
        call,
        began,
        ended,
        outcome,
    } = ended;
    let Some(mut outcome) = outcome else {
        state.finish(&call.head, call.task, Err(cancelled()), false);
        return None;
    };
    state.running.started(call.task, began);
    Attempts::new(0).again(&mut outcome);
    let outcome = match outcome {
        Ok(Called::Ended(value)) => Ok(Arc::new(value)),
        Ok(Called::Waits(future)) => return Some((call, future)),
        Err(failure) => Err(failure),
    };
    state.running.ended(call.task, ended);
    state.finish(&call.head, call.task, outcome, unread_output);
    None
}
