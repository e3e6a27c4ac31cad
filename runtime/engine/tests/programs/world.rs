//! The world of one scenario: its process, its directory, and the check that nothing of it is left.

use std::{
    collections::HashSet,
    env, fs,
    future::Future,
    io::Read,
    os::unix::process::ExitStatusExt,
    path::{Path, PathBuf},
    pin::Pin,
    process::{Child, Command, ExitCode, Stdio},
    thread,
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// The time after which a hanging scenario is killed. No scenario takes a tenth of it.
const LIMIT: Duration = Duration::from_secs(60);
/// The time within which processes must end and files must be removed.
const SOON: Duration = Duration::from_secs(5);
const SCENARIO: &str = "MOSAIC_TEST_SCENARIO";
const SCRATCH: &str = "MOSAIC_TEST_SCRATCH";
/// The directories of stored values, in memory and on disk, under the scratch directory.
const STORES: [&str; 2] = ["memory", "disk"];

/// The directory in which the scenario's program finds libraries, under the scratch directory.
pub(crate) const LIBRARIES: &str = "libraries";

type Body = fn() -> Pin<Box<dyn Future<Output = ()>>>;

/// The output of a scenario's program, and how it ended.
pub(crate) struct Ended {
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) code: Option<i32>,
    pub(crate) signal: Option<i32>,
}

#[derive(Clone)]
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    /// Runs in the program, as the argument of `mosaic_engine::run`.
    pub(crate) body: Body,
    /// Checks the program after it has ended.
    pub(crate) check: fn(&Ended),
}

/// Makes a scenario. Without a check, the program must exit with code 0.
#[macro_export]
macro_rules! scenario {
    ($name:ident) => {
        $crate::scenario!($name, |ended| assert_eq!(ended.code, Some(0)))
    };
    ($name:ident, $check:expr) => {
        $crate::world::Scenario {
            name: concat!(module_path!(), "::", stringify!($name)),
            body: || Box::pin($name()),
            check: $check,
        }
    };
}

/// Runs the scenario or the worker that this process is, if it is one.
pub(crate) fn inside(scenarios: &[Scenario]) -> Option<ExitCode> {
    let name = env::var(SCENARIO).ok()?;
    let scenario = scenarios.iter().find(|scenario| scenario.name == name)?;
    mosaic_engine::run(scenario.body).unwrap();
    Some(ExitCode::SUCCESS)
}

/// Returns a path in the running scenario's scratch directory.
pub(crate) fn scratch(name: &str) -> String {
    let directory = env::var(SCRATCH).unwrap();
    Path::new(&directory).join(name).to_str().unwrap().to_owned()
}

/// Returns the path of an example of this package that is a shared object.
pub(crate) fn example(name: &str) -> PathBuf {
    let tests = env::current_exe().unwrap();
    let path = tests.ancestors().nth(2).unwrap().join(format!("examples/lib{name}.so"));
    let advice = "is built by `cargo test` of the whole package";
    assert!(path.exists(), "{} {advice}", path.display());
    path
}

/// Makes a named pipe. Opening one end waits until the other end is opened, so that two processes meet there.
pub(crate) fn meeting_point(name: &str) -> String {
    let path = scratch(name);
    let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
    rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, mode, 0).unwrap();
    path
}

/// Returns whether the workers are behind a node process, which has files of its own.
pub(crate) fn is_behind_a_node() -> bool {
    env::var_os("MOSAIC_ON").is_some()
}

/// Returns the files in the directories of this program's sockets. Of a node process, only the sockets are meant: it has
/// other files of its own.
pub(crate) fn sockets() -> Vec<PathBuf> {
    let runtime_dir = PathBuf::from(env::var("XDG_RUNTIME_DIR").unwrap());
    let in_directory = |path: PathBuf| fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path());
    let files = in_directory(runtime_dir).flat_map(in_directory);
    let is_meant = |file: &PathBuf| !is_behind_a_node() || file.extension().is_some_and(|it| it == "sock");
    files.filter(is_meant).collect()
}

/// Returns the number of sockets while this number of workers runs.
pub(crate) fn sockets_with(workers: usize) -> usize {
    1 + workers + usize::from(is_behind_a_node())
}

/// Returns the files of stored values.
pub(crate) fn stored_files() -> Vec<PathBuf> {
    let in_directory = |path: PathBuf| {
        let entries = fs::read_dir(path).into_iter().flatten();
        entries.map(|entry| entry.unwrap().path())
    };
    let directories = STORES.iter().flat_map(|store| in_directory(scratch(store).into()));
    let files = directories.flat_map(in_directory);
    let is_value = |path: &PathBuf| path.file_name().unwrap() != "lock" && path.extension().is_none();
    files.filter(is_value).collect()
}

/// Returns the number of stored values. Each of two hosts may have a file of a value.
pub(crate) fn stored_values() -> usize {
    let files = stored_files();
    let names: HashSet<_> = files.iter().map(|file| file.file_name()).collect();
    names.len()
}

