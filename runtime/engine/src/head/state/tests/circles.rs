//! Methods that would wait for ever for themselves.

use super::{Awaited, Fixture};
use crate::{
    id::Id,
    wire::{CircleSearch, Hop},
};
use mosaic_abi::{FailureKind, Handle};

/// Two calls of a tessera on the worker `w0`, as a call that `w0` executes has submitted them.
fn two_calls() -> (Fixture, Handle, Handle) {
    let mut fixture = Fixture::new(&["w0"]);
    let a = fixture.create("a");
    fixture.place(a, "w0");
    fixture.finish(a);
    let calls = ["a1", "a2"].map(|name| fixture.call(name, a, &[]));
    fixture.actions();
    (fixture, calls[0], calls[1])
}

const WAITING: u128 = 77;

fn search(fixture: &Fixture, first: Handle) -> CircleSearch {
    CircleSearch {
        origin: Id::of(WAITING),
        number: 1,
        first: fixture.id(first),
        task: fixture.id(first),
        tessera: None,
        path: vec![Hop {
            name: "Solver::solve".to_owned(),
            is_behind: false,
        }],
    }
}

#[test]
fn an_old_wait_of_a_call_begins_one_search() {
    let (mut fixture, a1, a2) = two_calls();
    let none = fixture.state.wait_of(None, Awaited::Object(a1));
    let wait = fixture.state.wait_of(Some(Id::of(WAITING)), Awaited::Result(a1));
    fixture.state.search_for_circles();
    assert_eq!(fixture.actions(), [""; 0]);
    fixture.state.search_for_circles();
    assert_eq!(fixture.actions(), ["search a1 on w0"]);
    fixture.state.search_for_circles();
    assert_eq!(fixture.actions(), [""; 0]);
    // A wait that is over in time begins none.
    let over = fixture.state.wait_of(Some(Id::of(WAITING)), Awaited::Object(a2));
    fixture.state.search_for_circles();
    fixture.state.release(over);
    fixture.state.search_for_circles();
    assert!(!fixture.actions().iter().any(|action| action.starts_with("search")));
    for wait in [none, wait] {
        fixture.state.release(wait);
    }
    assert!(fixture.state.waits.grown_old().is_empty());
}

#[test]
fn a_search_follows_all_waits_of_a_call_once() {
    let (mut fixture, a1, a2) = two_calls();
    let call = Id::of(78);
    fixture.state.wait_of(Some(call), Awaited::Object(a2));
    let coming = search(&fixture, a1);
    fixture.state.continue_search(call, &coming);
    assert_eq!(fixture.actions(), ["search a2 on w0"]);
    fixture.state.continue_search(call, &coming);
    assert_eq!(fixture.actions(), [""; 0]);
    let next = CircleSearch { number: 2, ..coming };
    fixture.state.continue_search(call, &next);
    assert_eq!(fixture.actions(), ["search a2 on w0"]);
}

#[test]
fn a_search_follows_what_a_call_needs() {
    let (mut fixture, a1, _) = two_calls();
    let b = fixture.create("b");
    let b1 = fixture.call("b1", b, &[a1]);
    fixture.actions();
    let coming = search(&fixture, b1);
    fixture.state.wait_of(Some(Id::of(78)), Awaited::Object(b1));
    fixture.state.continue_search(Id::of(78), &coming);
    assert_eq!(fixture.actions(), ["search a1 on w0"]);
}

#[test]
fn a_circle_fails_the_wait_that_closes_it() {
    let (mut fixture, a1, a2) = two_calls();
    let [first, second] = [a1, a2].map(|call| fixture.state.wait_of(Some(Id::of(WAITING)), Awaited::Result(call)));
    let circle = search(&fixture, a1);
    fixture.state.close_circle(&circle);
    assert_eq!(fixture.ending(first), Some(Err(FailureKind::Circle)));
    assert_eq!(fixture.ending(second), None);
    // The task itself goes on.
    fixture.finish(a1);
    fixture.state.close_circle(&circle);
}
