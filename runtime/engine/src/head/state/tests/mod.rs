//! `HeadState` without any I/O: the order of messages, and the consequences of ends and failures.

mod circles;
mod fixture;
mod in_flight;
mod inquiries;
mod restart;
mod store;
mod unawaited;

use super::{Action, Awaited, MANY_UNAWAITED, Request, is_very_many};
use crate::{failures::failure, wire::Payload};
use fixture::{Fixture, place};
use mosaic_abi::{FailureKind, State};
use std::time::Duration;

#[test]
fn nothing_is_sent_before_the_tessera_is_placed() {
    let mut fixture = Fixture::new(&["w0"]);
    let a = fixture.create("a");
    let task = fixture.call("a1", a, &[]);
    assert_eq!(fixture.actions(), ["place a"]);
    assert_eq!(fixture.state_of(task), State::Pending);
    fixture.place(a, "w0");
    assert_eq!(fixture.actions(), ["create a on w0", "call a1 on w0"]);
    assert_eq!(fixture.state_of(task), State::Queued);
}

#[test]
fn a_function_is_placed_by_itself_or_near_a_task() {
    let mut fixture = Fixture::new(&["w0", "w1"]);
    let one = fixture.spawn("one", None, &[]);
    let near = fixture.spawn("near", Some(one), &[one]);
    let nearer = fixture.spawn("nearer", Some(near), &[near]);
    assert_eq!(fixture.actions(), ["place one"]);
    fixture.place(one, "w1");
    assert_eq!(
        fixture.actions(),
        ["run one on w1", "run near on w1", "run nearer on w1"]
    );
    for task in [one, near, nearer] {
        fixture.finish(task);
        fixture.state.release(task);
    }
    let freed = [
        "forget one",
        "drop one",
        "forget near",
        "drop near",
        "forget nearer",
        "drop nearer",
    ];
    assert_eq!(fixture.actions(), freed);
    assert!(fixture.state.objects.is_empty());
}

#[test]
fn a_function_near_a_worker_that_is_gone_fails() {
    let mut fixture = Fixture::new(&["w0", "w1"]);
    let (one, other) = (fixture.spawn("one", None, &[]), fixture.spawn("other", None, &[]));
    fixture.place(one, "w1");
    // The function waits for another task, and its worker is lost meanwhile.
    let near = fixture.spawn("near", Some(one), &[one, other]);
    fixture.state.worker_lost("w1", "signal: 9");
    fixture.place(other, "w0");
    assert_eq!(
        (fixture.state_of(one), fixture.state_of(near)),
        (State::Failed, State::Failed)
    );
}

#[test]
fn a_call_is_sent_after_the_tasks_that_it_needs() {
    let mut fixture = Fixture::new(&["w0", "w1"]);
    let (a, b) = (fixture.create("a"), fixture.create("b"));
    let a1 = fixture.call("a1", a, &[]);
    let b1 = fixture.call("b1", b, &[a1]);
    fixture.call("b2", b, &[]);
    fixture.place(b, "w1");
    // Call b2 must not overtake b1, which waits until the worker of a1 is known.
    assert_eq!(fixture.actions(), ["place a", "place b", "create b on w1"]);
    fixture.place(a, "w0");
    let sent = ["create a on w0", "call a1 on w0", "call b1 on w1", "call b2 on w1"];
    assert_eq!(fixture.actions(), sent);
    assert_eq!(fixture.state_of(b1), State::Queued);
}

#[test]
fn states_follow_what_the_worker_says() {
    let mut fixture = Fixture::new(&["w0"]);
    let a = fixture.create("a");
    let a1 = fixture.call("a1", a, &[]);
    fixture.place(a, "w0");
    fixture.finish(a);
    assert_eq!(
        (fixture.state_of(a), fixture.state_of(a1)),
        (State::Done, State::Queued)
    );
    fixture.state.execution_began(fixture.id(a1));
    assert_eq!(
        (fixture.state_of(a), fixture.state_of(a1)),
        (State::Running, State::Running)
    );
    fixture.finish(a1);
    assert_eq!((fixture.state_of(a), fixture.state_of(a1)), (State::Done, State::Done));
}

