//! Failures that nobody awaited are said once.

use super::{Awaited, Fixture};
use crate::failures::{dependency_failed, failure};
use mosaic_abi::{FailureKind, Handle, State};
use std::time::Duration;

/// A tessera `a` on the worker `w0`, which is constructed, and a call `a1` of it.
fn call() -> (Fixture, Handle, Handle) {
    let mut fixture = Fixture::new(&["w0", "w1"]);
    let a = fixture.create("a");
    fixture.place(a, "w0");
    fixture.finish(a);
    let a1 = fixture.call("a1", a, &[]);
    (fixture, a, a1)
}

fn fail(fixture: &mut Fixture, handle: Handle, kind: FailureKind) {
    fixture
        .state
        .finished(fixture.id(handle), Err(failure(kind, "boom")), false);
    fixture.state.synced(handle);
}

fn said(fixture: &mut Fixture) -> Vec<String> {
    let is_said = |action: &String| action.starts_with("say");
    fixture.actions().into_iter().filter(is_said).collect()
}

const A1: [&str; 1] = ["say a1 which failed on w0: boom"];

#[test]
fn a_failure_is_said_when_the_last_proxy_goes_unless_it_was_seen() {
    type See = fn(&mut Fixture, Handle);
    let unseen: [See; 3] = [
        |_, _| {},
        // A wait that was over before the failure, and one that was given up.
        |fixture, a1| {
            let wait = fixture.state.wait(Awaited::Object(a1));
            fixture.state.time_expired(wait, Duration::from_secs(1));
            fixture.state.release(wait);
        },
        |fixture, a1| {
            let wait = fixture.state.wait(Awaited::Result(a1));
            fixture.state.release(wait);
            assert_eq!(fixture.state_of(a1), State::Queued);
        },
    ];
    for before in unseen {
        let (mut fixture, _, a1) = call();
        fixture.state.retain(a1);
        before(&mut fixture, a1);
        fail(&mut fixture, a1, FailureKind::Panicked);
        fixture.state.release(a1);
        assert_eq!(said(&mut fixture), [""; 0]);
        fixture.state.release(a1);
        assert_eq!(said(&mut fixture), A1);
    }
    let seen: [See; 4] = [
        |fixture, a1| {
            let wait = fixture.state.wait(Awaited::Object(a1));
            fail(fixture, a1, FailureKind::Panicked);
            assert_eq!(fixture.ending(wait), Some(Err(FailureKind::Panicked)));
            fixture.state.release(wait);
        },
        |fixture, a1| {
            fail(fixture, a1, FailureKind::Panicked);
            let wait = fixture.state.wait(Awaited::Result(a1));
            fixture.state.release(wait);
        },
        |fixture, a1| {
            fail(fixture, a1, FailureKind::Panicked);
            assert_eq!(fixture.state_of(a1), State::Failed);
        },
        |fixture, a1| fail(fixture, a1, FailureKind::Cancelled),
    ];
    for see in seen {
        let (mut fixture, _, a1) = call();
        see(&mut fixture, a1);
        fixture.state.release(a1);
        assert_eq!(said(&mut fixture), [""; 0]);
    }
}

#[test]
fn a_call_without_a_proxy_is_said_when_it_fails() {
    let (mut fixture, _, a1) = call();
    fixture.state.release(a1);
    fail(&mut fixture, a1, FailureKind::Panicked);
    assert_eq!(said(&mut fixture), A1);
    assert!(fixture.state.describe(a1).is_none());
}

#[test]
fn failures_that_follow_from_another_are_said_once_or_seen_together() {
    for is_seen in [false, true] {
        let (mut fixture, a, a1) = call();
        // The worker reports one, one waits in its tessera's queue, and one comes later.
        let a2 = fixture.call("a2", a, &[a1]);
        fail(&mut fixture, a1, FailureKind::Panicked);
        let needs = dependency_failed("a1", &failure(FailureKind::Panicked, "boom"));
        fixture.state.finished(fixture.id(a2), Err(needs), false);
        let b = fixture.create("b");
        let b1 = fixture.call("b1", b, &[a2]);
        let c = fixture.spawn("c", None, &[b1]);
        if is_seen {
            assert_eq!(fixture.state_of(c), State::Failed);
        }
        for task in [a1, a2, b1, c] {
            assert_eq!(said(&mut fixture), [""; 0]);
            fixture.state.release(task);
        }
        let all = said(&mut fixture);
        assert_eq!(all, if is_seen { &[][..] } else { &A1[..] });
    }
}

#[test]
fn a_dependent_may_be_heard_of_first() {
    let (mut fixture, _, a1) = call();
    let b = fixture.create("b");
    fixture.place(b, "w1");
    let b1 = fixture.call("b1", b, &[a1]);
    let needs = dependency_failed("a1", &failure(FailureKind::Panicked, "boom"));
    fixture.state.finished(fixture.id(b1), Err(needs), false);
    assert_eq!(fixture.state_of(b1), State::Failed);
    fail(&mut fixture, a1, FailureKind::Panicked);
    fixture.state.release(a1);
    fixture.state.release(b1);
    assert_eq!(said(&mut fixture), [""; 0]);
}

#[test]
fn a_constructor_and_its_calls_are_one_failure() {
    let mut fixture = Fixture::new(&["w0"]);
    let a = fixture.create("a");
    fixture.place(a, "w0");
    let a1 = fixture.call("a1", a, &[]);
    fail(&mut fixture, a, FailureKind::Panicked);
    let needs = dependency_failed("a", &failure(FailureKind::Panicked, "boom"));
    fixture.state.finished(fixture.id(a1), Err(needs), false);
    let a2 = fixture.call("a2", a, &[]);
    for object in [a, a1, a2] {
        fixture.state.release(object);
    }
    assert_eq!(said(&mut fixture), ["say a which failed on w0: boom"]);
}

#[test]
fn a_lost_worker_is_one_failure() {
    let (mut fixture, a, a1) = call();
    let a2 = fixture.call("a2", a, &[]);
    fixture.state.worker_lost("w0", "signal: 9");
    for task in [a2, a1] {
        fixture.state.release(task);
    }
    assert_eq!(said(&mut fixture), ["say a1 which failed: w0 ended: signal: 9"]);
}

#[test]
fn the_end_of_the_runtime_says_what_failed_before_it() {
    let (mut fixture, a, a1) = call();
    let (a2, a3) = (fixture.call("a2", a, &[]), fixture.call("a3", a, &[]));
    fail(&mut fixture, a1, FailureKind::Panicked);
    fail(&mut fixture, a2, FailureKind::Panicked);
    fixture.state.runtime_stopped("it was stopped");
    assert_eq!(said(&mut fixture), [A1[0], "say a2 which failed on w0: boom"]);
    for task in [a1, a2, a3, a] {
        fixture.state.release(task);
    }
    assert_eq!(said(&mut fixture), [""; 0]);
    assert!(fixture.state.objects.is_empty());
}
