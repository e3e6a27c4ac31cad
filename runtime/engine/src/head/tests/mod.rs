//! The books without any I/O: what is sent when, and what follows from an end.

mod books;
mod find;
mod flight;
mod revive;
mod store;

use super::{
    ledger::{Action, MANY, is_very_many},
    objects::Request,
};
use crate::{failures::failure, waits::Subject, wire::Payload};
use books::{Books, place};
use mosaic_abi::{FailureKind, State};
use std::time::Duration;

#[test]
fn nothing_is_sent_before_the_tessera_is_placed() {
    let mut books = Books::new(&["w0"]);
    let a = books.create("a");
    let task = books.call("a1", a, &[]);
    assert_eq!(books.actions(), ["place a"]);
    assert_eq!(books.state(task), State::Pending);
    books.place(a, "w0");
    assert_eq!(books.actions(), ["create a on w0", "call a1 on w0"]);
    assert_eq!(books.state(task), State::Queued);
}

#[test]
fn a_function_is_placed_by_itself_or_near_a_task() {
    let mut books = Books::new(&["w0", "w1"]);
    let one = books.spawn("one", None, &[]);
    let near = books.spawn("near", Some(one), &[one]);
    let nearer = books.spawn("nearer", Some(near), &[near]);
    assert_eq!(books.actions(), ["place one"]);
    books.place(one, "w1");
    assert_eq!(books.actions(), ["run one on w1", "run near on w1", "run nearer on w1"]);
    for task in [one, near, nearer] {
        books.finish(task);
        books.ledger.release(task);
    }
    let freed = [
        "forget one",
        "drop one",
        "forget near",
        "drop near",
        "forget nearer",
        "drop nearer",
    ];
    assert_eq!(books.actions(), freed);
    assert!(books.ledger.objects.is_empty());
}

#[test]
fn a_function_near_a_worker_that_is_gone_fails() {
    let mut books = Books::new(&["w0", "w1"]);
    let (one, other) = (books.spawn("one", None, &[]), books.spawn("other", None, &[]));
    books.place(one, "w1");
    // It waits for another task, and its place is lost meanwhile.
    let near = books.spawn("near", Some(one), &[one, other]);
    books.ledger.worker_lost("w1", "signal: 9");
    books.place(other, "w0");
    assert_eq!((books.state(one), books.state(near)), (State::Failed, State::Failed));
}

#[test]
fn a_call_is_sent_after_what_it_needs() {
    let mut books = Books::new(&["w0", "w1"]);
    let (a, b) = (books.create("a"), books.create("b"));
    let a1 = books.call("a1", a, &[]);
    let b1 = books.call("b1", b, &[a1]);
    books.call("b2", b, &[]);
    books.place(b, "w1");
    // B2 must not overtake b1, which waits for a1's worker to be known.
    assert_eq!(books.actions(), ["place a", "place b", "create b on w1"]);
    books.place(a, "w0");
    let sent = ["create a on w0", "call a1 on w0", "call b1 on w1", "call b2 on w1"];
    assert_eq!(books.actions(), sent);
    assert_eq!(books.state(b1), State::Queued);
}

#[test]
fn states_follow_the_worker() {
    let mut books = Books::new(&["w0"]);
    let a = books.create("a");
    let a1 = books.call("a1", a, &[]);
    books.place(a, "w0");
    books.finish(a);
    assert_eq!((books.state(a), books.state(a1)), (State::Done, State::Queued));
    books.ledger.began(books.id(a1));
    assert_eq!((books.state(a), books.state(a1)), (State::Running, State::Running));
    books.finish(a1);
    assert_eq!((books.state(a), books.state(a1)), (State::Done, State::Done));
}

