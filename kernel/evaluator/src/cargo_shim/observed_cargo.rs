//! Runs cargo and tells the kernel how far it is, by the progress bar that cargo draws on its standard error.

use crate::{
    evcxr_text::markers::CELL_CRATE,
    session::{
        build_progress::{BuildProgress, Reporter},
        environment::active_shim,
    },
};
use anyhow::{Context, Result};
use std::{
    io::{ErrorKind, Read},
    process::{Command, Output, Stdio},
    sync::mpsc::{self, Receiver, RecvTimeoutError},
    thread,
    time::{Duration, Instant},
};

/// Has cargo draw its bar though nobody sees it, wide enough for the names of all crates that it compiles at once.
const DRAW_PROGRESS: [&str; 4] = [
    "--config",
    "term.progress.when='always'",
    "--config",
    "term.progress.width=400",
];
/// Begins the bar of crates that are compiled, behind its indentation.
const BAR: &str = "Building [";
/// What takes less time is not told.
const WORTH_TELLING: Duration = Duration::from_secs(2);
/// The kernel is told no more often.
const BETWEEN_REPORTS: Duration = Duration::from_millis(500);

/// Runs cargo, and returns what it has printed without its progress bar.
///
/// # Errors
///
/// cargo cannot be run, or its output cannot be read.
pub(super) fn run(mut cargo: Command) -> Result<Output> {
    let mut build = Build::new(active_shim().and_then(|shim| Reporter::new(shim.parent()?)));
    cargo.args(DRAW_PROGRESS).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = cargo.spawn().context("cannot run cargo")?;
    let stdout = read_in_thread(child.stdout.take());
    let stderr = read_in_thread(child.stderr.take());
    loop {
        match stderr.recv_timeout(BETWEEN_REPORTS) {
            Ok(read) => read.into_iter().for_each(|byte| build.take(byte)),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
        build.tell(false);
    }
    let status = child.wait().context("cannot run cargo")?;
    build.end(status.success());
    Ok(Output {
        status,
        stdout: stdout.into_iter().flatten().collect(),
        stderr: build.messages,
    })
}

/// Reads a pipe to its end on a thread of its own, which sends what it has read.
fn read_in_thread(pipe: Option<impl Read + Send + 'static>) -> Receiver<Vec<u8>> {
    let (sender, received) = mpsc::channel();
    thread::spawn(move || {
        let mut pipe = pipe?;
        let mut buffer = [0; 8192];
        loop {
            match pipe.read(&mut buffer) {
                Ok(0) => return None,
                Ok(length) => sender.send(buffer[..length].to_vec()).ok()?,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return None::<()>,
            }
        }
    });
    received
}

/// A build under way.
struct Build {
    reporter: Option<Reporter>,
    begun: Instant,
    /// How far cargo was last, and how far it has to go.
    last: Option<(u64, u64)>,
    /// How many crates cargo has begun to compile, apart from the cell.
    compiled: u64,
    /// The crates that cargo compiles just now.
    current: String,
    /// When the kernel was last told, if it was.
    told: Option<Instant>,
    /// What cargo has said on this line, apart from states of the bar.
    line: Vec<u8>,
    has_bar: bool,
    messages: Vec<u8>,
}

impl Build {
    fn new(reporter: Option<Reporter>) -> Build {
        Build {
            reporter,
            begun: Instant::now(),
            last: None,
            compiled: 0,
            current: String::new(),
            told: None,
            line: Vec::new(),
            has_bar: false,
            messages: Vec::new(),
        }
    }

    /// Takes one byte of what cargo says. A carriage return ends a state of the bar, a new line ends a message.
    fn take(&mut self, byte: u8) {
        match byte {
            b'\r' => {
                let state = read_bar(&self.line);
                self.line.clear();
                self.has_bar = true;
                if let Some((done, total, current)) = state {
                    self.last = Some((done, total));
                    self.current = current;
                }
            }
            b'\n' => {
                self.compiled += u64::from(is_of_a_crate(&self.line));
                // Behind the last state of the bar there may be no message.
                if !self.has_bar || !self.line.is_empty() {
                    self.messages.append(&mut self.line);
                    self.messages.push(b'\n');
                }
                self.has_bar = false;
            }
            _ => self.line.push(byte),
        }
    }

    fn end(&mut self, all: bool) {
        self.messages.append(&mut self.line);
        if let Some((done, total)) = self.last.as_mut() {
            // cargo draws no bar when it is done.
            *done = if all { *total } else { *done };
        }
        if self.told.is_some() {
            self.tell(true);
        }
    }

    /// Tells the kernel how far the build is, if that is of interest.
    fn tell(&mut self, ended: bool) {
        let (Some(reporter), Some((done, total))) = (&self.reporter, self.last) else {
            return;
        };
        let is_new = ended || self.told.is_none_or(|told| told.elapsed() >= BETWEEN_REPORTS);
        if !is_new || self.compiled == 0 || self.begun.elapsed() < WORTH_TELLING {
            return;
        }
        self.told = Some(Instant::now());
        // The last one is the cell.
        let total = total.saturating_sub(1);
        reporter.tell(&BuildProgress {
            build: std::process::id(),
            done: done.min(total),
            total,
            compiled: self.compiled,
            current: self.current.replace(&format!(", {CELL_CRATE}"), ""),
            elapsed: self.begun.elapsed(),
            ended,
        });
    }
}

/// Reports whether cargo says that it compiles a crate, such as `   Compiling serde v1.0.229`, and not the cell.
fn is_of_a_crate(message: &[u8]) -> bool {
    let message = String::from_utf8_lossy(message);
    let mut words = message.split_whitespace();
    words.next() == Some("Compiling") && words.next().is_some_and(|name| name != CELL_CRATE)
}

/// Reads a state of the bar, such as `Building [===>    ] 3/13: serde, serde_json(build)`.
fn read_bar(bar: &[u8]) -> Option<(u64, u64, String)> {
    let bar = std::str::from_utf8(bar).ok()?;
    let (_, rest) = bar.trim_start().strip_prefix(BAR)?.split_once(']')?;
    let (counts, current) = rest.split_once(':').unwrap_or((rest, ""));
    let (done, total) = counts.trim().split_once('/')?;
    Some((done.parse().ok()?, total.parse().ok()?, current.trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_is_taken_out_of_what_cargo_says() {
        let mut build = Build::new(None);
        let said = "    Updating crates.io index\n  Downloading 2 crates  \r  Downloaded a v1.0.0\n\
                    \x20   Building [     ] 0/13: zmij(build.rs)   \r   Compiling serde_core v1.0.229\n\
                    \x20   Building [=>   ] 1/13: zmij(build), a  \r    Building [===>  ] 9/13   \rerror: no\n\n  | ä\n\
                    \x20   Building [===>  ] 9/13   \r\n";
        said.bytes().for_each(|byte| build.take(byte));
        assert_eq!(
            String::from_utf8(build.messages.clone()).unwrap(),
            "    Updating crates.io index\n  Downloaded a v1.0.0\n   Compiling serde_core v1.0.229\nerror: no\n\n  | ä\n"
        );
        assert_eq!((build.last, build.compiled), (Some((9, 13)), 1));
        build.end(false);
        assert_eq!(build.last, Some((9, 13)));
        build.end(true);
        assert_eq!(build.last, Some((13, 13)));
    }

    #[test]
    fn bars_are_read() {
        for (bar, expected) in [
            ("    Building [=>  ] 1/13: a(build), b  ", Some((1, 13, "a(build), b"))),
            ("Building [====] 12/12", Some((12, 12, ""))),
            ("    Building [=>  ] 1/x: a", None),
            ("   Compiling a v1.0.0", None),
        ] {
            let expected = expected.map(|(done, total, current)| (done, total, current.to_owned()));
            assert_eq!(read_bar(bar.as_bytes()), expected, "{bar}");
        }
    }
}
