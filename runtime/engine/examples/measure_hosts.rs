//! Measures the runtime on several hosts, for `cargo xtask bench hosts`. `MOSAIC_ON` names two hosts, and the argument
//! is the name of a measurement. Each of its figures is printed as a line of JSON. Times are in seconds.

use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};
use mosaic::{State, prelude::*};
use mosaic_abi::{GUEST_ENTRY, GuestEntry};
use mosaic_engine::HeadOptions;
use ndarray::Array1;
use std::{
    env, fs,
    future::Future,
    io,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

/// The sizes of arrays, in MiB.
const SIZES: [usize; 3] = [1, 64, 256];
/// The size of the array that flows while calls are measured, in MiB.
const FLOW: usize = 1024;
/// How often that array flows.
const FLOWS: usize = 3;
/// How long a short operation is repeated.
const LONG_ENOUGH: Duration = Duration::from_secs(1);
/// How often an operation is repeated that is long, or that needs preparation.
const OFTEN_ENOUGH: usize = 5;
/// How often new code is sent.
const NEW_OBJECTS: usize = 7;
const PIPELINED: usize = 100_000;

type Proxy = <Peer as mosaic::Actor>::Proxy;

#[tessera]
struct Peer {}

#[tessera]
impl Peer {
    fn new() -> Self {
        Peer {}
    }

    fn nothing(&self) {}

    fn echo(&self, array: Array1<f32>) -> Array1<f32> {
        array
    }

    fn make(&self, mebibytes: usize) -> Array1<f32> {
        array(mebibytes)
    }

    fn look(&self, array: &Array1<f32>) -> f32 {
        array[0] + array[array.len() - 1]
    }
}

fn main() -> io::Result<()> {
    mosaic_engine::run(measure)
}

async fn measure() {
    let begun = Instant::now();
    mosaic::interactive(On).num_workers(1).await.expect("the workers start");
    let (one, two) = (on_host(0).await, on_host(1).await);
    let name = env::args().nth(1).unwrap_or_default();
    match name.as_str() {
        "start" => figure("start", begun.elapsed().as_secs_f64()),
        "calls" => calls(&[one, two]).await,
        "echo" => echo(&one).await,
        "between" => between(&one, &two).await,
        "flow" => flow(&one).await,
        "code" => code().await,
        name => eprintln!("no measurement is called {name:?}"),
    }
}

/// Prints a figure.
fn figure(name: &str, value: f64) {
    println!("{{\"name\": \"{name}\", \"value\": {value}}}");
}

/// Returns an array of `f32` with this size.
fn array(mebibytes: usize) -> Array1<f32> {
    Array1::from_elem(mebibytes << 18, 1.0)
}

/// Creates a tessera on the only worker of a host, and waits until it has answered.
async fn on_host(number: usize) -> Proxy {
    let options = Options::new().worker(format!("worker:{number}:0"));
    let peer = Peer::with(options).remote();
    peer.nothing().result().await.expect("it answers");
    peer
}

/// Returns how long an operation takes, in seconds. A call is sent before its future is first polled, so the clock starts
/// before the future is made.
async fn seconds<F: Future>(operation: impl FnOnce() -> F) -> f64 {
    let before = Instant::now();
    let value = operation().await;
    let seconds = before.elapsed().as_secs_f64();
    // Dropping the value is not timed: Ray frees its results later, too.
    drop(value);
    seconds
}

/// Runs an operation again and again, and returns the times.
async fn times<F: Future>(mut run: impl FnMut() -> F) -> Vec<f64> {
    let (begun, mut times) = (Instant::now(), Vec::new());
    while times.len() < OFTEN_ENOUGH || begun.elapsed() < LONG_ENOUGH {
        times.push(seconds(&mut run).await);
    }
    times
}

/// Returns the value below which this fraction of the times lies.
fn quantile(times: &mut [f64], fraction: f64) -> f64 {
    times.sort_by(f64::total_cmp);
    times[((times.len() - 1) as f64 * fraction) as usize]
}

async fn calls(peers: &[Proxy]) {
    let mut times = times(|| peers[0].nothing().result()).await;
    figure("call", quantile(&mut times, 0.5));
    figure("call_p99", quantile(&mut times, 0.99));
    for (name, peers) in [("pipelined_one", &peers[..1]), ("pipelined_all", peers)] {
        let before = Instant::now();
        let tasks: Vec<_> = (0..PIPELINED).map(|i| peers[i % peers.len()].nothing()).collect();
        for task in &tasks {
            task.await.expect("it is done");
        }
        figure(name, PIPELINED as f64 / before.elapsed().as_secs_f64());
    }
}

/// Measures arrays that go to a host and come back.
async fn echo(peer: &Proxy) {
    for size in SIZES {
        let array = array(size);
        let mut owned = times(|| async { peer.echo(&array).result().await.expect("it answers") }).await;
        figure(&format!("echo_{size}"), quantile(&mut owned, 0.5));
        let mut viewed = times(|| async { peer.echo(&array).view().await.expect("it answers") }).await;
        figure(&format!("echo_view_{size}"), quantile(&mut viewed, 0.5));
    }
}

/// Measures results of one host that are arguments on the other one.
async fn between(from: &Proxy, to: &Proxy) {
    for size in SIZES {
        let mut times = Vec::new();
        for _ in 0..OFTEN_ENOUGH {
            // A new value each time, because a host may keep what it has fetched.
            let made = from.make(size).await.expect("it is made");
            times.push(seconds(|| async { to.look(&made).result().await.expect("it answers") }).await);
        }
        figure(&format!("between_{size}"), quantile(&mut times, 0.5));
    }
}

/// Measures calls while a large array goes to the same worker.
async fn flow(peer: &Proxy) {
    let (other, large) = (on_host(0).await, array(FLOW));
    let (mut flows, mut calls) = (Vec::new(), Vec::new());
    for _ in 0..FLOWS {
        let before = Instant::now();
        let flowing = other.look(&large);
        while !matches!(flowing.state(), State::Done | State::Failed) {
            calls.push(seconds(|| peer.nothing().result()).await);
        }
        flows.push(before.elapsed().as_secs_f64());
        flowing.result().await.expect("it has arrived");
    }
    figure("flow", quantile(&mut flows, 0.5));
    figure("flow_call", quantile(&mut calls, 0.5));
    figure("flow_call_p99", quantile(&mut calls, 0.99));
}

/// Measures the first calls of functions whose shared objects no host has: copies of one object, each with another end,
/// so that each has another hash.
async fn code() {
    let program = env::current_exe().expect("Linux says it");
    let content = fs::read(program.with_file_name("libguest.so")).expect("cargo has built the example `guest`");
    let directory = PathBuf::from(format!("/tmp/measure-hosts-{}", std::process::id()));
    fs::create_dir(&directory).expect("the directory is new");
    let mut times = Vec::new();
    for number in 0..NEW_OBJECTS {
        let object = directory.join(format!("libguest{number}.so"));
        let end = u64::try_from(number).unwrap_or_default().to_le_bytes();
        fs::write(&object, [&content[..], &end].concat()).expect("there is room");
        let greet = load(&object);
        times.push(seconds(|| async { greet("world").result().await.expect("it answers") }).await);
    }
    fs::remove_dir_all(&directory).expect("the directory is ours");
    figure("code", quantile(&mut times, 0.5));
}

/// Loads a shared object as the host of a notebook does, and returns its function `greet`.
fn load(object: &Path) -> extern "Rust" fn(&str) -> TaskProxy<String> {
    unsafe extern "C" fn cell_event(_: mosaic_abi::CellEvent, _: mosaic_abi::Slice, _: mosaic_abi::Slice) {}
    // The head exists already: this only returns its table.
    let host = mosaic_engine::install_head(HeadOptions {
        monitor: PathBuf::new(),
        cell_event,
        ask: drop,
    })
    .expect("there is a head");
    // SAFETY: the object has only the initialisers of the standard library.
    let guest = unsafe { Library::open(Some(object), RTLD_NOW | RTLD_LOCAL) }.expect("it can be loaded");
    // SAFETY: the symbols have these types, since the object comes from the same build as this program.
    let greet = unsafe {
        guest.get::<GuestEntry>(GUEST_ENTRY).expect("a guest has it")(host);
        *guest
            .get::<extern "Rust" fn(&str) -> TaskProxy<String>>("greet")
            .expect("this guest has it")
    };
    // The object stays loaded: the function is its code.
    std::mem::forget(guest);
    greet
}
