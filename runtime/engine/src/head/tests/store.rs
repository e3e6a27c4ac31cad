//! Stored values in the books.

use super::books::{Books, place};
use crate::{id::Id, waits::Subject, wire::LostWorker};
use mosaic_abi::{Buffer, FailureKind, Handle, State};

impl Books {
    fn put(&mut self, name: &str) -> Handle {
        let handle = self.ledger.put(Buffer::default(), "u8").unwrap();
        self.names.push((self.id(handle), name.to_owned()));
        self.ledger.stored(self.id(handle), Ok(()));
        handle
    }
}

/// A tessera with its worker, and a stored value.
fn books() -> (Books, Handle, Handle) {
    let mut books = Books::new(&["w0"]);
    let tessera = books.create("a");
    books.place(tessera, "w0");
    let value = books.put("v");
    assert_eq!(books.actions(), ["place a", "create a on w0", "store v"]);
    (books, tessera, value)
}

#[test]
fn a_stored_value_is_kept_for_the_calls_that_need_it() {
    let (mut books, tessera, value) = books();
    let call = books.call("a1", tessera, &[value]);
    books.ledger.release(value);
    assert_eq!(books.actions(), ["call a1 on w0"]);
    books.finish(call);
    assert_eq!(books.actions(), ["release v"]);
}

#[test]
fn a_value_that_is_discarded_goes_when_earlier_calls_are_over() {
    let (mut books, tessera, value) = books();
    let earlier = books.call("a1", tessera, &[value]);
    books.ledger.discard(value);
    assert_eq!(books.state(value), State::Failed);
    let later = books.call("a2", tessera, &[value]);
    assert_eq!(books.state(later), State::Failed);
    assert_eq!(books.actions(), ["call a1 on w0"]);
    books.finish(earlier);
    assert_eq!(books.actions(), ["discard v"]);
    books.ledger.discard(value);
    assert_eq!(books.actions(), [""; 0]);
}

#[test]
fn a_stored_value_needs_no_worker() {
    let (mut books, _, value) = books();
    let LostWorker { uid, status } = LostWorker {
        uid: "w0".to_owned(),
        status: "signal: 9".to_owned(),
    };
    books.ledger.worker_lost(&uid, &status);
    books.ledger.started([place("w1")]);
    books.actions();
    let wait = books.ledger.wait(Subject::Result(value));
    assert_eq!(books.actions(), ["load v"]);
    books.ledger.fetched(wait, Ok(crate::wire::Payload::default()));
    assert_eq!(books.ending(wait), Some(Ok(())));
    books.ledger.stopped("stopped");
    let wait = books.ledger.wait(Subject::Result(value));
    assert_eq!(books.ending(wait), Some(Err(FailureKind::NotRunning)));
}

#[test]
fn a_value_is_published_when_every_worker_has_it() {
    let (mut books, _, value) = books();
    books.ledger.started([place("w0"), place("w1")]);
    let wait = books.ledger.publish(value);
    let mut sent = books.actions();
    sent.sort();
    assert_eq!(sent, ["keep v on w0", "keep v on w1"]);
    // The wait's handle is followed by the inquiry's.
    let request = wait + 1;
    books.ledger.kept(request, "w1", Ok(()));
    assert_eq!(books.ending(wait), None);
    books.ledger.worker_lost("w0", "signal: 9");
    assert_eq!(books.ending(wait), Some(Ok(())));
}

#[test]
fn a_value_is_found_once() {
    let mut books = Books::new(&["w0"]);
    let uid = format!("ware-u8-{}", Id::of(7));
    let first = books.ledger.find_stored(&uid, "u8").unwrap();
    let again = books.ledger.find_stored(&uid, "u8").unwrap();
    assert_eq!(first, again);
    assert_eq!(books.actions(), ["look for a value"]);
    books.ledger.stored(Id::of(7), Ok(()));
    assert_eq!(
        books.ledger.find_stored(&uid, "u16").unwrap_err().message,
        format!("{uid} is a `u8`, not a `u16`")
    );
    books.ledger.release(first);
    assert_eq!(books.actions(), [""; 0]);
    books.ledger.release(again);
    assert_eq!(books.actions(), ["release ?"]);
}
