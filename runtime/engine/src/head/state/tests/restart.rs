//! Objects that are run again when their worker is lost.

use super::{
    super::{Request, Value},
    fixture::Fixture,
};
use mosaic_abi::{Handle, Options, State};

impl Fixture {
    fn create_anew(&mut self, name: &str, options: Options, needs: &[Handle]) -> Handle {
        let request = Request {
            arguments: needs.iter().map(|task| Value::Produced(*task)).collect(),
            options,
            ..Request::default()
        };
        self.create_with(name, request)
    }

    fn call_with(&mut self, name: &str, tessera: Handle, retries: u32, needs: &[Handle]) -> Handle {
        let request = Request {
            arguments: needs.iter().map(|task| Value::Produced(*task)).collect(),
            options: Options::new().max_retries(retries),
            ..Request::default()
        };
        let handle = self.state.call(tessera, 0, request).unwrap();
        self.names.push((self.id(handle), name.to_owned()));
        handle
    }
}

fn restarts(restarts: u32) -> Options {
    Options::new().restarts(restarts)
}

#[test]
fn a_tessera_is_made_again_and_its_calls_run_again_in_order() {
    let mut fixture = Fixture::new(&["w0", "w1"]);
    let a = fixture.create_anew("a", restarts(1), &[]);
    fixture.place(a, "w0");
    fixture.finish(a);
    let done = fixture.call_with("done", a, 1, &[]);
    fixture.finish(done);
    let (again, never) = (fixture.call_with("again", a, 1, &[]), fixture.call("never", a, &[]));
    let last = fixture.call_with("last", a, 1, &[]);
    fixture.state.execution_began(fixture.id(again));
    fixture.actions();
    fixture.state.worker_lost("w0", "signal: 9");
    assert_eq!(fixture.actions(), ["place a"]);
    assert_eq!(fixture.state_of(a), State::Pending);
    assert_eq!(
        (fixture.state_of(done), fixture.state_of(never)),
        (State::Done, State::Failed)
    );
    assert_eq!(
        (fixture.state_of(again), fixture.state_of(last)),
        (State::Pending, State::Pending)
    );
    assert!(fixture.state.objects[&done].rare.lost.is_some());
    // Messages of the old worker are out of date.
    assert!(!fixture.state.is_placed_on(fixture.id(again), "w0"));
    fixture.place(a, "w1");
    assert_eq!(
        fixture.actions(),
        ["create a on w1", "call again on w1", "call last on w1"]
    );
    fixture.finish(a);
    fixture.finish(again);
    fixture.finish(last);
    assert_eq!(fixture.state_of(last), State::Done);
    // Neither the tessera nor its calls may be run once more.
    let once = fixture.call_with("once", a, 1, &[]);
    fixture.state.worker_lost("w1", "signal: 9");
    assert_eq!(
        (fixture.state_of(a), fixture.state_of(once)),
        (State::Done, State::Failed)
    );
    assert!(fixture.state.objects[&a].rare.lost.is_some());
}

#[test]
fn a_restarted_tessera_needs_its_arguments() {
    let mut fixture = Fixture::new(&["w0", "w1", "w2"]);
    let (a, b) = (fixture.create("a"), fixture.create("b"));
    let (a1, b1) = (fixture.call("a1", a, &[]), fixture.call("b1", b, &[]));
    fixture.place(a, "w0");
    fixture.place(b, "w1");
    let (of_a, of_b) = (
        fixture.create_anew("of a", restarts(1), &[a1]),
        fixture.create_anew("of b", restarts(1), &[b1]),
    );
    fixture.place(of_a, "w0");
    fixture.place(of_b, "w0");
    for ended in [a, b, a1, b1, of_a, of_b] {
        fixture.finish(ended);
    }
    // The arguments of the constructors are kept, although nobody else owns them.
    fixture.state.release(a1);
    fixture.state.release(b1);
    fixture.actions();
    fixture.state.worker_lost("w0", "signal: 9");
    assert_eq!(
        (fixture.state_of(of_a), fixture.state_of(of_b)),
        (State::Failed, State::Pending)
    );
    fixture.place(of_b, "w2");
    assert_eq!(fixture.actions().last().map(String::as_str), Some("create of b on w2"));
    fixture.finish(of_b);
    fixture.state.release(of_b);
    assert!(fixture.actions().contains(&"drop b1".to_owned()));
}

#[test]
fn a_call_that_needs_a_restarted_call_waits_again() {
    let mut fixture = Fixture::new(&["w0", "w1"]);
    let (a, b) = (fixture.create_anew("a", restarts(1), &[]), fixture.create("b"));
    let (a1, b1) = (fixture.call_with("a1", a, 1, &[]), fixture.create("late"));
    let late = fixture.call("late1", b1, &[]);
    fixture.place(a, "w0");
    fixture.place(b, "w1");
    // This call waits for a call of a tessera that has no worker yet.
    let both = fixture.call("both", b, &[a1, late]);
    fixture.state.worker_lost("w0", "signal: 9");
    fixture.place(b1, "w1");
    fixture.actions();
    assert_eq!(fixture.state_of(both), State::Pending);
    fixture.place(a, "w1");
    assert_eq!(
        fixture.actions(),
        ["create a on w1", "call a1 on w1", "call both on w1"]
    );
}
