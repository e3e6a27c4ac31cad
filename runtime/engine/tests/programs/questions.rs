//! Questions of methods to the front end.

use crate::{
    heads::head_of,
    scenario,
    tesserae::Counter,
    world::{Scenario, meeting_point, scratch},
};
use mosaic::prelude::*;
use mosaic_engine::{Monitor, MonitorEvent, MonitorOptions, WorkerCommand, run_dir};
use std::{
    env,
    fs::{self, File},
    io::{self, Read},
    sync::Mutex,
    thread,
};

pub(crate) fn scenarios() -> Vec<Scenario> {
    vec![
        scenario!(a_program_has_no_front_end),
        scenario!(a_worker_asks_the_front_end, |ended| {
            assert_eq!(ended.code, Some(0));
            assert!(ended.stdout.contains("asking who"), "{}", ended.stdout);
        }),
    ]
}

async fn a_program_has_no_front_end() {
    mosaic::interactive(On).num_workers(1).await.unwrap();
    let answer = Counter::remote(1).ask("who").result().await.unwrap();
    assert_eq!(
        answer,
        Err("this program has no front end: only a notebook has one".to_owned())
    );
    let answer = mosaic::__private::ask(b"who").await;
    assert!(answer.unwrap_err().message.contains("no front end"));
}

/// This program is the front end: a monitor of its own reports the questions.
async fn a_worker_asks_the_front_end() {
    let run_dir = run_dir().unwrap();
    let worker = WorkerCommand {
        program: env::current_exe().unwrap(),
        args: Vec::new(),
        env: Vec::new(),
    };
    let options = MonitorOptions {
        run_dir: run_dir.path().to_owned(),
        worker,
        is_guarded: false,
    };
    meeting_point("asked");
    let monitor = Monitor::start(options, front_end).unwrap();
    let ended = head_of(monitor.address(), "asks");
    monitor.shutdown();
    assert_eq!(ended, (Some(0), None));
}

/// The standard output of the worker.
static OUTPUT: Mutex<Option<File>> = Mutex::new(None);

fn front_end(event: MonitorEvent) {
    match event {
        MonitorEvent::WorkerStarted { stdout, stderr, .. } => {
            *OUTPUT.lock().unwrap() = Some(stdout.into());
            thread::spawn(move || io::copy(&mut File::from(stderr), &mut io::stderr()));
        }
        MonitorEvent::Ask { uid, question } => answer(&uid, question),
        MonitorEvent::Drain { done } => done(),
        MonitorEvent::WorkerEnded { .. }
        | MonitorEvent::Notice { .. }
        | MonitorEvent::Progress { .. }
        | MonitorEvent::Shown(_) => {}
    }
}

fn answer(uid: &str, question: mosaic_engine::Question) {
    let message = String::from_utf8(question.message().to_vec()).unwrap();
    // The output before the question is there, although it does not end with a newline.
    let printed = format!("asking {message}");
    let mut bytes = vec![0; printed.len()];
    let mut output = OUTPUT.lock().unwrap();
    output.as_mut().unwrap().read_exact(&mut bytes).unwrap();
    assert_eq!(bytes, printed.as_bytes());
    println!("{printed}");
    match message.as_str() {
        "who" => question.answer(format!("you are {uid}").into_bytes()),
        "nobody" => drop(question),
        "long" => question.answer(vec![b'x'; 100 << 20]),
        // Answered much later, on another thread.
        "later" => drop(thread::spawn(move || {
            fs::File::open(scratch("asked")).unwrap();
            question.answer(b"now".to_vec());
        })),
        other => question.refuse(format!("{other}? no")),
    }
}

/// Runs in a head of that front end.
pub(crate) async fn asks() {
    mosaic::interactive(On).num_workers(1).await.unwrap();
    let (counter, other) = (Counter::remote(1), Counter::remote(2));
    assert_eq!(
        counter.ask("who").result().await.unwrap(),
        Ok("you are worker:0:0".to_owned())
    );
    assert_eq!(counter.ask("why").result().await.unwrap(), Err("why? no".to_owned()));
    let refused = counter.ask("nobody").result().await.unwrap();
    assert_eq!(refused, Err("the front end did not answer".to_owned()));
    let later = counter.ask("later");
    // While a method waits for an answer, its worker does everything else.
    assert_eq!(other.add(1).result().await.unwrap(), 3);
    assert_eq!(
        other.ask("who").result().await.unwrap(),
        Ok("you are worker:0:0".to_owned())
    );
    fs::OpenOptions::new().write(true).open(scratch("asked")).unwrap();
    assert_eq!(later.result().await.unwrap(), Ok("now".to_owned()));
    // The answer is longer than a message may be, so that it travels as a payload.
    let long = counter.ask("long").result().await.unwrap().unwrap();
    assert_eq!(long.len(), 100 << 20);
    mosaic::interactive(Off).await.unwrap();
}
