//! The types that the scenarios use.

use mosaic::prelude::*;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::{
    fs::{self, File, OpenOptions},
    io::Write,
    process::Command,
    thread,
};

#[tessera]
pub(crate) struct Counter {
    value: u64,
}

#[tessera]
impl Counter {
    fn new(value: u64) -> Self {
        Counter { value }
    }

    fn add(&mut self, n: u64) -> u64 {
        self.value += n;
        self.value
    }

    /// Adds a character to a file, which shows how often this ran.
    fn mark(&self, path: &str, mark: &str) -> u64 {
        let mut file = OpenOptions::new().create(true).append(true).open(path).unwrap();
        file.write_all(mark.as_bytes()).unwrap();
        self.value
    }

    fn log(&self, text: &str) {
        mosaic::debug!("debug {text}");
        mosaic::info!("info {text}");
        mosaic::warn!("warn {text}");
    }

    pub(crate) fn value(&self) -> u64 {
        self.value
    }

    fn pid(&self) -> u32 {
        std::process::id()
    }

    fn variables(&self) -> Vec<String> {
        std::env::vars().map(|(name, _)| name).collect()
    }

    /// Starts a child, and a grandchild that has left its session and its parent. Returns their pids, which go through
    /// the named pipe.
    fn start_programs(&self, pipe: &str) -> Vec<u32> {
        let script = "setsid sh -c 'echo $$; exec sleep 1000 >/dev/null' >\"$0\" &";
        let shell = Command::new("sh").args(["-c", script, pipe]).spawn();
        let grandchild = fs::read_to_string(pipe).unwrap();
        shell.unwrap().wait().unwrap();
        let mut child = Command::new("sleep").arg("1000").spawn().unwrap();
        let pids = vec![child.id(), grandchild.trim().parse().unwrap()];
        thread::spawn(move || child.wait());
        pids
    }

    /// Returns the CPUs that this worker may run on, as Linux writes them.
    fn cpus(&self) -> String {
        let status = fs::read_to_string("/proc/self/status").unwrap();
        let allowed = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"));
        allowed.unwrap().trim().to_owned()
    }

    fn variable(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }

    /// Waits until the other end is opened.
    fn meet_reading(&self, path: &str) {
        File::open(path).unwrap();
    }

    /// Waits until the other end is opened.
    fn meet_writing(&self, path: &str) -> u64 {
        OpenOptions::new().write(true).open(path).unwrap();
        self.value
    }

    fn fail(&mut self, message: &str) -> u64 {
        panic!("{message}");
    }

    fn print(&self, text: &str) {
        print!("{text}");
    }

    /// Prints a text, and then waits.
    fn print_and_meet(&self, text: &str, path: &str) {
        print!("{text}");
        File::open(path).unwrap();
    }

    /// Prints a text, and then asks the front end. Returns the answer, or why there is none.
    fn ask(&self, question: &str) -> Result<String, String> {
        print!("asking {question}");
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let answer = runtime.block_on(mosaic::__private::ask(question.as_bytes()));
        let answer = answer.map_err(|refusal| refusal.message)?;
        Ok(String::from_utf8(answer.to_vec()).unwrap())
    }

    /// Reports two steps, and waits between them.
    fn step(&self, path: &str) {
        let mut steps = mosaic::track(0..2);
        steps.next();
        steps.next();
        File::open(path).unwrap();
        steps.next();
    }

    fn print_error(&self, text: &str) {
        eprint!("{text}");
    }

    fn echo(&self, bytes: Vec<u8>) -> Vec<u8> {
        bytes
    }

    /// Returns a text of this number of bytes. Without optimisation, a text travels faster than a vector.
    fn text(&self, size: usize) -> String {
        "x".repeat(size)
    }

    fn length(&self, text: &str) -> usize {
        text.len()
    }

    fn sum(&self, bytes: &[u8]) -> u64 {
        bytes.iter().map(|byte| u64::from(*byte)).sum()
    }

    fn take(&self, odd: Odd) -> u8 {
        odd.0
    }

    fn give_stubborn(&self) -> Stubborn {
        Stubborn
    }
}

/// A type whose method calls another tessera, and does not ask what became of the call.
#[tessera]
pub(crate) struct Careless;

#[tessera]
impl Careless {
    fn new() -> Self {
        Careless
    }

    async fn forget(&self, counter: String) {
        let counter = Counter::attach(counter).await.unwrap();
        drop(counter.fail("in a method"));
        counter.add(1).await.unwrap();
    }
}

/// A type whose constructor panics.
#[tessera]
pub(crate) struct Stillborn;

#[tessera]
impl Stillborn {
    fn new(message: &str) -> Self {
        panic!("{message}");
    }

    fn idle(&self) {}
}

/// A type that removes a file when it is dropped.
#[tessera]
pub(crate) struct Keeper {
    path: String,
}

#[tessera]
impl Keeper {
    fn new(path: String) -> Self {
        File::create(&path).unwrap();
        Keeper { path }
    }

    fn idle(&self) {}
}

impl Drop for Keeper {
    fn drop(&mut self) {
        fs::remove_file(&self.path).unwrap();
    }
}

/// A value that can be encoded and never decoded.
#[derive(Serialize)]
pub(crate) struct Odd(pub(crate) u8);

impl<'de> Deserialize<'de> for Odd {
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Odd, D::Error> {
        Err(serde::de::Error::custom("too odd"))
    }
}

/// A value that cannot be encoded.
#[derive(Deserialize)]
pub(crate) struct Stubborn;

impl Serialize for Stubborn {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("too stubborn"))
    }
}

#[tessera]
pub(crate) struct Host;

#[tessera]
impl Host {
    fn new(_guest: Stubborn) -> Self {
        Host
    }

    fn idle(&self) {}
}

/// A tessera that is made again when its worker is lost.
#[tessera]
pub(crate) struct Phoenix {
    marks: String,
    calls: u64,
}

#[tessera(restarts = 2, max_retries = 1)]
impl Phoenix {
    fn new(marks: String) -> Self {
        Phoenix { marks, calls: 0 }
    }

    /// Counts the calls since the tessera was made, and leaves a mark for each.
    fn count(&mut self, mark: &str) -> u64 {
        self.calls += 1;
        let mut file = OpenOptions::new().create(true).append(true).open(&self.marks).unwrap();
        file.write_all(mark.as_bytes()).unwrap();
        self.calls
    }

    /// Ends the worker, the first time.
    fn burn(&mut self, once: &str) -> u64 {
        self.calls += 1;
        if fs::metadata(once).is_err() {
            File::create(once).unwrap();
            std::process::abort();
        }
        self.calls
    }

    /// Ends the worker, every time.
    fn burn_always(&mut self) {
        std::process::abort();
    }
}