#[test]
fn a_result_is_freed_when_its_consumers_have_ended() {
    let mut fixture = Fixture::new(&["w0"]);
    let a = fixture.create("a");
    let a1 = fixture.call("a1", a, &[]);
    let a2 = fixture.call("a2", a, &[a1]);
    fixture.place(a, "w0");
    fixture.finish(a);
    fixture.state.release(a1);
    fixture.finish(a1);
    fixture.actions();
    assert!(fixture.state.describe(a1).is_some());
    fixture.finish(a2);
    assert_eq!(fixture.actions(), ["drop a1"]);
    fixture.state.release(a);
    assert_eq!(fixture.actions(), ["forget a", "drop a"]);
    fixture.state.release(a2);
    assert_eq!(fixture.actions(), ["drop a2"]);
    assert!(fixture.state.objects.is_empty() && fixture.state.foreign.is_empty());
}

#[test]
fn a_tessera_outlives_its_proxies_until_its_calls_have_ended() {
    let mut fixture = Fixture::new(&["w0"]);
    let a = fixture.create("a");
    let a1 = fixture.call("a1", a, &[]);
    fixture.place(a, "w0");
    fixture.state.release(a);
    fixture.finish(a);
    fixture.actions();
    fixture.finish(a1);
    assert_eq!(fixture.actions(), ["forget a", "drop a"]);
}

#[test]
fn a_wait_is_over_when_the_output_was_shown() {
    let mut fixture = Fixture::new(&["w0"]);
    let a = fixture.create("a");
    fixture.place(a, "w0");
    let wait = fixture.state.wait(Awaited::Object(a));
    fixture.actions();
    assert!(fixture.ending(wait).is_none());
    fixture.state.finished(fixture.id(a), Ok(0), true);
    assert_eq!(fixture.actions(), ["sync"]);
    assert!(fixture.ending(wait).is_none());
    fixture.state.synced(a);
    assert_eq!(fixture.actions(), ["wake"]);
    assert_eq!(fixture.ending(wait), Some(Ok(())));
    // The second wait ends at once.
    let wait = fixture.state.wait(Awaited::Object(a));
    assert_eq!(fixture.ending(wait), Some(Ok(())));
}

#[test]
fn a_result_is_fetched_when_the_task_is_done() {
    let mut fixture = Fixture::new(&["w0"]);
    let a = fixture.create("a");
    let a1 = fixture.call("a1", a, &[]);
    let wait = fixture.state.wait(Awaited::Result(a1));
    fixture.place(a, "w0");
    fixture.finish(a);
    fixture.actions();
    fixture.finish(a1);
    assert_eq!(fixture.actions(), ["fetch a1"]);
    fixture.state.fetched(wait, Ok(Payload::default()));
    assert_eq!(fixture.ending(wait), Some(Ok(())));
    // A wait that is given up while the value is on its way releases its task.
    let wait = fixture.state.wait(Awaited::Result(a1));
    fixture.state.release(a1);
    fixture.actions();
    fixture.state.release(wait);
    assert_eq!(fixture.actions(), ["drop a1"]);
}

#[test]
fn a_failure_fails_dependents_that_were_not_sent() {
    let mut fixture = Fixture::new(&["w0", "w1"]);
    let (a, b) = (fixture.create("a"), fixture.create("b"));
    let a1 = fixture.call("a1", a, &[]);
    let b1 = fixture.call("b1", b, &[a1]);
    let b2 = fixture.call("b2", b, &[b1]);
    let b3 = fixture.call("b3", b, &[]);
    fixture.place(b, "w1");
    fixture.actions();
    fixture
        .state
        .placed(fixture.id(a), Err(failure(FailureKind::Runtime, "nowhere")));
    for failed in [a, a1, b1, b2] {
        assert_eq!(fixture.state_of(failed), State::Failed);
    }
    // Other calls go on.
    assert_eq!(fixture.actions(), ["call b3 on w1"]);
    assert_eq!(fixture.state_of(b3), State::Queued);
    let late = fixture.call("late", b, &[b2]);
    assert_eq!(fixture.state_of(late), State::Failed);
}

#[test]
fn a_small_result_arrives_with_the_end_of_its_task() {
    let mut fixture = Fixture::new(&["w0"]);
    let a = fixture.create("a");
    fixture.place(a, "w0");
    fixture.finish(a);
    let (a1, a2) = (fixture.call("a1", a, &[]), fixture.call("a2", a, &[]));
    let waits = [a1, a2].map(|task| fixture.state.wait(Awaited::Result(task)));
    fixture.actions();
    let value = Payload::new(mosaic_abi::Buffer::from(vec![7]));
    fixture.state.value_arrived(fixture.id(a1), value);
    fixture.state.finished(fixture.id(a1), Ok(1), false);
    // An empty result is not fetched.
    fixture.state.finished(fixture.id(a2), Ok(0), false);
    assert!(fixture.actions().is_empty());
    for wait in waits {
        assert_eq!(fixture.ending(wait), Some(Ok(())));
    }
}

