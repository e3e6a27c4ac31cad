//! How much is in flight.

use super::books::Books;
use crate::head::objects::{Request, Value};
use mosaic_abi::{Buffer, Handle};
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
    assert!(books.ledger.refuse_beyond().is_err());
    let (small, room) = call(&mut books, a, 0);
    books.finish(large);
    assert_eq!(books.ending(room.unwrap()), Some(Ok(())));
    let (other, room) = call(&mut books, a, 1 << 20);
    assert_eq!(room, None, "what is small is no obstacle");
    for task in [small, other] {
        books.finish(task);
    }
    assert!(books.ledger.refuse_beyond().is_ok());
}

#[test]
fn what_fails_or_is_cancelled_leaves_room() {
    let (mut books, a) = limited(1 << 10);
    let tasks: Vec<Handle> = (0..3).map(|_| call(&mut books, a, 0).0).collect();
    let room = call(&mut books, a, 0).1.unwrap();
    books.ledger.worker_lost("w0", "signal: 9");
    assert_eq!(books.ending(room), Some(Ok(())));
    for task in tasks {
        books.ledger.release(task);
    }
    assert!(books.ledger.refuse_beyond().is_ok());
}

#[test]
fn a_wait_that_is_given_up_is_forgotten() {
    let (mut books, a) = limited(1 << 10);
    let tasks: Vec<Handle> = (0..4).map(|_| call(&mut books, a, 0).0).collect();
    let room = call(&mut books, a, 0).1.unwrap();
    books.ledger.release(room);
    for task in tasks {
        books.finish(task);
    }
    assert_eq!(books.ledger.waits.subject(room), None);
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
