//! How much is in flight.

use super::books::{Books, place};
use crate::{
    failures::failure,
    head::{
        ledger::Ledger,
        objects::{Request, Value},
    },
};
use mosaic_abi::{Buffer, FailureKind, Handle, Options};
use std::sync::Arc;

/// A tessera on a worker of which so many bytes may be in flight, and nothing is.
fn limited(most: u64) -> (Books, Handle) {
    let mut books = Books::new(&["w0"]);
    books.ledger.limit_flight(most);
    let a = books.create("a");
    books.place(a, "w0");
    books.finish(a);
    (books, a)
}

/// Calls with an argument of so many bytes. Returns the task, and the wait for room.
fn call(books: &mut Books, tessera: Handle, bytes: usize) -> (Handle, Option<Handle>) {
    let argument = Value::Encoded(Arc::new(Buffer::from(vec![0; bytes])));
    let request = Request {
        arguments: vec![argument],
        ..Request::default()
    };
    let task = books.ledger.call(tessera, 0, request).unwrap();
    (task, books.ledger.wait_for_room(task))
}

#[test]
fn whoever_goes_beyond_the_limit_waits_until_enough_has_ended() {
    let (mut books, a) = limited(8 << 10);
    let (tasks, waits): (Vec<Handle>, Vec<_>) = (0..18).map(|_| call(&mut books, a, 0)).unzip();
    // Sixteen are as much as may be, and one of them more: the next one is beyond.
    let first = waits.iter().position(Option::is_some);
    assert_eq!(first, Some(17));
    let room = waits[17].unwrap();
    for task in &tasks[..3] {
        assert_eq!(books.ending(room), None);
        books.finish(*task);
    }
    assert_eq!(books.ending(room), Some(Ok(())));
    assert_eq!(call(&mut books, a, 0).1, None);
}

#[test]
fn arguments_count_and_one_that_is_too_large_waits_for_the_others_alone() {
    let (mut books, a) = limited(8 << 10);
    let (large, room) = call(&mut books, a, 1 << 20);
    assert_eq!(room, None);
    let (small, room) = call(&mut books, a, 0);
    books.finish(large);
    assert_eq!(books.ending(room.unwrap()), Some(Ok(())));
    let (other, room) = call(&mut books, a, 1 << 20);
    assert_eq!(room, None, "what is small is no obstacle");
    let (_, room) = call(&mut books, a, 0);
    for task in [small, other] {
        assert_eq!(books.ending(room.unwrap()), None);
        books.finish(task);
    }
    assert_eq!(books.ending(room.unwrap()), Some(Ok(())));
}

#[test]
fn whoever_waits_has_to_have_room_beside_the_others_also_when_its_own_task_has_ended() {
    let (mut books, a) = limited(8 << 10);
    let mut others: Vec<Handle> = (0..18).map(|_| call(&mut books, a, 0).0).collect();
    let (own, room) = call(&mut books, a, 1 << 20);
    others.extend((0..100).map(|_| call(&mut books, a, 0).0));
    books.finish(own);
    assert_eq!(books.ending(room.unwrap()), None);
    for task in others {
        books.finish(task);
    }
    assert_eq!(books.ending(room.unwrap()), Some(Ok(())));
}

#[test]
fn methods_are_refused_for_what_methods_submitted_alone() {
    let (mut books, a) = limited(1 << 10);
    let tasks: Vec<Handle> = (0..9).map(|_| call(&mut books, a, 0).0).collect();
    assert!(books.ledger.refuse_beyond().is_ok());
    let by_method = |ledger: &mut Ledger| ledger.call(a, 0, Request::default()).unwrap();
    let own: Vec<Handle> = (0..3).map(|_| books.ledger.submitted_by(true, by_method)).collect();
    assert_eq!(books.ledger.refuse_beyond().unwrap_err().kind, FailureKind::Busy);
    assert_eq!(books.ledger.wait_for_room(own[2]), None);
    books.finish(own[0]);
    assert!(books.ledger.refuse_beyond().is_ok());
    for task in tasks {
        books.finish(task);
    }
    let task = books.ledger.submitted_by(false, by_method);
    assert_eq!(
        books.ledger.wait_for_room(task),
        None,
        "what methods submitted is no obstacle"
    );
}

#[test]
fn what_fails_leaves_room() {
    type End = fn(&mut Books, Handle);
    let ends: [End; 4] = [
        |books, b| {
            books.place(b, "w0");
            books.ledger.worker_lost("w0", "signal: 9");
        },
        |books, _| books.ledger.stopped("the mosaic runtime was stopped"),
        // Its calls were not sent before it was placed, and fail with it, or one by one.
        |books, b| {
            books
                .ledger
                .placed(books.id(b), Err(failure(FailureKind::Runtime, "no worker")))
        },
        |books, b| {
            let waiting = books.ledger.objects[&b].queue().unwrap().iter();
            let calls: Vec<Handle> = waiting.map(|it| it.object).filter(|it| *it != b).collect();
            calls.into_iter().for_each(|call| books.ledger.cancel(call));
        },
    ];
    for end in ends {
        let (mut books, a) = limited(1 << 10);
        let b = books.create("b");
        let _waiting: Vec<Handle> = (0..2).map(|_| call(&mut books, b, 0).0).collect();
        let room = call(&mut books, b, 0).1.unwrap();
        end(&mut books, b);
        assert_eq!(books.ending(room), Some(Ok(())));
        books.ledger.release(a);
    }
}

#[test]
fn a_tessera_that_is_made_again_counts_once() {
    let (mut books, _) = limited(1 << 10);
    let options = Options::new().restarts(2);
    let request = Request {
        options,
        ..Request::default()
    };
    let b = books.create_with("b", request);
    books.place(b, "w0");
    books.finish(b);
    books.ledger.joined(place("w1"), 0);
    books.ledger.worker_lost("w0", "signal: 9");
    books.place(b, "w1");
    books.finish(b);
    let in_flight = |books: &Books| {
        books
            .ledger
            .objects
            .values()
            .filter(|it| it.in_flight.is_some())
            .count()
    };
    assert_eq!(in_flight(&books), 0);
    let rooms: Vec<_> = (0..3).map(|_| call(&mut books, b, 0).1).collect();
    assert_eq!(rooms, [None, None, None]);
    assert!(call(&mut books, b, 0).1.is_some());
}

#[test]
fn a_wait_that_is_given_up_is_forgotten() {
    let (mut books, a) = limited(1 << 10);
    let tasks: Vec<Handle> = (0..3).map(|_| call(&mut books, a, 0).0).collect();
    let room = call(&mut books, a, 0).1.unwrap();
    assert_eq!(books.ledger.flight.waits.len(), 1);
    books.ledger.release(room);
    assert!(books.ledger.flight.waits.is_empty());
    for task in tasks {
        books.finish(task);
    }
}

#[test]
fn a_value_counts_until_it_is_stored() {
    let (mut books, a) = limited(8 << 10);
    let value = books.ledger.put(Buffer::from(vec![0; 1 << 20]), "Vec<u8>").unwrap();
    let (task, room) = call(&mut books, a, 0);
    books.finish(task);
    assert_eq!(books.ending(room.unwrap()), None);
    books.ledger.stored(books.id(value), Ok(()));
    assert_eq!(books.ending(room.unwrap()), Some(Ok(())));
}