/// Returns the files to which values are written before they are stored.
pub(crate) fn unstored_files() -> Vec<PathBuf> {
    let directories = fs::read_dir(scratch("memory")).unwrap();
    let files = directories.flat_map(|directory| fs::read_dir(directory.unwrap().path()).unwrap());
    let files = files.map(|file| file.unwrap().path());
    files
        .filter(|file| file.extension().is_some_and(|it| it == "unstored"))
        .collect()
}

/// Waits until a condition holds whose change is not reported.
pub(crate) fn until(condition: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !condition() {
        assert!(Instant::now() < deadline, "the condition did not become true");
        thread::sleep(Duration::from_millis(2));
    }
}

pub(crate) struct World {
    sockets: TempDir,
    scratch: TempDir,
    name: &'static str,
}

impl World {
    pub(crate) fn new(scenario: &Scenario) -> World {
        let world = World {
            sockets: tempfile::tempdir().unwrap(),
            scratch: tempfile::tempdir().unwrap(),
            name: scenario.name,
        };
        for directory in STORES.into_iter().chain([LIBRARIES]) {
            fs::create_dir(world.scratch.path().join(directory)).unwrap();
        }
        world
    }

    /// Runs the scenario's program, and checks that it did the right thing and left nothing behind.
    pub(crate) fn run(&self, scenario: &Scenario) -> Result<(), String> {
        let program = Command::new(env::current_exe().unwrap())
            .env(SCENARIO, self.name)
            .env(SCRATCH, self.scratch.path())
            .env("XDG_RUNTIME_DIR", self.sockets.path())
            // The loader reads this when a process starts, and searches the directory for each library.
            .env("LD_LIBRARY_PATH", self.scratch.path().join(LIBRARIES))
            .env("MOSAIC_MEMORY_DIR", self.scratch.path().join(STORES[0]))
            .env("MOSAIC_SPILL_DIR", self.scratch.path().join(STORES[1]))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let ended = self.watch(program);
        let said = format!("--- stdout\n{}--- stderr\n{}", ended.stdout, ended.stderr);
        let checked = std::panic::catch_unwind(|| (scenario.check)(&ended));
        let checked = checked.map_err(|_| format!("code {:?}, signal {:?}\n{said}", ended.code, ended.signal));
        let left = self
            .wait_until_nothing_is_left()
            .map_err(|left| format!("{left}\n{said}"));
        checked.and(left)
    }

    /// Waits for the end of the program; kills it and its workers if it takes too long.
    fn watch(&self, mut program: Child) -> Ended {
        let (mut out, mut error) = (program.stdout.take().unwrap(), program.stderr.take().unwrap());
        let pidfd = rustix::process::pidfd_open(
            rustix::process::Pid::from_child(&program),
            rustix::process::PidfdFlags::empty(),
        )
        .unwrap();
        thread::scope(|scope| {
            let stdout = scope.spawn(move || {
                let mut text = Vec::new();
                out.read_to_end(&mut text).unwrap();
                String::from_utf8(text).unwrap()
            });
            let stderr = scope.spawn(move || {
                let mut text = Vec::new();
                error.read_to_end(&mut text).unwrap();
                String::from_utf8(text).unwrap()
            });
            let mut waiting = [rustix::event::PollFd::new(&pidfd, rustix::event::PollFlags::IN)];
            let limit = rustix::event::Timespec::try_from(LIMIT).unwrap();
            if rustix::event::poll(&mut waiting, Some(&limit)).unwrap() == 0 {
                program.kill().unwrap();
            }
            let status = program.wait().unwrap();
            Ended {
                stdout: stdout.join().unwrap(),
                stderr: stderr.join().unwrap(),
                code: status.code(),
                signal: status.signal(),
            }
        })
    }

    fn wait_until_nothing_is_left(&self) -> Result<(), String> {
        let deadline = Instant::now() + SOON;
        loop {
            let (processes, files) = (self.processes(), self.files());
            if processes.is_empty() && files.is_empty() {
                return Ok(());
            }
            if Instant::now() > deadline {
                return Err(format!("left behind: processes {processes:?}, files {files:?}"));
            }
            // The end of a process that is not a child of ours is not reported.
            thread::sleep(Duration::from_millis(2));
        }
    }

    /// Returns the processes of this world: those whose environment names its directory.
    fn processes(&self) -> Vec<u32> {
        let marker = format!("XDG_RUNTIME_DIR={}\0", self.sockets.path().display());
        let pids = fs::read_dir("/proc")
            .unwrap()
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
        pids.filter(|pid: &u32| {
            let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            environment
                .windows(marker.len())
                .any(|window| window == marker.as_bytes())
        })
        .collect()
    }

    fn files(&self) -> Vec<PathBuf> {
        let stores = STORES.map(|store| self.scratch.path().join(store));
        let directories = [self.sockets.path().to_owned()].into_iter().chain(stores);
        let entries = directories.flat_map(|directory| fs::read_dir(directory).into_iter().flatten());
        entries.map(|entry| entry.unwrap().path()).collect()
    }
}