#[test]
fn a_result_is_freed_when_its_consumers_have_ended() {
    let mut books = Books::new(&["w0"]);
    let a = books.create("a");
    let a1 = books.call("a1", a, &[]);
    let a2 = books.call("a2", a, &[a1]);
    books.place(a, "w0");
    books.finish(a);
    books.ledger.release(a1);
    books.finish(a1);
    books.actions();
    assert!(books.ledger.describe(a1).is_some());
    books.finish(a2);
    assert_eq!(books.actions(), ["drop a1"]);
    books.ledger.release(a);
    assert_eq!(books.actions(), ["forget a", "drop a"]);
    books.ledger.release(a2);
    assert_eq!(books.actions(), ["drop a2"]);
    assert!(books.ledger.objects.is_empty() && books.ledger.foreign.is_empty());
}

#[test]
fn a_tessera_outlives_its_proxies_until_its_calls_have_ended() {
    let mut books = Books::new(&["w0"]);
    let a = books.create("a");
    let a1 = books.call("a1", a, &[]);
    books.place(a, "w0");
    books.ledger.release(a);
    books.finish(a);
    books.actions();
    books.finish(a1);
    assert_eq!(books.actions(), ["forget a", "drop a"]);
}

#[test]
fn a_wait_is_over_when_the_output_was_shown() {
    let mut books = Books::new(&["w0"]);
    let a = books.create("a");
    books.place(a, "w0");
    let wait = books.ledger.wait(Subject::Object(a));
    books.actions();
    assert!(books.ending(wait).is_none());
    books.ledger.finished(books.id(a), Ok(0), true);
    assert_eq!(books.actions(), ["sync"]);
    assert!(books.ending(wait).is_none());
    books.ledger.synced(a);
    assert_eq!(books.actions(), ["wake"]);
    assert_eq!(books.ending(wait), Some(Ok(())));
    // The second wait has nothing left to wait for.
    let wait = books.ledger.wait(Subject::Object(a));
    assert_eq!(books.ending(wait), Some(Ok(())));
}

#[test]
fn a_result_is_fetched_when_the_task_is_done() {
    let mut books = Books::new(&["w0"]);
    let a = books.create("a");
    let a1 = books.call("a1", a, &[]);
    let wait = books.ledger.wait(Subject::Result(a1));
    books.place(a, "w0");
    books.finish(a);
    books.actions();
    books.finish(a1);
    assert_eq!(books.actions(), ["fetch a1"]);
    books.ledger.fetched(wait, Ok(Payload::default()));
    assert_eq!(books.ending(wait), Some(Ok(())));
    // A wait that is given up while the value is on its way gives back what it owned.
    let wait = books.ledger.wait(Subject::Result(a1));
    books.ledger.release(a1);
    books.actions();
    books.ledger.release(wait);
    assert_eq!(books.actions(), ["drop a1"]);
}

#[test]
fn a_failure_fails_what_was_not_sent() {
    let mut books = Books::new(&["w0", "w1"]);
    let (a, b) = (books.create("a"), books.create("b"));
    let a1 = books.call("a1", a, &[]);
    let b1 = books.call("b1", b, &[a1]);
    let b2 = books.call("b2", b, &[b1]);
    let b3 = books.call("b3", b, &[]);
    books.place(b, "w1");
    books.actions();
    books
        .ledger
        .placed(books.id(a), Err(failure(FailureKind::Runtime, "nowhere")));
    for failed in [a, a1, b1, b2] {
        assert_eq!(books.state(failed), State::Failed);
    }
    // What is not concerned goes on.
    assert_eq!(books.actions(), ["call b3 on w1"]);
    assert_eq!(books.state(b3), State::Queued);
    let late = books.call("late", b, &[b2]);
    assert_eq!(books.state(late), State::Failed);
}

#[test]
fn a_small_result_comes_with_the_news() {
    let mut books = Books::new(&["w0"]);
    let a = books.create("a");
    books.place(a, "w0");
    books.finish(a);
    let (a1, a2) = (books.call("a1", a, &[]), books.call("a2", a, &[]));
    let waits = [a1, a2].map(|task| books.ledger.wait(Subject::Result(task)));
    books.actions();
    let value = Payload::new(mosaic_abi::Buffer::from(vec![7]));
    books.ledger.arrived(books.id(a1), value);
    books.ledger.finished(books.id(a1), Ok(1), false);
    // Of nothing there is nothing to be fetched.
    books.ledger.finished(books.id(a2), Ok(0), false);
    assert!(books.actions().is_empty());
    for wait in waits {
        assert_eq!(books.ending(wait), Some(Ok(())));
    }
}

