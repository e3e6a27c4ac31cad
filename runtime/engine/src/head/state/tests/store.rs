//! Stored values.

use super::{
    super::Awaited,
    fixture::{Fixture, place},
};
use crate::{id::Id, wire::LostWorker};
use mosaic_abi::{Buffer, FailureKind, Handle, State};

impl Fixture {
    fn put(&mut self, name: &str) -> Handle {
        let handle = self.state.put(Buffer::default(), "u8").unwrap();
        self.names.push((self.id(handle), name.to_owned()));
        self.state.stored(self.id(handle), Ok(()));
        handle
    }
}

/// Returns a state with a tessera on a worker, and a stored value.
fn fixture() -> (Fixture, Handle, Handle) {
    let mut fixture = Fixture::new(&["w0"]);
    let tessera = fixture.create("a");
    fixture.place(tessera, "w0");
    let value = fixture.put("v");
    assert_eq!(fixture.actions(), ["place a", "create a on w0", "store v"]);
    (fixture, tessera, value)
}

#[test]
fn a_stored_value_is_kept_for_the_calls_that_need_it() {
    let (mut fixture, tessera, value) = fixture();
    let call = fixture.call("a1", tessera, &[value]);
    fixture.state.release(value);
    assert_eq!(fixture.actions(), ["call a1 on w0"]);
    fixture.finish(call);
    assert_eq!(fixture.actions(), ["release v"]);
}

#[test]
fn a_discarded_value_is_freed_when_earlier_calls_are_over() {
    let (mut fixture, tessera, value) = fixture();
    let earlier = fixture.call("a1", tessera, &[value]);
    fixture.state.discard(value);
    assert_eq!(fixture.state_of(value), State::Failed);
    let later = fixture.call("a2", tessera, &[value]);
    assert_eq!(fixture.state_of(later), State::Failed);
    assert_eq!(fixture.actions(), ["call a1 on w0"]);
    fixture.finish(earlier);
    assert_eq!(fixture.actions(), ["discard v"]);
    fixture.state.discard(value);
    assert_eq!(fixture.actions(), [""; 0]);
}

#[test]
fn a_stored_value_needs_no_worker() {
    let (mut fixture, _, value) = fixture();
    let LostWorker { uid, status } = LostWorker {
        uid: "w0".to_owned(),
        status: "signal: 9".to_owned(),
    };
    fixture.state.worker_lost(&uid, &status);
    fixture.state.runtime_started([place("w1")]);
    fixture.actions();
    let wait = fixture.state.wait(Awaited::Result(value));
    assert_eq!(fixture.actions(), ["load v"]);
    fixture.state.fetched(wait, Ok(crate::wire::Payload::default()));
    assert_eq!(fixture.ending(wait), Some(Ok(())));
    fixture.state.runtime_stopped("stopped");
    let wait = fixture.state.wait(Awaited::Result(value));
    assert_eq!(fixture.ending(wait), Some(Err(FailureKind::NotRunning)));
}

#[test]
fn a_value_is_published_when_every_worker_has_it() {
    let (mut fixture, _, value) = fixture();
    fixture.state.runtime_started([place("w0"), place("w1")]);
    let wait = fixture.state.publish(value);
    let mut sent = fixture.actions();
    sent.sort();
    assert_eq!(sent, ["keep v on w0", "keep v on w1"]);
    // The handle of the wait is followed by the number of the inquiry.
    let request = wait + 1;
    fixture.state.kept(request, "w1", Ok(()));
    assert_eq!(fixture.ending(wait), None);
    fixture.state.worker_lost("w0", "signal: 9");
    assert_eq!(fixture.ending(wait), Some(Ok(())));
}

#[test]
fn a_value_is_found_once() {
    let mut fixture = Fixture::new(&["w0"]);
    let uid = format!("ware-u8-{}", Id::of(7));
    let first = fixture.state.find_stored(&uid, "u8").unwrap();
    let again = fixture.state.find_stored(&uid, "u8").unwrap();
    assert_eq!(first, again);
    assert_eq!(fixture.actions(), ["look for a value"]);
    fixture.state.stored(Id::of(7), Ok(()));
    assert_eq!(
        fixture.state.find_stored(&uid, "u16").unwrap_err().message,
        format!("{uid} is a `u8`, not a `u16`")
    );
    fixture.state.release(first);
    assert_eq!(fixture.actions(), [""; 0]);
    fixture.state.release(again);
    assert_eq!(fixture.actions(), ["release ?"]);
}
