//! What is run again when a worker is lost.

use super::{
    super::objects::{Request, Value},
    books::Books,
};
use mosaic_abi::{Handle, Options, State};

impl Books {
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
        let handle = self.ledger.call(tessera, 0, request).unwrap();
        self.names.push((self.id(handle), name.to_owned()));
        handle
    }
}

fn restarts(restarts: u32) -> Options {
    Options::new().restarts(restarts)
}

#[test]
fn a_tessera_is_made_again_with_what_can_be_run_again_in_order() {
    let mut books = Books::new(&["w0", "w1"]);
    let a = books.create_anew("a", restarts(1), &[]);
    books.place(a, "w0");
    books.finish(a);
    let done = books.call_with("done", a, 1, &[]);
    books.finish(done);
    let (again, never) = (books.call_with("again", a, 1, &[]), books.call("never", a, &[]));
    let last = books.call_with("last", a, 1, &[]);
    books.ledger.began(books.id(again));
    books.actions();
    books.ledger.worker_lost("w0", "signal: 9");
    assert_eq!(books.actions(), ["place a"]);
    assert_eq!(books.state(a), State::Pending);
    assert_eq!((books.state(done), books.state(never)), (State::Done, State::Failed));
    assert_eq!(
        (books.state(again), books.state(last)),
        (State::Pending, State::Pending)
    );
    assert!(books.ledger.objects[&done].rare.lost.is_some());
    // What the old worker had said last is out of date.
    assert!(!books.ledger.is_with(books.id(again), "w0"));
    books.place(a, "w1");
    assert_eq!(
        books.actions(),
        ["create a on w1", "call again on w1", "call last on w1"]
    );
    books.finish(a);
    books.finish(again);
    books.finish(last);
    assert_eq!(books.state(last), State::Done);
    // Neither the tessera nor its calls may be run once more.
    let once = books.call_with("once", a, 1, &[]);
    books.ledger.worker_lost("w1", "signal: 9");
    assert_eq!((books.state(a), books.state(once)), (State::Done, State::Failed));
    assert!(books.ledger.objects[&a].rare.lost.is_some());
}

#[test]
fn what_is_made_again_needs_its_arguments() {
    let mut books = Books::new(&["w0", "w1", "w2"]);
    let (a, b) = (books.create("a"), books.create("b"));
    let (a1, b1) = (books.call("a1", a, &[]), books.call("b1", b, &[]));
    books.place(a, "w0");
    books.place(b, "w1");
    let (of_a, of_b) = (
        books.create_anew("of a", restarts(1), &[a1]),
        books.create_anew("of b", restarts(1), &[b1]),
    );
    books.place(of_a, "w0");
    books.place(of_b, "w0");
    for ended in [a, b, a1, b1, of_a, of_b] {
        books.finish(ended);
    }
    // The constructors' arguments are kept, although nobody else has them.
    books.ledger.release(a1);
    books.ledger.release(b1);
    books.actions();
    books.ledger.worker_lost("w0", "signal: 9");
    assert_eq!((books.state(of_a), books.state(of_b)), (State::Failed, State::Pending));
    books.place(of_b, "w2");
    assert_eq!(books.actions().last().map(String::as_str), Some("create of b on w2"));
    books.finish(of_b);
    books.ledger.release(of_b);
    assert!(books.actions().contains(&"drop b1".to_owned()));
}

#[test]
fn what_waits_for_a_call_that_is_run_again_waits_again() {
    let mut books = Books::new(&["w0", "w1"]);
    let (a, b) = (books.create_anew("a", restarts(1), &[]), books.create("b"));
    let (a1, b1) = (books.call_with("a1", a, 1, &[]), books.create("late"));
    let late = books.call("late1", b1, &[]);
    books.place(a, "w0");
    books.place(b, "w1");
    // It waits for a call of a tessera that has no worker yet.
    let both = books.call("both", b, &[a1, late]);
    books.ledger.worker_lost("w0", "signal: 9");
    books.place(b1, "w1");
    books.actions();
    assert_eq!(books.state(both), State::Pending);
    books.place(a, "w1");
    assert_eq!(books.actions(), ["create a on w1", "call a1 on w1", "call both on w1"]);
}
