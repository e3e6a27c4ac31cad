//! The limit of what is in flight.

use super::fixture::{Fixture, place};
use crate::{
    failures::failure,
    head::state::{HeadState, Request, Value},
};
use mosaic_abi::{Buffer, FailureKind, Handle, Options};
use std::sync::Arc;

/// Makes a tessera on a worker, with nothing in flight and this limit in bytes.
fn limited(most: u64) -> (Fixture, Handle) {
    let mut fixture = Fixture::new(&["w0"]);
    fixture.state.set_in_flight_limit(most);
    let a = fixture.create("a");
    fixture.place(a, "w0");
    fixture.finish(a);
    (fixture, a)
}

/// Calls with an argument of this number of bytes. Returns the task, and the wait for the limit.
fn call(fixture: &mut Fixture, tessera: Handle, bytes: usize) -> (Handle, Option<Handle>) {
    let argument = Value::Encoded(Arc::new(Buffer::from(vec![0; bytes])));
    let request = Request {
        arguments: vec![argument],
        ..Request::default()
    };
    let task = fixture.state.call(tessera, 0, request).unwrap();
    (task, fixture.state.wait_below_limit(task))
}

#[test]
fn a_caller_beyond_the_limit_waits_until_enough_has_ended() {
    let (mut fixture, a) = limited(8 << 10);
    let (tasks, waits): (Vec<Handle>, Vec<_>) = (0..18).map(|_| call(&mut fixture, a, 0)).unzip();
    // Sixteen calls fill the limit, and the caller's own call does not count: call 18 is the first beyond it.
    let first = waits.iter().position(Option::is_some);
    assert_eq!(first, Some(17));
    let wait = waits[17].unwrap();
    for task in &tasks[..3] {
        assert_eq!(fixture.ending(wait), None);
        fixture.finish(*task);
    }
    assert_eq!(fixture.ending(wait), Some(Ok(())));
    assert_eq!(call(&mut fixture, a, 0).1, None);
}

#[test]
fn arguments_count_and_a_large_operation_does_not_wait_for_itself() {
    let (mut fixture, a) = limited(8 << 10);
    let (large, wait) = call(&mut fixture, a, 1 << 20);
    assert_eq!(wait, None);
    let (small, wait) = call(&mut fixture, a, 0);
    fixture.finish(large);
    assert_eq!(fixture.ending(wait.unwrap()), Some(Ok(())));
    let (other, wait) = call(&mut fixture, a, 1 << 20);
    assert_eq!(wait, None, "a small operation does not fill the limit");
    let (_, wait) = call(&mut fixture, a, 0);
    for task in [small, other] {
        assert_eq!(fixture.ending(wait.unwrap()), None);
        fixture.finish(task);
    }
    assert_eq!(fixture.ending(wait.unwrap()), Some(Ok(())));
}

#[test]
fn a_caller_waits_for_the_other_operations_even_if_its_own_has_ended() {
    let (mut fixture, a) = limited(8 << 10);
    let mut others: Vec<Handle> = (0..18).map(|_| call(&mut fixture, a, 0).0).collect();
    let (own, wait) = call(&mut fixture, a, 1 << 20);
    others.extend((0..100).map(|_| call(&mut fixture, a, 0).0));
    fixture.finish(own);
    assert_eq!(fixture.ending(wait.unwrap()), None);
    for task in others {
        fixture.finish(task);
    }
    assert_eq!(fixture.ending(wait.unwrap()), Some(Ok(())));
}

