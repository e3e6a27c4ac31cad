//! Listing tesserae and attaching to them.

use super::{super::ledger::Action, books::Books};
use crate::{
    id::Id,
    waits::Subject,
    wire::{LostWorker, Resident, ToWorker},
};
use mosaic_abi::{FailureKind, Handle, Listed, State};

fn resident(books: &Books, tessera: Handle, type_name: &str) -> Resident {
    Resident {
        tessera: books.id(tessera),
        type_name: type_name.to_owned(),
        state: State::Done,
    }
}

/// The request of the inquiry that is under way.
fn request(books: &mut Books) -> u64 {
    let actions: Vec<Action> = std::iter::from_fn(|| books.ledger.next_action()).collect();
    let asked = actions.into_iter().find_map(|action| match action {
        Action::Send { frame, .. } | Action::SendWithin { frame, .. } => match frame.message {
            ToWorker::List { request } => Some(request),
            _ => None,
        },
        _ => None,
    });
    asked.unwrap()
}

fn uid(id: u128) -> String {
    format!("tess-solver-{}", Id::of(id))
}

#[test]
fn a_tessera_is_attached_where_it_is_found() {
    let mut books = Books::new(&["w0", "w1"]);
    let tessera = books.ledger.attach(&uid(7), "Solver").unwrap();
    let wait = books.ledger.wait(Subject::Object(tessera));
    let request = request(&mut books);
    books.ledger.answered(request, "w0", Vec::new());
    assert!(books.actions().is_empty(), "another worker has not answered");
    let found = resident(&books, tessera, "Solver");
    books.ledger.answered(request, "w1", vec![found]);
    assert_eq!(books.actions(), ["attach on w1"]);
    assert_eq!(books.ending(wait), None);
    books.ledger.attached(Id::of(7), Ok(vec!["solve() -> ()".to_owned()]));
    assert_eq!(books.ending(wait), Some(Ok(())));
    assert_eq!(books.ledger.signatures(tessera), ["solve() -> ()"]);
    books.call("call", tessera, &[]);
    assert_eq!(books.actions(), ["wake", "call call on w1"]);
}

#[test]
fn a_tessera_that_was_not_taken_over_is_not_freed() {
    for taken_over in [false, true] {
        let mut books = Books::new(&["w0"]);
        let tessera = books.ledger.attach(&uid(7), "Solver").unwrap();
        let request = request(&mut books);
        let found = resident(&books, tessera, "Solver");
        books.ledger.answered(request, "w0", vec![found]);
        books.ledger.attached(Id::of(7), Ok(Vec::new()));
        books.actions();
        if taken_over {
            books.ledger.signatures(tessera);
        }
        books.ledger.release(tessera);
        let expected: &[&str] = if taken_over {
            &["forget ?", "drop ?"]
        } else {
            &["detach on w0"]
        };
        assert_eq!(books.actions(), expected);
    }
}

#[test]
fn a_tessera_that_nobody_has_is_asked_for_at_the_monitor() {
    for (lost, kind) in [(true, FailureKind::WorkerLost), (false, FailureKind::Runtime)] {
        let mut books = Books::new(&["w0"]);
        let tessera = books.ledger.attach(&uid(7), "Solver").unwrap();
        let wait = books.ledger.wait(Subject::Object(tessera));
        let request = request(&mut books);
        books.ledger.answered(request, "w0", Vec::new());
        assert_eq!(books.actions(), ["find"]);
        let lost = lost.then(|| LostWorker {
            uid: "w1".to_owned(),
            status: "signal: 9".to_owned(),
        });
        books.ledger.found(Id::of(7), lost);
        books.ledger.synced(tessera);
        assert_eq!(books.ending(wait), Some(Err(kind)));
    }
}

#[test]
fn a_worker_that_ends_is_not_waited_for() {
    let mut books = Books::new(&["w0", "w1"]);
    let list = books.ledger.tesserae();
    let tessera = books.ledger.attach(&uid(7), "Solver").unwrap();
    let wait = books.ledger.wait(Subject::Object(tessera));
    books.ledger.worker_lost("w0", "signal: 9");
    assert_eq!(books.ending(list), None);
    books.ledger.worker_lost("w1", "signal: 9");
    assert_eq!(books.ending(list), Some(Ok(())));
    // The monitor knows what became of it.
    assert_eq!(books.actions().last().map(String::as_str), Some("find"));
    books.ledger.found(Id::of(7), None);
    books.ledger.synced(tessera);
    assert!(matches!(books.ending(wait), Some(Err(_))));
}

#[test]
fn a_worker_that_ends_while_it_is_asked_to_share_fails_that() {
    let mut books = Books::new(&["w0", "w1"]);
    let tessera = books.ledger.attach(&uid(7), "Solver").unwrap();
    let wait = books.ledger.wait(Subject::Object(tessera));
    let request = request(&mut books);
    let found = resident(&books, tessera, "Solver");
    books.ledger.answered(request, "w0", vec![found]);
    books.ledger.answered(request, "w1", Vec::new());
    books.ledger.worker_lost("w0", "signal: 9");
    books.ledger.synced(tessera);
    assert_eq!(books.ending(wait), Some(Err(FailureKind::WorkerLost)));
}

#[test]
fn what_is_not_with_its_worker_yet_is_listed_too() {
    let mut books = Books::new(&["w0"]);
    let here = books.create("here");
    books.place(here, "w0");
    books.finish(here);
    let waiting = books.create("waiting");
    let list = books.ledger.tesserae();
    let request = request(&mut books);
    let found = resident(&books, here, "Solver");
    books.ledger.answered(request, "w0", vec![found]);
    let listed: Vec<Listed> = mosaic_abi::decode(&books.value(list)).unwrap();
    let mut listed: Vec<(String, State)> = listed.into_iter().map(|listed| (listed.uid, listed.state)).collect();
    let uid = |handle| books.ledger.describe(handle).unwrap().uid;
    let mut expected = [(uid(here), State::Done), (uid(waiting), State::Pending)];
    listed.sort_by_key(|(uid, _)| uid.clone());
    expected.sort_by_key(|(uid, _)| uid.clone());
    assert_eq!(listed, expected);
}
