//! A worker: a process that holds tesserae and the results of their tasks.
//!
//! One thread does all I/O and keeps all books. Constructors, methods and destructors run on other threads, so that a busy
//! method holds nothing up but its own tessera.
//!
//! - `serve`: connections of heads and other workers.
//! - `site`: what the worker has, and what it does with it.
//! - `tessera`: one tessera: its calls, in order.
//! - `streak`: short calls of one tessera, done in a row by one thread.
//! - `pending`: calls of async methods, which are gone on with when they are woken.
//! - `running`: what has begun and not ended; no I/O.
//! - `run`: functions that run by themselves, and running again what panicked.
//! - `gate`: how many jobs run at once, and when none may begin.
//! - `inputs`: what a job needs, which may still be on its way.
//! - `residents`: the tesserae, and who owns them; no I/O.
//! - `stock`: the results of tasks, and who waits for them; no I/O.
//! - `peers`: fetching results from other workers.
//! - `wares`: the stored values that are used here.
//! - `module`, `object`: the code of tesserae and calling it.
//! - `current`: what a thread executes.
//! - `local`: a worker within the head's process.
//! - `host`: what that code may ask of this process, which is a head as well.
//! - `settings`: what the hub tells a worker that it starts.
//! - `output`: having the worker's output seen in time.

mod current;
mod gate;
mod host;
mod inputs;
mod local;
mod module;
mod object;
mod output;
mod peers;
mod pending;
mod residents;
mod run;
mod running;
mod serve;
mod settings;
mod site;
mod stock;
mod streak;
mod tessera;
mod wares;

use crate::{
    affinity, log,
    warehouse::Shelves,
    wire::{self, Frame, FromHub, Peer, Place, Sender, ToHub},
};
pub(crate) use current::{is_any_executing, is_executing, progress, reporter};
pub(crate) use local::{LOCAL, Local, local_address};
pub(crate) use settings::Settings;
use site::Site;
use std::{fs, io, path::Path, process, rc::Rc};
use tokio::{
    net::{UnixListener, UnixStream},
    task::{LocalSet, spawn_local},
};

/// More threads than a worker's jobs and destructors ever need at once: `gate` limits the jobs.
const MOST_THREADS: usize = 4096;
/// Who reads what a worker writes puts its name before each line.
const THE_READER_NAMES_IT: &str = "";
/// The stack of a method, as large as a main thread's usually is.
const STACK: usize = 8 << 20;

/// Whether this process was started by a hub as a worker.
pub(crate) fn is_worker() -> bool {
    Settings::are_given()
}

/// Runs this process as a worker, as a hub started it, until the hub ends it or ends.
///
/// It must be called while the process has no other thread yet.
///
/// # Panics
///
/// Never; a worker that cannot start says why on standard error and ends with exit code 1.
///
/// # Examples
///
/// ```no_run
/// if std::env::args().nth(1).as_deref() == Some("worker") {
///     mosaic_engine::worker_main();
/// }
/// ```
pub fn worker_main() -> ! {
    let ended = run();
    if let Err(error) = ended {
        eprintln!("the worker cannot run: {error}");
    }
    process::exit(1)
}

/// What a worker runs in: its I/O on the thread that enters it, its methods on others.
fn runtime() -> io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(MOST_THREADS)
        .thread_stack_size(STACK)
        .thread_name("mosaic-method")
        .build()
}

fn run() -> io::Result<()> {
    let runtime = runtime()?;
    // SAFETY: no other thread runs yet that could read the environment: the runtime starts its threads when they are
    // needed, and `worker_main` asks its callers to have started none.
    let settings = unsafe { Settings::take() }?;
    log::set(settings.log);
    log::start(THE_READER_NAMES_IT);
    affinity::pin(&settings.cpus)?;
    LocalSet::new().block_on(&runtime, work(settings))
}

async fn work(settings: Settings) -> io::Result<()> {
    let Settings { uid, hub, .. } = settings.clone();
    let address = hub.with_file_name(format!("{}.sock", uid.replace(':', "-")));
    let (sender, mut lifeline, _) = wire::connect(UnixStream::connect(&hub).await?)?;
    let listener = UnixListener::bind(&address)?;
    let place = Place {
        uid: uid.clone(),
        address: address.clone(),
    };
    let site = Rc::new(Site::new(&settings, host::host(&uid, hub.clone()))?);
    host::ask_hub(sender.clone(), site.output.clone());
    spawn_local(gate::report(site.gate.clone(), sender.clone()));
    spawn_local(serve::accept(site.clone(), listener));
    sender.send(ToHub::Hello(Peer::Worker(place)));
    while let Ok(Some(frame)) = lifeline.receive::<FromHub>().await {
        obey(&site, &sender, frame, &address);
    }
    // The hub is gone, however that happened: nothing here is of use to anyone any more, and no method is waited for.
    leave(&address, &hub, site.wares.shelves());
    end(1)
}

/// Does what the hub says.
fn obey(site: &Rc<Site>, hub: &Sender<ToHub>, frame: Frame<FromHub>, address: &Path) {
    let Frame { message, payloads } = frame;
    let (site, hub, address) = (site.clone(), hub.clone(), address.to_owned());
    match message {
        FromHub::HeadEnded { head } => {
            spawn_local(async move {
                site.drain(head).await;
                hub.send(ToHub::Drained { head });
            });
        }
        FromHub::Forget { ware } => site.wares.forget(ware),
        FromHub::HeadSettled { head } => site.stock.borrow_mut().settle(head),
        FromHub::Answer { question, outcome } => {
            let answer = payloads.into_iter().next().unwrap_or_default();
            host::answered(question, outcome.map(|()| answer.to_vec()));
        }
        FromHub::Proceed => site.gate.proceed(),
        FromHub::Retire => {
            spawn_local(async move {
                site.finish_all().await;
                site.close().await;
                let _ = fs::remove_file(&address);
                end(0);
            });
        }
        FromHub::Exit => {
            spawn_local(async move {
                site.close().await;
                let _ = fs::remove_file(&address);
                end(0);
            });
        }
        message => tracing::warn!(?message, "the hub told a worker what is for heads"),
    }
}

/// Removes what a hub that was killed could not: its stored values, and the last worker removes the directory.
fn leave(address: &Path, hub: &Path, shelves: &Shelves) {
    shelves.clear();
    let _ = fs::remove_file(address);
    let _ = fs::remove_file(hub);
    if let Some(run_dir) = hub.parent() {
        for left in fs::read_dir(run_dir).into_iter().flatten().flatten() {
            if left.file_name().to_string_lossy().starts_with("head-") {
                let _ = fs::remove_file(left.path());
            }
        }
        let _ = fs::remove_dir(run_dir);
    }
}

/// Ends the process although methods may be running.
fn end(code: i32) -> ! {
    // SAFETY: `_exit` takes any code and does not return. Unlike `exit` it runs no handlers, which could wait for or pull
    // memory from under a method that is still running; whatever had to be flushed or removed was, by the callers.
    unsafe { libc::_exit(code) }
}
