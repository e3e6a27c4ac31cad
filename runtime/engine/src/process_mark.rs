//! Finds and ends the processes that a kernel or a program has started, with everything that these have started.
//!
//! Each process gets a *mark* in its environment. A process inherits the environment of whoever starts it. So a mark
//! stays in grandchildren, after a double fork, and in a process that has left its process group or its session. No
//! privilege and no help of the process is needed, as a cgroup or a common parent would need. A child that has cleared
//! its environment has no mark, and is found by its parent as long as the parent lives.
//!
//! The variable holds all marks of a process, the outermost first: a cell may start another kernel, and then both
//! kernels find the processes of the inner one.

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
    process::{
        Pid, PidfdFlags, Signal, WaitId, WaitIdOptions, getpid, kill_process, pidfd_open, pidfd_send_signal, waitid,
    },
};
use std::{
    collections::BTreeMap,
    env,
    ffi::OsString,
    fs,
    os::fd::OwnedFd,
    path::Path,
    thread,
    time::{Duration, Instant},
};

/// The environment variable that holds the marks, each behind a [`SEPARATOR`].
const VARIABLE: &str = "MOSAIC_STARTED_BY";
/// Stands between marks.
const SEPARATOR: u8 = b',';

/// How long a process has to end by itself after SIGTERM.
const GRACE: Duration = Duration::from_millis(300);
/// How long processes may take to end after SIGKILL, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(2);
/// The pause between two looks for processes whose end nothing reports.
const STEP: Duration = Duration::from_millis(10);

/// The mark of the processes that one kernel or program starts, or of a part of them.
///
/// A mark is a path, such as `mosaic-x7Rk2a/workers/1/`. A process belongs to a mark if one of its own marks begins
/// with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcessMark(String);

impl ProcessMark {
    /// Returns the mark of all processes of the kernel or program with this run directory, whose name is unique.
    pub fn of_run(run_dir: &Path) -> ProcessMark {
        let name = run_dir.file_name().unwrap_or(run_dir.as_os_str());
        ProcessMark(format!("{}/", name.to_string_lossy()))
    }

    /// Returns the innermost mark of this process, if it has one.
    pub fn of_this_process() -> Option<ProcessMark> {
        let marks = env::var(VARIABLE).ok()?;
        let last = marks.rsplit(char::from(SEPARATOR)).next();
        last.filter(|mark| !mark.is_empty())
            .map(|mark| ProcessMark(mark.to_owned()))
    }

    /// Returns the mark of a part of these processes.
    pub fn part(&self, name: &str) -> ProcessMark {
        ProcessMark(format!("{}{name}/", self.0))
    }

    /// Returns the name and the value of the variable that a process gets which is started under this mark.
    pub fn variable(&self) -> (&'static str, OsString) {
        let mut value = env::var_os(VARIABLE).unwrap_or_default();
        if !value.is_empty() {
            value.push(",");
        }
        value.push(&self.0);
        (VARIABLE, value)
    }

    /// Finds the processes of the mark that run now, and their descendants, without this process.
    pub fn find(&self) -> MarkedProcesses {
        MarkedProcesses(open(self.scan()))
    }

    /// Finds the processes of the mark that run now, without this process and its children. So it leaves out a cell
    /// process or a worker, and finds what that has started.
    pub fn find_grandchildren(&self) -> MarkedProcesses {
        let mut found = self.scan();
        let this = getpid().as_raw_nonzero().get();
        found.retain(|_, process| process.parent != this);
        MarkedProcesses(open(found))
    }

    /// Kills the processes of the mark that run now. Returns whether there was one. A process that is started meanwhile
    /// is found by the next call.
    pub fn kill(&self) -> bool {
        let found = self.find();
        found.send(Signal::KILL);
        !found.0.is_empty()
    }

    /// Ends the processes of the mark: with SIGTERM first, then with SIGKILL. Returns when there is none, after some
    /// seconds at most.
    pub fn end(&self) {
        self.end_found(self.find(), ProcessMark::find);
    }

    /// Ends the processes of the mark like [`ProcessMark::end`], except children of this process.
    pub fn end_grandchildren(&self) {
        self.end_found(self.find_grandchildren(), ProcessMark::find_grandchildren);
    }

    fn end_found(&self, found: MarkedProcesses, find: fn(&ProcessMark) -> MarkedProcesses) {
        found.end();
        let begun = Instant::now();
        loop {
            let mut left = find(self);
            if left.0.is_empty() || begun.elapsed() > PATIENCE {
                return;
            }
            left.send(Signal::KILL);
            left.retain_running(STEP);
        }
    }

