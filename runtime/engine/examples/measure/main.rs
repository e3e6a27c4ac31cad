//! Measures the runtime, for `cargo xtask bench runtime`. The argument is the name of a measurement. Each of its
//! figures is printed as a line of JSON. Times are in seconds.

mod machine;
mod spread;

use mosaic::prelude::*;
use ndarray::Array1;
use std::{
    env, fs,
    future::{Future, pending},
    io,
    time::{Duration, Instant},
};

/// The sizes of arrays, in MiB.
const SIZES: [usize; 3] = [4, 64, 256];
/// How long a short operation is repeated.
const LONG_ENOUGH: Duration = Duration::from_secs(1);
const PIPELINED: usize = 100_000;
const MANY: usize = 10_000;
const A_MILLION: usize = 1_000_000;

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

    fn echo_both(&self, both: (Array1<f32>, f32)) -> (Array1<f32>, f32) {
        both
    }

    fn make(&self, mebibytes: usize) -> Array1<f32> {
        array(mebibytes)
    }

    fn look(&self, array: &Array1<f32>) -> f32 {
        array[0] + array[array.len() - 1]
    }

    fn take(&self, array: Array1<f32>) -> f32 {
        array[0] + array[array.len() - 1]
    }
}

fn main() -> io::Result<()> {
    mosaic_engine::run(measure)
}

async fn measure() {
    let name = env::args().nth(1).unwrap_or_default();
    match name.as_str() {
        "machine" => {
            machine::ping_pong();
            machine::memcpy();
        }
        "start" => start().await,
        "calls" => calls(2, "").await,
        "wide" => calls(64, "_wide").await,
        "create" => create().await,
        "echo" => echo().await,
        "lent" => lent().await,
        "pass" => pass().await,
        "store" => store().await,
        "empty" => empty().await,
        "spread" => spread::spread(number(2, 64), number(3, 5)).await,
        "many" => many().await,
        "million" => million().await,
        "idle" => idle().await,
        name => eprintln!("no measurement is called {name:?}"),
    }
}

/// Prints a figure.
fn figure(name: &str, value: f64) {
    println!("{{\"name\": \"{name}\", \"value\": {value}}}");
}

/// Returns an argument of the program, or a default.
fn number(index: usize, otherwise: usize) -> usize {
    let number = env::args().nth(index).and_then(|number| number.parse().ok());
    number.unwrap_or(otherwise)
}

/// Returns an array of `f32` with this size.
fn array(mebibytes: usize) -> Array1<f32> {
    Array1::from_elem(mebibytes << 18, 1.0)
}

async fn on(workers: usize) {
    mosaic::interactive(On)
        .num_workers(workers)
        .await
        .expect("the workers start");
}

/// Runs an operation again and again, and returns the sorted times.
async fn times<F: Future>(mut run: impl FnMut() -> F) -> Vec<f64> {
    let (begun, mut times) = (Instant::now(), Vec::new());
    while times.len() < 5 || begun.elapsed() < LONG_ENOUGH {
        let before = Instant::now();
        let value = run().await;
        times.push(before.elapsed().as_secs_f64());
        // Dropping the result is not timed: the peers free their results later, too.
        drop(value);
    }
    times.sort_by(f64::total_cmp);
    times
}

async fn median<F: Future>(run: impl FnMut() -> F) -> f64 {
    median_of(times(run).await)
}

