//! Listing tesserae, and attaching to them.

use super::{
    super::{Action, Awaited},
    fixture::Fixture,
};
use crate::{
    id::Id,
    wire::{LivingTessera, LostWorker, ProfileStep, ToWorker},
};
use mosaic_abi::{FailureKind, Handle, Listed, ProcessProfile, State};

fn living(fixture: &Fixture, tessera: Handle, type_name: &str) -> LivingTessera {
    LivingTessera {
        tessera: fixture.id(tessera),
        type_name: type_name.to_owned(),
        state: State::Done,
    }
}

/// Returns the number of the request that the workers were asked with.
fn request(fixture: &mut Fixture) -> u64 {
    let actions: Vec<Action> = std::iter::from_fn(|| fixture.state.next_action()).collect();
    let asked = actions.into_iter().find_map(|action| match action {
        Action::Send { frame, .. } | Action::SendWithin { frame, .. } => match frame.message {
            ToWorker::List { request } | ToWorker::Profile { request, .. } => Some(request),
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
    let mut fixture = Fixture::new(&["w0", "w1"]);
    let tessera = fixture.state.attach(&uid(7), "Solver").unwrap();
    let wait = fixture.state.wait(Awaited::Object(tessera));
    let request = request(&mut fixture);
    fixture.state.worker_answered(request, "w0", Vec::new());
    assert!(fixture.actions().is_empty(), "another worker has not answered");
    let found = living(&fixture, tessera, "Solver");
    fixture.state.worker_answered(request, "w1", vec![found]);
    assert_eq!(fixture.actions(), ["attach on w1"]);
    assert_eq!(fixture.ending(wait), None);
    fixture.state.attached(Id::of(7), Ok(vec!["solve() -> ()".to_owned()]));
    assert_eq!(fixture.ending(wait), Some(Ok(())));
    assert_eq!(fixture.state.signatures(tessera), ["solve() -> ()"]);
    fixture.call("call", tessera, &[]);
    assert_eq!(fixture.actions(), ["wake", "call call on w1"]);
}

#[test]
fn a_tessera_that_was_not_taken_over_is_not_freed() {
    for taken_over in [false, true] {
        let mut fixture = Fixture::new(&["w0"]);
        let tessera = fixture.state.attach(&uid(7), "Solver").unwrap();
        let request = request(&mut fixture);
        let found = living(&fixture, tessera, "Solver");
        fixture.state.worker_answered(request, "w0", vec![found]);
        fixture.state.attached(Id::of(7), Ok(Vec::new()));
        fixture.actions();
        if taken_over {
            fixture.state.signatures(tessera);
        }
        fixture.state.release(tessera);
        let expected: &[&str] = if taken_over {
            &["forget ?", "drop ?"]
        } else {
            &["detach on w0"]
        };
        assert_eq!(fixture.actions(), expected);
    }
}

#[test]
fn the_monitor_is_asked_for_a_tessera_that_no_worker_has() {
    for (lost, kind) in [(true, FailureKind::WorkerLost), (false, FailureKind::Runtime)] {
        let mut fixture = Fixture::new(&["w0"]);
        let tessera = fixture.state.attach(&uid(7), "Solver").unwrap();
        let wait = fixture.state.wait(Awaited::Object(tessera));
        let request = request(&mut fixture);
        fixture.state.worker_answered(request, "w0", Vec::new());
        assert_eq!(fixture.actions(), ["find"]);
        let lost = lost.then(|| LostWorker {
            uid: "w1".to_owned(),
            status: "signal: 9".to_owned(),
        });
        fixture.state.tessera_is_missing(Id::of(7), lost);
        fixture.state.synced(tessera);
        assert_eq!(fixture.ending(wait), Some(Err(kind)));
    }
}

#[test]
fn a_worker_that_ends_is_not_waited_for() {
    let mut fixture = Fixture::new(&["w0", "w1"]);
    let list = fixture.state.tesserae();
    let tessera = fixture.state.attach(&uid(7), "Solver").unwrap();
    let wait = fixture.state.wait(Awaited::Object(tessera));
    fixture.state.worker_lost("w0", "signal: 9");
    assert_eq!(fixture.ending(list), None);
    fixture.state.worker_lost("w1", "signal: 9");
    assert_eq!(fixture.ending(list), Some(Ok(())));
    // The monitor is asked what became of the tessera.
    assert_eq!(fixture.actions().last().map(String::as_str), Some("find"));
    fixture.state.tessera_is_missing(Id::of(7), None);
    fixture.state.synced(tessera);
    assert!(matches!(fixture.ending(wait), Some(Err(_))));
}

#[test]
fn attaching_fails_if_the_worker_ends_meanwhile() {
    let mut fixture = Fixture::new(&["w0", "w1"]);
    let tessera = fixture.state.attach(&uid(7), "Solver").unwrap();
    let wait = fixture.state.wait(Awaited::Object(tessera));
    let request = request(&mut fixture);
    let found = living(&fixture, tessera, "Solver");
    fixture.state.worker_answered(request, "w0", vec![found]);
    fixture.state.worker_answered(request, "w1", Vec::new());
    fixture.state.worker_lost("w0", "signal: 9");
    fixture.state.synced(tessera);
    assert_eq!(fixture.ending(wait), Some(Err(FailureKind::WorkerLost)));
}

#[test]
fn a_tessera_that_no_worker_has_yet_is_listed_too() {
    let mut fixture = Fixture::new(&["w0"]);
    let here = fixture.create("here");
    fixture.place(here, "w0");
    fixture.finish(here);
    let waiting = fixture.create("waiting");
    let list = fixture.state.tesserae();
    let request = request(&mut fixture);
    let found = living(&fixture, here, "Solver");
    fixture.state.worker_answered(request, "w0", vec![found]);
    let listed: Vec<Listed> = mosaic_abi::decode(&fixture.value(list)).unwrap();
    let mut listed: Vec<(String, State)> = listed.into_iter().map(|listed| (listed.uid, listed.state)).collect();
    let uid = |handle| fixture.state.describe(handle).unwrap().uid;
    let mut expected = [(uid(here), State::Done), (uid(waiting), State::Pending)];
    listed.sort_by_key(|(uid, _)| uid.clone());
    expected.sort_by_key(|(uid, _)| uid.clone());
    assert_eq!(listed, expected);
}

fn profile(process: &str, samples: u8) -> ProcessProfile {
    ProcessProfile {
        process: process.to_owned(),
        samples: Ok(vec![samples]),
    }
}

#[test]
fn a_profile_ends_when_all_workers_have_sent_theirs() {
    let mut fixture = Fixture::new(&["worker:0:0", "worker:0:1"]);
    let wait = fixture.state.wait(Awaited::Monitor);
    let known = vec![profile("head", 7)];
    assert!(fixture.state.profile_workers(wait, ProfileStep::End, None, known));
    let request = request(&mut fixture);
    fixture.state.worker_profiled(request, "worker:0:1", Some(Ok(vec![2])));
    assert_eq!(fixture.ending(wait), None);
    fixture.state.worker_profiled(request, "worker:0:0", Some(Ok(vec![1])));
    let ended = fixture.value(wait);
    assert_eq!(
        mosaic_abi::decode::<Vec<ProcessProfile>>(&ended).unwrap(),
        [profile("head", 7), profile("worker:0:0", 1), profile("worker:0:1", 2)]
    );
}

#[test]
fn a_profile_names_workers_that_live() {
    let mut fixture = Fixture::new(&["worker:0:0", "worker:0:1"]);
    let wait = fixture.state.wait(Awaited::Monitor);
    let only = |uid: &str| vec![uid.to_owned()];
    assert!(
        !fixture
            .state
            .profile_workers(wait, ProfileStep::Begin, Some(&only("worker:0:7")), Vec::new())
    );
    assert_eq!(fixture.ending(wait), Some(Err(FailureKind::Runtime)));
    let wait = fixture.state.wait(Awaited::Monitor);
    assert!(
        fixture
            .state
            .profile_workers(wait, ProfileStep::Begin, Some(&only("worker:0:1")), Vec::new())
    );
    assert_eq!(fixture.actions(), ["profile on worker:0:1: Begin"]);
}