    /// Lists the processes of the mark and their descendants, by pid.
    fn scan(&self) -> BTreeMap<i32, Process> {
        let mut all = all_processes();
        let mut belonging: Vec<i32> = all.keys().copied().filter(|pid| self.is_in(*pid)).collect();
        let mut children = BTreeMap::<i32, Vec<i32>>::new();
        for (pid, process) in &all {
            children.entry(process.parent).or_default().push(*pid);
        }
        let mut found = BTreeMap::new();
        while let Some(pid) = belonging.pop() {
            // A process is taken out once, so pids that are used again cannot make this endless.
            if let Some(process) = all.remove(&pid) {
                belonging.extend(children.remove(&pid).unwrap_or_default());
                found.insert(pid, process);
            }
        }
        found.remove(&getpid().as_raw_nonzero().get());
        found
    }

    /// Returns whether a process has the mark. The environment of another user's process cannot be read.
    fn is_in(&self, pid: i32) -> bool {
        let variables = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        let mut variables = variables.split(|byte| *byte == 0);
        let value = variables.find_map(|variable| {
            variable
                .strip_prefix(VARIABLE.as_bytes())
                .and_then(|rest| rest.strip_prefix(b"="))
        });
        let mut marks = value.unwrap_or_default().split(|byte| *byte == SEPARATOR);
        marks.any(|mark| mark.starts_with(self.0.as_bytes()))
    }
}

/// Returns whether this process has a child that runs, or that it has not waited for.
pub(crate) fn has_children() -> bool {
    let any = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    !matches!(waitid(WaitId::All, any), Err(Errno::CHILD))
}

/// Processes that were found by their mark.
#[derive(Debug)]
pub struct MarkedProcesses(Vec<Found>);

impl MarkedProcesses {
    /// Ends these processes, with SIGTERM first and then with SIGKILL.
    pub fn end(mut self) {
        for signal in [Signal::TERM, Signal::KILL] {
            if self.0.is_empty() {
                return;
            }
            tracing::debug!("sending {signal:?} to {} processes", self.0.len());
            self.send(signal);
            self.retain_running(GRACE);
        }
    }

    /// Waits until all of these processes have ended by themselves, or the time is over.
    pub fn wait(mut self, time: Duration) {
        self.retain_running(time);
    }

    fn send(&self, signal: Signal) {
        self.0.iter().for_each(|process| process.send(signal));
    }

    /// Waits until all processes have ended, or the time is over. Keeps those that have not ended.
    fn retain_running(&mut self, time: Duration) {
        let end = Instant::now() + time;
        while !self.0.is_empty() && Instant::now() < end {
            // A pidfd is readable once its process has ended.
            let handles = self.0.iter().filter_map(|process| process.handle.as_ref());
            let mut ends: Vec<PollFd<'_>> = handles.map(|it| PollFd::new(it, PollFlags::IN)).collect();
            let left = end.saturating_duration_since(Instant::now());
            // Nothing reports the end of a process without a handle.
            let step = if ends.len() == self.0.len() {
                left
            } else {
                left.min(STEP)
            };
            if poll(&mut ends, Timespec::try_from(step).ok().as_ref()).is_err() {
                thread::sleep(STEP.min(left));
            }
            self.0.retain(Found::runs);
        }
    }
}

/// A process that was found.
#[derive(Debug)]
struct Found {
    pid: Pid,
    /// When the process was started; see [`Process::started`].
    started: u64,
    /// A pidfd, which keeps naming the process when its pid is used again. `None` on a system without pidfds, and if
    /// this process has no descriptor left.
    handle: Option<OwnedFd>,
}

impl Found {
    fn send(&self, signal: Signal) {
        // This fails for a process that has ended by itself meanwhile.
        let _ = match &self.handle {
            Some(handle) => pidfd_send_signal(handle, signal),
            None if self.runs() => kill_process(self.pid, signal),
            None => Ok(()),
        };
    }

    fn runs(&self) -> bool {
        read_process(self.pid.as_raw_nonzero().get()).is_some_and(|now| now.started == self.started)
    }
}

/// A process as the system lists it.
#[derive(Debug, PartialEq, Eq)]
struct Process {
    parent: i32,
    /// When the process was started, in ticks of the system's clock. Tells it from others with the same pid.
    started: u64,
}

/// Opens the processes of a list that have not ended meanwhile.
fn open(listed: BTreeMap<i32, Process>) -> Vec<Found> {
    let open = |(pid, process): (i32, Process)| {
        let pid = Pid::from_raw(pid)?;
        let found = Found {
            pid,
            started: process.started,
            handle: pidfd_open(pid, PidfdFlags::empty()).ok(),
        };
        found.runs().then_some(found)
    };
    listed.into_iter().filter_map(open).collect()
}