fn median_of(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

async fn start() {
    let before = Instant::now();
    on(2).await;
    Peer::remote().nothing().result().await.expect("it answers");
    figure("start", before.elapsed().as_secs_f64());
}

async fn calls(workers: usize, suffix: &str) {
    on(workers).await;
    let peers: Vec<_> = (0..workers).map(|_| Peer::remote()).collect();
    for peer in &peers {
        peer.nothing().result().await.expect("it answers");
    }
    let times = times(|| peers[0].nothing().result()).await;
    figure(&format!("call{suffix}"), times[times.len() / 2]);
    figure(&format!("call_p99{suffix}"), times[times.len() * 99 / 100]);
    for (name, peers) in [("pipelined_one", &peers[..1]), ("pipelined_all", &peers[..])] {
        let before = Instant::now();
        let tasks: Vec<_> = (0..PIPELINED).map(|i| peers[i % peers.len()].nothing()).collect();
        for task in &tasks {
            task.await.expect("it is done");
        }
        let rate = PIPELINED as f64 / before.elapsed().as_secs_f64();
        figure(&format!("{name}{suffix}"), rate);
    }
}

/// Makes calls one after another and nothing else, so that a profiler counts only these.
async fn empty() {
    on(1).await;
    let peer = Peer::remote();
    for _ in 0..number(2, MANY) {
        peer.nothing().result().await.expect("it answers");
    }
}

async fn create() {
    on(2).await;
    Peer::remote().nothing().result().await.expect("it answers");
    let create = || async {
        let peer = Peer::remote();
        peer.nothing().result().await.expect("it answers");
        peer
    };
    figure("create", median(create).await);
}

async fn echo() {
    on(2).await;
    let peer = Peer::remote();
    for size in SIZES {
        let array = array(size);
        let seconds = median(|| async { peer.echo(&array).result().await.expect("it answers") }).await;
        figure(&format!("echo_{size}"), seconds);
        let seconds = median(|| async { peer.echo(&array).view().await.expect("it answers") }).await;
        figure(&format!("echo_view_{size}"), seconds);
    }
    let both = (array(64), 1.0);
    let seconds = median(|| async { peer.echo_both(&both).result().await.expect("it answers") }).await;
    figure("echo_inside", seconds);
}

/// Measures methods that borrow an array: sent with the call, and stored before.
async fn lent() {
    on(2).await;
    let peer = Peer::remote();
    for size in SIZES {
        let array = array(size);
        let seconds = median(|| async { peer.look(&array).result().await.expect("it answers") }).await;
        figure(&format!("lent_{size}"), seconds);
    }
    let stored = mosaic::put(&array(256)).await.expect("it is stored");
    let seconds = median(|| async { peer.look(&stored).result().await.expect("it answers") }).await;
    figure("lent_stored", seconds);
}

/// Measures passing the result of one tessera to another one on the same worker.
async fn pass() {
    on(1).await;
    let (a, b) = (Peer::remote(), Peer::remote());
    let made = a.make(64).await.expect("it is made");
    let look = median(|| async { b.look(&made).result().await.expect("it answers") }).await;
    figure("pass_lent", look);
    let take = median(|| async { b.take(&made).result().await.expect("it answers") }).await;
    figure("pass_owned", take);
}

async fn store() {
    on(2).await;
    let array = array(256);
    let put = median(|| async { mosaic::put(&array).await.expect("it is stored") }).await;
    figure("put", gigabytes_a_second(put));
    let stored = mosaic::put(&array).await.expect("it is stored");
    let get = median(|| async { stored.get().await.expect("it is there") }).await;
    figure("get", gigabytes_a_second(get));
    let view = median(|| async { stored.view().await.expect("it is there") }).await;
    figure("get_view", view);
}

fn gigabytes_a_second(seconds: f64) -> f64 {
    f64::from(256 << 20) / 1e9 / seconds
}

async fn many() {
    on(2).await;
    Peer::remote().nothing().result().await.expect("it answers");
    let before = Instant::now();
    let peers: Vec<_> = (0..MANY).map(|_| Peer::remote()).collect();
    let tasks: Vec<_> = peers.iter().map(|peer| peer.nothing()).collect();
    for task in &tasks {
        task.await.expect("it is done");
    }
    figure("many", before.elapsed().as_secs_f64());
}

/// Measures a million calls on two tesserae, or on the number that the argument says.
async fn million() {
    on(2).await;
    let peers: Vec<_> = (0..number(2, 2)).map(|_| Peer::remote()).collect();
    for peer in &peers {
        peer.nothing().result().await.expect("it answers");
    }
    let (resident, before) = (resident_bytes(), Instant::now());
    let tasks: Vec<_> = (0..A_MILLION).map(|i| peers[i % peers.len()].nothing()).collect();
    let grown = resident_bytes() - resident;
    for task in &tasks {
        task.await.expect("it is done");
    }
    figure("million", before.elapsed().as_secs_f64());
    figure("million_bytes", grown / A_MILLION as f64);
}

/// Returns the resident memory of this process, in bytes.
fn resident_bytes() -> f64 {
    bytes_in("/proc/self/status", "VmRSS:")
}

/// Reads a number of kilobytes from a file of Linux, and returns it in bytes.
fn bytes_in(path: &str, name: &str) -> f64 {
    let text = fs::read_to_string(path).expect("Linux says it");
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let kibibytes = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<f64>().ok());
    kibibytes.expect("a number of kB") * 1024.0
}

/// Prints the proportional memory of this process, starts the runtime, and waits, so that all processes can be
/// measured.
async fn idle() {
    figure("before", bytes_in("/proc/self/smaps_rollup", "Pss:"));
    on(2).await;
    for peer in [Peer::remote(), Peer::remote()] {
        peer.nothing().result().await.expect("it answers");
    }
    println!("idle");
    pending().await
}
