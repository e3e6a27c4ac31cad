//! Short calls of one tessera that wait in its queue: one thread does them in a row, where handing each of them over
//! and back would take longer than the calls themselves.
//!
//! What has ended is reported soon, in groups where it ended within some microseconds, and as soon as one call turns
//! out not to be short, those behind it are taken back to wait as any other call does.

use super::{
    current::Executing,
    inputs::Inputs,
    object::{Called, Object},
    output::Output,
    pending::{self, cancelled},
    residents::Condition,
    run::Attempts,
    site::{Head, Site},
    tessera::{Job, SHORT},
};
use crate::{
    cancellation::{self, Cancellation},
    clock::now,
    failures::failure,
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

/// So many calls at most, and only those that begin within so many nanoseconds: another tessera may wait for the
/// thread.
const MOST: usize = 512;
const LONGEST: u64 = 1_000_000;
/// What has ended is reported after so many nanoseconds at the latest, unless the next call takes longer.
const GATHERED: u64 = 50_000;

/// A call of a method whose arguments are here.
struct Short {
    head: Head,
    task: Id,
    method: u32,
    inputs: Vec<Payload>,
    cancellation: Arc<Cancellation>,
}

impl Short {
    /// A job that can be one of a streak, or the job again.
    fn of(job: Job) -> Result<Short, Job> {
        match job {
            Job::Call {
                head,
                task,
                callee: Callee::Method(method),
                inputs: Inputs::Ready(inputs),
                max_retries: 0,
            } => Ok(Short {
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

/// The calls that have not begun, and when the one that runs began. The thread takes from the front; who waits for it
/// may take all back.
#[derive(Default)]
struct Waiting {
    calls: VecDeque<Short>,
    began: u64,
    /// Calls that have ended, and have not been reported.
    ended: Vec<Ended>,
}

/// A call that has ended, or that waits itself.
struct Ended {
    call: Short,
    began: u64,
    ended: u64,
    /// `None` where it was cancelled before it began.
    outcome: Option<Result<Called, Failure>>,
}

/// Calls that have ended, one after the other.
struct Report {
    ended: Vec<Ended>,
    unread_output: bool,
}

/// Does the calls at the front of a tessera's queue, if there are at least two that can be done in a row. Those that
/// are left are in `next`, before what is left in `jobs`.
pub(super) async fn run(
    site: &Rc<Site>,
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
    let entered = site.gate.enter().await;
    condition.is_busy();
    calls.retain(|call| !site.stock.borrow().has_ended(call.task));
    for call in &mut calls {
        call.cancellation = site.running.begins(call.task);
    }
    // The one that runs now, and those behind it.
    let mut order: VecDeque<(Head, Id)> = calls.iter().map(|call| (call.head.clone(), call.task)).collect();
    let waiting = Arc::new(Mutex::new(Waiting {
        calls,
        began: now(),
        ended: Vec::new(),
    }));
    let (reports, mut reported) = unbounded_channel();
    let (queue, output) = (waiting.clone(), site.output.clone());
    let running = spawn_blocking(move || work(object, &queue, &output, &reports));
    let (mut suspended, mut is_first) = (None, true);
    while let Some(report) = next_report(site, &mut reported, &waiting, &mut order, next).await {
        for ended in report.ended {
            order.pop_front();
            // That one has ended is counted when all have.
            if !std::mem::replace(&mut is_first, false) {
                entered.was_one_more();
            }
            suspended = finish(site, ended, report.unread_output);
        }
    }
    let object = running.await;
    drop(entered);
    let object = object.map_err(|error| {
        let failure = failure(FailureKind::Runtime, error.to_string());
        condition.constructed(Err(failure.clone()));
        for (head, task) in order {
            site.finish(&head, task, Err(failure.clone()), true);
        }
        failure
    })?;
    let left = std::mem::take(&mut locked(&waiting).calls);
    withdraw(site, left, next);
    if let Some((call, future)) = suspended {
        site.running.announce(&call.head, call.task);
        let job = (&call.head, call.task, &call.cancellation);
        let outcome = pending::finish(site, object.loaded(), job, future).await;
        site.finish(&call.head, call.task, outcome.map(Arc::new), true);
    }
    condition.is_idle();
    Ok(object)
}

/// The next calls that have ended. Where that takes long, those behind them are taken back.
async fn next_report(
    site: &Rc<Site>,
    reported: &mut UnboundedReceiver<Report>,
    waiting: &Mutex<Waiting>,
    order: &mut VecDeque<(Head, Id)>,
    next: &mut VecDeque<Job>,
) -> Option<Report> {
    if let Ok(report) = timeout(SHORT, reported.recv()).await {
        return report;
    }
    let (left, ended, began) = {
        let mut waiting = locked(waiting);
        // It was sent under the lock, before those that have ended since.
        if let Ok(report) = reported.try_recv() {
            return Some(report);
        }
        let Waiting { calls, ended, began } = &mut *waiting;
        (std::mem::take(calls), std::mem::take(ended), *began)
    };
    take_back(site, (left, began), ended.len(), order, next);
    if ended.is_empty() {
        return reported.recv().await;
    }
    let unread_output = site.output.is_unread();
    Some(Report { ended, unread_output })
}

/// Takes the calls that can be done in a row from the front of the queue.
fn gather(next: &mut VecDeque<Job>, jobs: &mut UnboundedReceiver<Job>) -> VecDeque<Short> {
    let mut calls = VecDeque::new();
    while calls.len() < MOST {
        let Some(job) = next.pop_front().or_else(|| jobs.try_recv().ok()) else {
            break;
        };
        match Short::of(job) {
            Ok(call) => calls.push_back(call),
            Err(job) => {
                next.push_front(job);
                break;
            }
        }
    }
    calls
}

fn put_back(next: &mut VecDeque<Job>, calls: VecDeque<Short>) {
    for call in calls.into_iter().rev() {
        next.push_front(call.into_job());
    }
}

/// Does the calls, on a thread of its own, until there are none left or one waits itself.
fn work(mut object: Object, waiting: &Mutex<Waiting>, output: &Output, reports: &UnboundedSender<Report>) -> Object {
    let first = now();
    let (mut began, mut reported) = (first, first);
    loop {
        let Some(call) = begin_next(waiting, began) else {
            return object;
        };
        let outcome = (!call.cancellation.is_asked()).then(|| {
            let _executing = Executing::new(call.head.clone(), call.task);
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
        let is_over = waits || began >= first + LONGEST;
        let mut waiting = locked(waiting);
        waiting.ended.push(ended);
        if is_over || waiting.calls.is_empty() || began >= reported + GATHERED {
            reported = began;
            let report = Report {
                ended: std::mem::take(&mut waiting.ended),
                unread_output: output.is_unread(),
            };
            // Nobody is left to be told where the worker ends.
            let _ = reports.send(report);
        }
        drop(waiting);
        if is_over {
            return object;
        }
    }
}

fn begin_next(waiting: &Mutex<Waiting>, began: u64) -> Option<Short> {
    let mut waiting = locked(waiting);
    waiting.began = began;
    waiting.calls.pop_front()
}

fn locked(waiting: &Mutex<Waiting>) -> std::sync::MutexGuard<'_, Waiting> {
    waiting.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The call that runs is not short: tells its head that it runs, and takes back those behind it. So many before it have
/// ended.
fn take_back(
    site: &Rc<Site>,
    (left, began): (VecDeque<Short>, u64),
    ended: usize,
    order: &mut VecDeque<(Head, Id)>,
    next: &mut VecDeque<Job>,
) {
    order.truncate(order.len() - left.len());
    withdraw(site, left, next);
    if let Some((head, task)) = order.get(ended) {
        site.running.started(*task, began);
        site.running.announce(head, *task);
    }
}

/// Puts calls that have not begun back into the queue, but for those that were cancelled.
fn withdraw(site: &Rc<Site>, calls: VecDeque<Short>, next: &mut VecDeque<Job>) {
    let (wanted, unwanted) = calls.into_iter().partition(|call| site.running.withdraw(call.task));
    put_back(next, wanted);
    let unwanted: VecDeque<Short> = unwanted;
    for call in unwanted {
        site.finish(&call.head, call.task, Err(cancelled()), false);
    }
}

/// Reports how a call ended; gives it back with its future where it waits itself.
fn finish(site: &Rc<Site>, ended: Ended, unread_output: bool) -> Option<(Short, pending::Call)> {
    let Ended {
        call,
        began,
        ended,
        outcome,
    } = ended;
    let Some(mut outcome) = outcome else {
        site.finish(&call.head, call.task, Err(cancelled()), false);
        return None;
    };
    site.running.started(call.task, began);
    Attempts::new(0).again(&mut outcome);
    let outcome = match outcome {
        Ok(Called::Ended(value)) => Ok(Arc::new(value)),
        Ok(Called::Waits(future)) => return Some((call, future)),
        Err(failure) => Err(failure),
    };
    site.running.ended(call.task, ended);
    site.finish(&call.head, call.task, outcome, unread_output);
    None
}