#[test]
fn methods_are_refused_only_for_what_methods_submitted() {
    let (mut fixture, a) = limited(1 << 10);
    let tasks: Vec<Handle> = (0..9).map(|_| call(&mut fixture, a, 0).0).collect();
    assert!(fixture.state.check_method_limit().is_ok());
    let by_method = |state: &mut HeadState| state.call(a, 0, Request::default()).unwrap();
    let own: Vec<Handle> = (0..3).map(|_| fixture.state.submit_as(true, by_method)).collect();
    assert_eq!(fixture.state.check_method_limit().unwrap_err().kind, FailureKind::Busy);
    assert_eq!(fixture.state.wait_below_limit(own[2]), None);
    fixture.finish(own[0]);
    assert!(fixture.state.check_method_limit().is_ok());
    for task in tasks {
        fixture.finish(task);
    }
    let task = fixture.state.submit_as(false, by_method);
    assert_eq!(
        fixture.state.wait_below_limit(task),
        None,
        "operations of methods are counted apart"
    );
}

#[test]
fn a_failed_operation_no_longer_counts() {
    type End = fn(&mut Fixture, Handle);
    let ends: [End; 4] = [
        |fixture, b| {
            fixture.place(b, "w0");
            fixture.state.worker_lost("w0", "signal: 9");
        },
        |fixture, _| fixture.state.runtime_stopped("the mosaic runtime was stopped"),
        // The calls were not sent, since the tessera was not placed. They fail with it, or one by one.
        |fixture, b| {
            fixture
                .state
                .placed(fixture.id(b), Err(failure(FailureKind::Runtime, "no worker")))
        },
        |fixture, b| {
            let waiting = fixture.state.objects[&b].queue().unwrap().iter();
            let calls: Vec<Handle> = waiting.map(|it| it.object).filter(|it| *it != b).collect();
            calls.into_iter().for_each(|call| fixture.state.cancel(call));
        },
    ];
    for end in ends {
        let (mut fixture, a) = limited(1 << 10);
        let b = fixture.create("b");
        let _waiting: Vec<Handle> = (0..2).map(|_| call(&mut fixture, b, 0).0).collect();
        let wait = call(&mut fixture, b, 0).1.unwrap();
        end(&mut fixture, b);
        assert_eq!(fixture.ending(wait), Some(Ok(())));
        fixture.state.release(a);
    }
}

#[test]
fn a_restarted_tessera_counts_once() {
    let (mut fixture, _) = limited(1 << 10);
    let options = Options::new().restarts(2);
    let request = Request {
        options,
        ..Request::default()
    };
    let b = fixture.create_with("b", request);
    fixture.place(b, "w0");
    fixture.finish(b);
    fixture.state.worker_joined(place("w1"), 0);
    fixture.state.worker_lost("w0", "signal: 9");
    fixture.place(b, "w1");
    fixture.finish(b);
    let in_flight = |fixture: &Fixture| fixture.state.objects.values().filter(|it| it.charge.is_some()).count();
    assert_eq!(in_flight(&fixture), 0);
    let waits_begun: Vec<_> = (0..3).map(|_| call(&mut fixture, b, 0).1).collect();
    assert_eq!(waits_begun, [None, None, None]);
    assert!(call(&mut fixture, b, 0).1.is_some());
}

#[test]
fn a_wait_that_is_given_up_is_forgotten() {
    let (mut fixture, a) = limited(1 << 10);
    let tasks: Vec<Handle> = (0..3).map(|_| call(&mut fixture, a, 0).0).collect();
    let wait = call(&mut fixture, a, 0).1.unwrap();
    assert_eq!(fixture.state.in_flight.blocked_callers(), 1);
    fixture.state.release(wait);
    assert_eq!(fixture.state.in_flight.blocked_callers(), 0);
    for task in tasks {
        fixture.finish(task);
    }
}

#[test]
fn a_value_counts_until_it_is_stored() {
    let (mut fixture, a) = limited(8 << 10);
    let value = fixture.state.put(Buffer::from(vec![0; 1 << 20]), "Vec<u8>").unwrap();
    let (task, wait) = call(&mut fixture, a, 0);
    fixture.finish(task);
    assert_eq!(fixture.ending(wait.unwrap()), None);
    fixture.state.stored(fixture.id(value), Ok(()));
    assert_eq!(fixture.ending(wait.unwrap()), Some(Ok(())));
}