#[test]
fn a_lost_worker_fails_its_own_and_no_others() {
    let mut books = Books::new(&["w0", "w1"]);
    let (a, b) = (books.create("a"), books.create("b"));
    books.place(a, "w0");
    books.place(b, "w1");
    books.finish(a);
    let (a1, a2) = (books.call("a1", a, &[]), books.call("a2", a, &[]));
    books.finish(a1);
    let fetch = books.ledger.wait(Subject::Result(a1));
    let wait = books.ledger.wait(Subject::Object(a2));
    books.actions();
    books.ledger.worker_lost("w0", "signal: 9");
    books.ledger.worker_lost("w0", "its connection closed");
    assert_eq!((books.state(a1), books.state(a2)), (State::Done, State::Failed));
    assert_eq!(books.ending(fetch), Some(Err(FailureKind::WorkerLost)));
    books.ledger.synced(a2);
    assert_eq!(books.ending(wait), Some(Err(FailureKind::WorkerLost)));
    let b1 = books.call("b1", b, &[a1]);
    assert_eq!(books.state(b1), State::Failed);
    assert_eq!(books.state(b), State::Queued);
    assert!(books.ledger.placing_is_refused(false).is_none());
    books.ledger.worker_lost("w1", "signal: 9");
    assert_eq!(
        books.ledger.placing_is_refused(false).map(|failure| failure.kind),
        Some(FailureKind::Runtime)
    );
}

#[test]
fn a_tessera_of_this_process_asks_no_monitor() {
    let mut books = Books::new(&[]);
    let request = Request {
        options: mosaic_abi::Options::new().worker("head"),
        ..Request::default()
    };
    let a = books.create_with("a", request);
    books.call("a1", a, &[]);
    assert_eq!(books.actions(), ["place a here"]);
    books.ledger.placed_here(books.id(a), Ok(place("head")));
    assert_eq!(books.actions(), ["create a on head", "call a1 on head"]);
    let request = Request {
        options: mosaic_abi::Options::new().worker("head"),
        ..Request::default()
    };
    let b = books.create_with("b", request);
    books.ledger.stopped("stopped");
    // The news comes too late.
    books.ledger.placed_here(books.id(b), Ok(place("head")));
    assert_eq!(books.state(b), State::Failed);
    assert!(books.ledger.local.is_none());
}

#[test]
fn stopping_fails_everything_for_the_same_reason() {
    let mut books = Books::new(&["w0"]);
    let a = books.create("a");
    let a1 = books.call("a1", a, &[]);
    let a2 = books.call("a2", a, &[a1]);
    books.ledger.stopped("stopped");
    for failed in [a, a1, a2] {
        let failure = books.ledger.objects[&failed].failure().unwrap();
        assert_eq!(
            (failure.kind, failure.message.as_str()),
            (FailureKind::NotRunning, "stopped")
        );
    }
    let refused = books.ledger.placing_is_refused(false);
    assert_eq!(refused.map(|failure| failure.kind), Some(FailureKind::NotRunning));
}

#[test]
fn what_is_cancelled_before_it_is_sent_never_is() {
    let mut books = Books::new(&["w0"]);
    let a = books.create("a");
    let (a1, a2) = (books.call("a1", a, &[]), books.call("a2", a, &[]));
    let a3 = books.call("a3", a, &[a1]);
    books.ledger.cancel(a1);
    assert_eq!(
        [a1, a2, a3].map(|task| books.state(task)),
        [State::Failed, State::Pending, State::Failed]
    );
    books.place(a, "w0");
    assert_eq!(books.actions(), ["place a", "create a on w0", "call a2 on w0"]);
    books.ledger.cancel(a2);
    assert_eq!(books.actions(), ["cancel a2"]);
    books.finish(a2);
    books.ledger.cancel(a2);
    assert_eq!((books.actions().len(), books.state(a2)), (0, State::Done));
}

