//! Programs with real workers. Each scenario is a process of its own, with a directory of its own for sockets. It fails
//! if it leaves a process, a file or a socket behind.

mod arrays;
mod async_methods;
mod calls;
mod cancelling;
mod descriptors;
mod destructors;
mod failing;
mod freeing;
mod functions;
mod futures;
mod heads;
mod in_flight;
mod lifecycle;
mod load;
mod local;
mod log;
mod loops;
mod memory;
mod options;
mod output;
mod proxy_arrays;
mod questions;
mod scale;
mod shared_object;
mod survival;
mod tesserae;
mod timeline;
mod values;
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
        async_methods::scenarios(),
        calls::scenarios(),
        cancelling::scenarios(),
        descriptors::scenarios(),
        destructors::scenarios(),
        failing::scenarios(),
        freeing::scenarios(),
        functions::scenarios(),
        futures::scenarios(),
        in_flight::scenarios(),
        lifecycle::scenarios(),
        load::scenarios(),
        local::scenarios(),
        log::scenarios(),
        loops::scenarios(),
        memory::scenarios(),
        options::scenarios(),
        output::scenarios(),
        proxy_arrays::scenarios(),
        questions::scenarios(),
        scale::scenarios(),
        shared_object::scenarios(),
        survival::scenarios(),
        timeline::scenarios(),
        values::scenarios(),
        warehouse::scenarios(),
        workers::scenarios(),
    ]
    .concat()
}

fn main() -> ExitCode {
    // The environment tells this process whether it is a worker, a head, or the program of a scenario.
    if let Some(exit) = heads::play(survival::roles()) {
        return exit;
    }
    if let Some(exit) = world::inside(&scenarios()) {
        return exit;
    }
    let (wanted, skipped) = filters();
    let chosen = |scenario: &Scenario| {
        let matches = |filter: &String| scenario.name.contains(filter);
        (wanted.is_empty() || wanted.iter().any(matches)) && !skipped.iter().any(matches)
    };
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

/// Returns the parts of names that are wanted, and those after `--skip`, as libtest has them.
fn filters() -> (Vec<String>, Vec<String>) {
    let (mut wanted, mut skipped) = (Vec::new(), Vec::new());
    let mut arguments = env::args().skip(1);
    while let Some(argument) = arguments.next() {
        if argument == "--skip" {
            skipped.extend(arguments.next());
        } else if !argument.starts_with('-') {
            wanted.push(argument);
        }
    }
    (wanted, skipped)
}