/// Lists all processes of the system that have not ended, by pid.
fn all_processes() -> BTreeMap<i32, Process> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter_map(|pid| Some((pid, read_process(pid)?))).collect()
}

fn read_process(pid: i32) -> Option<Process> {
    parse(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// Reads a line of `/proc/PID/stat`, unless it is that of a process which has ended and was not waited for. The name of
/// the program, in parentheses, may contain any character.
fn parse(stat: &str) -> Option<Process> {
    let (_, behind_name) = stat.rsplit_once(')')?;
    let fields: Vec<&str> = behind_name.split_whitespace().collect();
    let [state, parent, ..] = fields[..] else { return None };
    if matches!(state, "Z" | "X") {
        return None;
    }
    Some(Process {
        parent: parent.parse().ok()?,
        started: fields.get(19)?.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        io::Read,
        os::unix::process::ExitStatusExt,
        process::{Child, Command, Stdio},
    };

    fn mark(name: &str) -> ProcessMark {
        let unique = format!("mosaic-test-{}", uuid::Uuid::new_v4());
        ProcessMark::of_run(&Path::new("/run").join(unique)).part(name)
    }

    /// Starts a shell that prints one line once everything runs. Its other processes hold its output open.
    fn shell(script: &str, mark: &ProcessMark) -> Child {
        let (name, value) = mark.variable();
        let mut command = Command::new("sh");
        command.args(["-c", script]).env(name, value).stdout(Stdio::piped());
        let mut shell = command.spawn().unwrap();
        shell.stdout.as_mut().unwrap().read_exact(&mut [0]).unwrap();
        shell
    }

    /// Returns whether no process holds the other end of the output any more.
    fn is_closed(shell: Child) -> bool {
        shell.stdout.unwrap().read(&mut [0]).unwrap() == 0
    }

    #[test]
    fn the_name_of_a_program_may_be_anything() {
        let rest = "7 7 7 0 -1 4194560 0 0 0 0 0 0 0 0 20 0 1 0 4242 0 0";
        let expected = Process {
            parent: 7,
            started: 4242,
        };
        assert_eq!(parse(&format!("12 (a) b) (c) S {rest}")), Some(expected));
        assert_eq!(parse(&format!("12 (a) Z {rest}")), None);
        assert_eq!(parse("12"), None);
    }

    #[test]
    fn whatever_a_marked_process_has_started_ends() {
        let mark = mark("cells");
        // One process ends at SIGTERM and one ignores it; one is stopped; one has left the session and its parent; and
        // one has cleared its environment.
        let script = "sleep 1000 & sh -c 'trap \"\" TERM; exec sleep 1000' & sleep 1000 & kill -STOP $!; \
                      (setsid sh -c 'setsid sleep 1000 & setsid sleep 1000 &' &); env -i sleep 1000 & echo; wait";
        let mut shell = shell(script, &mark);
        mark.end();
        assert!(shell.wait().unwrap().signal().is_some());
        assert!(is_closed(shell));
    }

    #[test]
    fn grandchildren_end_without_their_parent() {
        let mark = mark("cells");
        let mut shell = shell("sleep 1000 & echo; wait", &mark);
        mark.end_grandchildren();
        assert!(shell.wait().unwrap().success());
        assert!(is_closed(shell));
    }

    #[test]
    fn only_processes_of_the_mark_end() {
        let (ours, other) = (mark("a"), mark("a"));
        let start = |mark: &ProcessMark| shell("echo; exec sleep 1000", mark);
        let (mut first, mut second) = (start(&ours.part("1")), start(&ours.part("11")));
        let mut foreign = start(&other.part("1"));
        while !ours.part("1").kill() {}
        assert_eq!(first.wait().unwrap().signal(), Some(9));
        assert!(second.try_wait().unwrap().is_none() && foreign.try_wait().unwrap().is_none());
        while !ours.kill() {}
        assert_eq!(second.wait().unwrap().signal(), Some(9));
        assert!(foreign.try_wait().unwrap().is_none());
        assert!(other.kill());
        foreign.wait().unwrap();
        assert!(!other.kill(), "nothing is left");
    }

    #[test]
    fn an_inner_process_has_the_marks_of_its_outer_ones() {
        let (outer, inner) = (mark("cells"), mark("cells"));
        let (name, value) = inner.variable();
        let script = format!("{name}=$${name},{} sleep 1000 & echo; wait", value.to_string_lossy());
        let mut shell = shell(&script.replace("$$", "$"), &outer);
        while !inner.kill() {}
        assert!(shell.wait().unwrap().success());
        assert!(is_closed(shell));
    }
}