#[test]
fn what_takes_too_long_fails_once() {
    let mut books = Books::new(&["w0"]);
    let after = Duration::from_secs(1);
    let a = books.create("a");
    books.place(a, "w0");
    let (a1, a2) = (books.call("a1", a, &[]), books.call("a2", a, &[]));
    books.finish(a2);
    let wait = books.ledger.wait(Subject::Object(a1));
    books.ledger.limit(wait, after);
    books.actions();
    // A wait that is over leaves its task alone.
    books.ledger.time_is_over(wait, after);
    assert_eq!(books.ending(wait), Some(Err(FailureKind::TimedOut)));
    assert_eq!((books.actions(), books.state(a1)), (Vec::new(), State::Queued));
    books.ledger.time_is_over(a1, after);
    books.ledger.time_is_over(a2, after);
    assert_eq!(books.actions(), ["cancel a1"]);
    assert_eq!((books.state(a1), books.state(a2)), (State::Failed, State::Done));
    books.finish(a1);
    assert_eq!(books.state(a1), State::Failed);
}

#[test]
fn very_many_are_told_of_once_per_doubling() {
    let told: Vec<usize> = (0..5_000_000).filter(|count| is_very_many(*count)).collect();
    assert_eq!(told, [1 << 20, 1 << 21, 1 << 22]);
}

/// How many of the actions since the last time are sent at once, how many later, and how often these are hurried.
fn sent(books: &mut Books) -> (usize, usize, usize) {
    let (mut at_once, mut later, mut hurried) = (0, 0, 0);
    for action in std::iter::from_fn(|| books.ledger.next_action()) {
        match action {
            Action::Send { .. } => at_once += 1,
            Action::SendWithin { .. } => later += 1,
            Action::Hurry => hurried += 1,
            _ => {}
        }
    }
    (at_once, later, hurried)
}

#[test]
fn of_many_calls_that_nobody_waits_for_the_last_ones_may_leave_later() {
    let mut books = Books::new(&["w0"]);
    let a = books.create("a");
    books.place(a, "w0");
    assert_eq!(sent(&mut books), (1, 0, 0));
    let tasks: Vec<_> = (0..MANY + 10).map(|_| books.call("call", a, &[])).collect();
    assert_eq!(sent(&mut books), (MANY, 10, 0));
    // What cancels one goes at once, and so takes along what was to leave later.
    books.ledger.cancel(tasks[MANY]);
    assert_eq!(sent(&mut books), (1, 0, 0));
    books.ledger.wait(Subject::Object(tasks[0]));
    assert_eq!(sent(&mut books), (0, 0, 1));
    books.call("call", a, &[]);
    assert_eq!(sent(&mut books), (1, 0, 0));
}

#[test]
fn a_call_that_is_waited_for_leaves_at_once_however_many_are_not() {
    let mut books = Books::new(&["w0", "w1"]);
    let (a, b) = (books.create("a"), books.create("b"));
    books.place(a, "w0");
    let awaited = books.call("awaited", b, &[]);
    books.ledger.wait(Subject::Object(awaited));
    for _ in 0..=MANY {
        books.call("call", a, &[]);
    }
    books.actions();
    books.place(b, "w1");
    assert_eq!(sent(&mut books), (2, 0, 0));
}

#[test]
fn a_small_result_is_dropped_with_the_next_command_and_a_large_one_at_once() {
    let mut books = Books::new(&["w0"]);
    let a = books.create("a");
    books.place(a, "w0");
    let (small, large) = (books.call("small", a, &[]), books.call("large", a, &[]));
    let small_id = books.id(small);
    books.ledger.finished(small_id, Ok(1 << 10), false);
    books.finish(large);
    books.actions();
    books.ledger.release(small);
    assert_eq!(sent(&mut books), (0, 1, 0));
    books.ledger.release(large);
    assert_eq!(sent(&mut books), (1, 0, 0));
}
