//! Every byte that a worker writes is shown, in order, before the await returns.

use crate::{
    scenario,
    tesserae::Counter,
    world::{Ended, Scenario, meeting_point},
};
use mosaic::prelude::*;
use std::fs;

pub(crate) fn scenarios() -> Vec<Scenario> {
    vec![
        scenario!(output_comes_before_the_await_returns, |ended| {
            let texts: Vec<String> = (0..20)
                .map(|number| format!("WORKER:0:0      a{number}\nafter {number}\n"))
                .collect();
            assert_eq!(shown(ended), texts.concat());
        }),
        scenario!(a_newline_more_or_less_loses_nothing, |ended| {
            let lines = ["a", "b", "", "c", "d"].map(|line| format!("WORKER:0:0      {line}\n"));
            assert_eq!(shown(ended), lines.concat());
        }),
        scenario!(output_of_a_producer_comes_first, |ended| {
            let once = "WORKER:0:0      first\nWORKER:0:1      second\nafter\n";
            assert_eq!(shown(ended), once.repeat(20));
        }),
        scenario!(output_of_a_failed_method_comes_before_its_error, |ended| {
            assert_eq!(shown(ended), "WORKER:0:0      before\nafter\n");
        }),
        scenario!(errors_go_to_standard_error, |ended| {
            assert_eq!(shown(ended), "after\n");
            assert_eq!(ended.stderr, "WORKER:0:0      oh\n");
        }),
        scenario!(long_output_is_complete, |ended| {
            let line = format!("WORKER:0:0      {}\n", "x".repeat(99));
            assert_eq!(shown(ended), format!("{}after\n", line.repeat(4000)));
        }),
        scenario!(output_without_a_newline_is_whole, |ended| {
            assert_eq!(ended.code, Some(0));
            assert_eq!(shown(ended), "WORKER:0:0      half a line\n");
        }),
    ]
}

/// Returns the output after the listing.
fn shown(ended: &Ended) -> String {
    assert_eq!(ended.code, Some(0));
    let lines = ended.stdout.split_inclusive('\n');
    lines.skip_while(|line| line.contains("<CommsManager object")).collect()
}

async fn on(workers: usize) {
    mosaic::interactive(On).num_workers(workers).await.unwrap();
}

async fn output_comes_before_the_await_returns() {
    on(1).await;
    let counter = Counter::remote(0);
    for number in 0..20 {
        counter.print(format!("a{number}\n")).await.unwrap();
        println!("after {number}");
    }
}

async fn a_newline_more_or_less_loses_nothing() {
    on(1).await;
    let counter = Counter::remote(0);
    for text in ["a\nb", "\n\n", "c\n", "d", "\n"] {
        counter.print(text).await.unwrap();
    }
}

async fn output_of_a_producer_comes_first() {
    on(2).await;
    let (a, b) = (Counter::remote(0), Counter::remote(0));
    for _ in 0..20 {
        let first = a.print("first\n");
        b.after(&first).print("second\n").await.unwrap();
        println!("after");
    }
}

async fn output_of_a_failed_method_comes_before_its_error() {
    on(1).await;
    let counter = Counter::remote(0);
    let printed = counter.print("before\n");
    counter.after(&printed).fail("no way").await.unwrap_err();
    println!("after");
}

async fn errors_go_to_standard_error() {
    on(1).await;
    Counter::remote(0).print_error("oh\n").await.unwrap();
    println!("after");
}

async fn long_output_is_complete() {
    on(1).await;
    let text = format!("{}\n", "x".repeat(99)).repeat(4000);
    Counter::remote(0).print(&text).await.unwrap();
    println!("after");
}

async fn output_without_a_newline_is_whole() {
    on(1).await;
    let counter = Counter::remote(0);
    let door = meeting_point("door");
    let held = counter.print_and_meet("half a line", &door);
    // A unit test of the worker's output checks that output also appears while a method runs.
    fs::OpenOptions::new().write(true).open(&door).unwrap();
    held.await.unwrap();
    println!();
}