#[test]
fn a_lost_worker_fails_only_its_own_objects() {
    let mut fixture = Fixture::new(&["w0", "w1"]);
    let (a, b) = (fixture.create("a"), fixture.create("b"));
    fixture.place(a, "w0");
    fixture.place(b, "w1");
    fixture.finish(a);
    let (a1, a2) = (fixture.call("a1", a, &[]), fixture.call("a2", a, &[]));
    fixture.finish(a1);
    let fetch = fixture.state.wait(Awaited::Result(a1));
    let wait = fixture.state.wait(Awaited::Object(a2));
    fixture.actions();
    fixture.state.worker_lost("w0", "signal: 9");
    fixture.state.worker_lost("w0", "its connection closed");
    assert_eq!(
        (fixture.state_of(a1), fixture.state_of(a2)),
        (State::Done, State::Failed)
    );
    assert_eq!(fixture.ending(fetch), Some(Err(FailureKind::WorkerLost)));
    fixture.state.synced(a2);
    assert_eq!(fixture.ending(wait), Some(Err(FailureKind::WorkerLost)));
    let b1 = fixture.call("b1", b, &[a1]);
    assert_eq!(fixture.state_of(b1), State::Failed);
    assert_eq!(fixture.state_of(b), State::Queued);
    assert!(fixture.state.placing_is_refused(false).is_none());
    fixture.state.worker_lost("w1", "signal: 9");
    assert_eq!(
        fixture.state.placing_is_refused(false).map(|failure| failure.kind),
        Some(FailureKind::Runtime)
    );
}

#[test]
fn a_tessera_of_this_process_needs_no_monitor() {
    let mut fixture = Fixture::new(&[]);
    let request = Request {
        options: mosaic_abi::Options::new().worker("head"),
        ..Request::default()
    };
    let a = fixture.create_with("a", request);
    fixture.call("a1", a, &[]);
    assert_eq!(fixture.actions(), ["place a here"]);
    fixture.state.placed_here(fixture.id(a), Ok(place("head")));
    assert_eq!(fixture.actions(), ["create a on head", "call a1 on head"]);
    let request = Request {
        options: mosaic_abi::Options::new().worker("head"),
        ..Request::default()
    };
    let b = fixture.create_with("b", request);
    fixture.state.runtime_stopped("stopped");
    // The answer comes too late.
    fixture.state.placed_here(fixture.id(b), Ok(place("head")));
    assert_eq!(fixture.state_of(b), State::Failed);
    assert!(fixture.state.local.is_none());
}

#[test]
fn stopping_fails_everything_for_the_same_reason() {
    let mut fixture = Fixture::new(&["w0"]);
    let a = fixture.create("a");
    let a1 = fixture.call("a1", a, &[]);
    let a2 = fixture.call("a2", a, &[a1]);
    fixture.state.runtime_stopped("stopped");
    for failed in [a, a1, a2] {
        let failure = fixture.state.objects[&failed].failure().unwrap();
        assert_eq!(
            (failure.kind, failure.message.as_str()),
            (FailureKind::NotRunning, "stopped")
        );
    }
    let refused = fixture.state.placing_is_refused(false);
    assert_eq!(refused.map(|failure| failure.kind), Some(FailureKind::NotRunning));
}

#[test]
fn a_task_that_is_cancelled_before_it_is_sent_is_never_sent() {
    let mut fixture = Fixture::new(&["w0"]);
    let a = fixture.create("a");
    let (a1, a2) = (fixture.call("a1", a, &[]), fixture.call("a2", a, &[]));
    let a3 = fixture.call("a3", a, &[a1]);
    fixture.state.cancel(a1);
    assert_eq!(
        [a1, a2, a3].map(|task| fixture.state_of(task)),
        [State::Failed, State::Pending, State::Failed]
    );
    fixture.place(a, "w0");
    assert_eq!(fixture.actions(), ["place a", "create a on w0", "call a2 on w0"]);
    fixture.state.cancel(a2);
    assert_eq!(fixture.actions(), ["cancel a2"]);
    fixture.finish(a2);
    fixture.state.cancel(a2);
    assert_eq!((fixture.actions().len(), fixture.state_of(a2)), (0, State::Done));
}

