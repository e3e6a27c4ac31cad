//! Programs with real workers. Each scenario is a process of its own, in a directory of its own for sockets, and fails
//! if it leaves a process, a file or a socket behind.

mod arrays;
mod calls;
mod cancelling;
mod failing;
mod flight;
mod functions;
mod heads;
mod lifecycle;
mod loads;
mod local;
mod log;
mod loops;
mod many;
mod memory;
mod options;
mod output;
mod questions;
mod references;
mod scale;
mod shared_object;
mod survival;
mod tesserae;
mod timeline;
mod waiting;
mod warehouse;
mod workers;
mod world;

use std::{
    env,
    process::ExitCode,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};
use world::{Scenario, World};

fn scenarios() -> Vec<Scenario> {
    [
        arrays::scenarios(),
        calls::scenarios(),
        failing::scenarios(),
        flight::scenarios(),
        functions::scenarios(),
        lifecycle::scenarios(),
        loads::scenarios(),
        local::scenarios(),
        log::scenarios(),
        loops::scenarios(),
        many::scenarios(),
        memory::scenarios(),
        options::scenarios(),
        output::scenarios(),
        questions::scenarios(),
        references::scenarios(),
        scale::scenarios(),
        shared_object::scenarios(),
        survival::scenarios(),
        timeline::scenarios(),
        workers::scenarios(),
        waiting::scenarios(),
        cancelling::scenarios(),
        warehouse::scenarios(),
    ]
    .concat()
}

fn main() -> ExitCode {
    // A worker, a head of its own, and a scenario's program, know what they are from their environment.
    if let Some(exit) = heads::play(survival::roles()) {
        return exit;
    }
    if let Some(exit) = world::inside(&scenarios()) {
        return exit;
    }
    let filters: Vec<String> = env::args()
        .skip(1)
        .filter(|argument| !argument.starts_with('-'))
        .collect();
    let chosen =
        |scenario: &Scenario| filters.is_empty() || filters.iter().any(|filter| scenario.name.contains(filter));
    let mut chosen: Vec<Scenario> = scenarios().into_iter().filter(chosen).collect();
    if env::args().any(|argument| argument == "--list") {
        chosen.iter().for_each(|scenario| println!("{}: test", scenario.name));
        return ExitCode::SUCCESS;
    }
    chosen.reverse();
    let (queue, failed) = (Mutex::new(chosen), AtomicBool::new(false));
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                loop {
                    let Some(scenario) = queue.lock().unwrap().pop() else {
                        return;
                    };
                    let verdict = World::new(&scenario).run(&scenario);
                    match &verdict {
                        Ok(()) => println!("test {} ... ok", scenario.name),
                        Err(reason) => {
                            println!("test {} ... FAILED\n{reason}\n", scenario.name);
                            failed.store(true, Ordering::Relaxed);
                        }
                    }
                }
            });
        }
    });
    ExitCode::from(u8::from(failed.into_inner()))
}