#[test]
fn an_object_beyond_its_time_limit_fails_once() {
    let mut fixture = Fixture::new(&["w0"]);
    let after = Duration::from_secs(1);
    let a = fixture.create("a");
    fixture.place(a, "w0");
    let (a1, a2) = (fixture.call("a1", a, &[]), fixture.call("a2", a, &[]));
    fixture.finish(a2);
    let wait = fixture.state.wait(Awaited::Object(a1));
    fixture.state.limit(wait, after);
    fixture.actions();
    // The timer of a wait that is over does not concern its task.
    fixture.state.time_expired(wait, after);
    assert_eq!(fixture.ending(wait), Some(Err(FailureKind::TimedOut)));
    assert_eq!((fixture.actions(), fixture.state_of(a1)), (Vec::new(), State::Queued));
    fixture.state.time_expired(a1, after);
    fixture.state.time_expired(a2, after);
    assert_eq!(fixture.actions(), ["cancel a1"]);
    assert_eq!(
        (fixture.state_of(a1), fixture.state_of(a2)),
        (State::Failed, State::Done)
    );
    fixture.finish(a1);
    assert_eq!(fixture.state_of(a1), State::Failed);
}

#[test]
fn the_user_is_warned_of_very_many_objects_once_per_doubling() {
    let told: Vec<usize> = (0..5_000_000).filter(|count| is_very_many(*count)).collect();
    assert_eq!(told, [1 << 20, 1 << 21, 1 << 22]);
}

/// Counts the actions since the last call: messages sent at once, messages delayed, and requests to send delayed ones.
fn sent(fixture: &mut Fixture) -> (usize, usize, usize) {
    let (mut at_once, mut later, mut hurried) = (0, 0, 0);
    for action in std::iter::from_fn(|| fixture.state.next_action()) {
        match action {
            Action::Send { .. } => at_once += 1,
            Action::SendWithin { .. } => later += 1,
            Action::SendDelayed => hurried += 1,
            _ => {}
        }
    }
    (at_once, later, hurried)
}

#[test]
fn after_many_unawaited_calls_the_next_ones_may_be_delayed() {
    let mut fixture = Fixture::new(&["w0"]);
    let a = fixture.create("a");
    fixture.place(a, "w0");
    assert_eq!(sent(&mut fixture), (1, 0, 0));
    let tasks: Vec<_> = (0..MANY_UNAWAITED + 10).map(|_| fixture.call("call", a, &[])).collect();
    assert_eq!(sent(&mut fixture), (MANY_UNAWAITED, 10, 0));
    // A cancellation is sent at once, and the delayed messages with it.
    fixture.state.cancel(tasks[MANY_UNAWAITED]);
    assert_eq!(sent(&mut fixture), (1, 0, 0));
    fixture.state.wait(Awaited::Object(tasks[0]));
    assert_eq!(sent(&mut fixture), (0, 0, 1));
    fixture.call("call", a, &[]);
    assert_eq!(sent(&mut fixture), (1, 0, 0));
}

#[test]
fn an_awaited_call_is_sent_at_once() {
    let mut fixture = Fixture::new(&["w0", "w1"]);
    let (a, b) = (fixture.create("a"), fixture.create("b"));
    fixture.place(a, "w0");
    let awaited = fixture.call("awaited", b, &[]);
    fixture.state.wait(Awaited::Object(awaited));
    for _ in 0..=MANY_UNAWAITED {
        fixture.call("call", a, &[]);
    }
    fixture.actions();
    fixture.place(b, "w1");
    assert_eq!(sent(&mut fixture), (2, 0, 0));
}

#[test]
fn a_small_result_is_dropped_with_the_next_message_and_a_large_one_at_once() {
    let mut fixture = Fixture::new(&["w0"]);
    let a = fixture.create("a");
    fixture.place(a, "w0");
    let (small, large) = (fixture.call("small", a, &[]), fixture.call("large", a, &[]));
    let small_id = fixture.id(small);
    fixture.state.finished(small_id, Ok(1 << 10), false);
    fixture.finish(large);
    fixture.actions();
    fixture.state.release(small);
    assert_eq!(sent(&mut fixture), (0, 1, 0));
    fixture.state.release(large);
    assert_eq!(sent(&mut fixture), (1, 0, 0));
}
