//! Plain shells in the place of hosts: each has a home directory and a search path of its own.

use super::{HostCommands, Style};
use crate::{
    Order,
    bootstrap::{Bootstrap, COMMAND},
    event::{Events, LaunchEvent},
    executable::Executable,
    test_programs::write_program,
};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    process::{Pid, PidfdFlags, pidfd_open},
};
use std::{
    env, fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
    process::Command,
    sync::{
        Arc,
        mpsc::{Receiver, channel},
    },
    time::Duration,
};

/// An executable that says that it runs, and then repeats its input.
const ECHO: &str = "#!/bin/sh\necho running\nexec cat\n";

/// A host, which is a shell with a home directory and programs of its own, and commands that run on it.
struct World {
    directory: tempfile::TempDir,
    commands: HostCommands,
    events: Receiver<LaunchEvent>,
    started: u32,
}

impl World {
    fn new(executable: &[u8]) -> World {
        World::with_order(executable, |_| ())
    }

    fn with_order(executable: &[u8], change: impl FnOnce(&mut Order)) -> World {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir(directory.path().join("bin")).unwrap();
        let path = directory.path().join("executable");
        fs::write(&path, executable).unwrap();
        let mut order = Order::new(&path);
        change(&mut order);
        let executable = Arc::new(Executable::open_for(&order).unwrap());
        let (sender, events) = channel();
        let on_event = move |event| sender.send(event).unwrap_or_default();
        let explain = |host: &str, ended: &str, lines: &[String]| format!("{host} {ended} {lines:?}");
        let style = Style {
            explain,
            is_early_line_said: |_| false,
        };
        let bootstrap = Bootstrap::new(executable, &order);
        World {
            directory,
            commands: HostCommands::new(bootstrap, style, Events::new(on_event)),
            events,
            started: 0,
        }
    }

    /// Puts a program before those of this machine.
    fn program(&self, name: &str, text: &str) {
        write_program(&self.directory.path().join("bin").join(name), text);
    }

    fn home(&self) -> PathBuf {
        self.directory.path().to_owned()
    }

    fn cache(&self) -> PathBuf {
        self.home().join(".cache/mosaic-node")
    }

    /// Lists the files in the cache of the host.
    fn cached(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.cache()).into_iter().flatten();
        entries.map(|entry| entry.unwrap().path()).collect()
    }

    fn start(&mut self) -> u32 {
        self.start_with(&self.home(), COMMAND)
    }

    fn start_with(&mut self, home: &Path, text: &str) -> u32 {
        let mut command = Command::new("sh");
        let programs = self.directory.path().join("bin");
        let path = format!("{}:{}", programs.display(), env::var("PATH").unwrap());
        command.arg("-c").arg(text).env("HOME", home).env("PATH", path);
        command.env_remove("XDG_CACHE_HOME");
        let number = self.started;
        self.started += 1;
        self.commands.start(number, "beta", command).unwrap();
        number
    }

    fn next(&self) -> LaunchEvent {
        self.events
            .recv_timeout(Duration::from_secs(60))
            .expect("an event comes")
    }

    /// Waits for the start of the executable, and returns whether it was copied.
    fn wait_for_start(&self) -> bool {
        let mut is_copied = false;
        loop {
            match self.next() {
                LaunchEvent::Says { text } => is_copied |= text.starts_with("copying the program to host beta"),
                LaunchEvent::Started { name, .. } if name == "beta" => return is_copied,
                event => panic!("{event:?}"),
            }
        }
    }

    fn lines(&self, count: usize) -> Vec<String> {
        let line = |event| match event {
            LaunchEvent::Line { line, .. } => line,
            event => panic!("{event:?}"),
        };
        (0..count).map(|_| line(self.next())).collect()
    }

    fn wait_for_end(&self) -> String {
        match self.next() {
            LaunchEvent::Ended { reason, .. } => reason,
            event => panic!("{event:?}"),
        }
    }

    /// Waits for the refusal of a host.
    fn refusal(&self) -> String {
        loop {
            match self.next() {
                LaunchEvent::Says { .. } => {}
                LaunchEvent::Refused { name, reason, .. } if name == "beta" => return reason,
                event => panic!("{event:?}"),
            }
        }
    }

    /// Starts the executable, checks that it runs, and ends it. Returns whether it was copied.
    fn run(&mut self) -> bool {
        let host = self.start();
        let is_copied = self.wait_for_start();
        assert_eq!(self.lines(1), ["running"]);
        self.commands.end(host);
        assert_eq!(self.wait_for_end(), "ended");
        is_copied
    }
}

#[test]
fn an_executable_is_copied_once_and_then_found() {
    let mut world = World::new(ECHO.as_bytes());
    let host = world.start();
    world.commands.send(host, "sent before the start").unwrap();
    assert!(world.wait_for_start());
    world.commands.send(host, "sent after the start").unwrap();
    assert_eq!(
        world.lines(3),
        ["running", "sent before the start", "sent after the start"]
    );
    world.commands.end(host);
    assert_eq!(world.wait_for_end(), "ended");
    assert!(world.commands.send(host, "sent after the end").is_err());

    let cached = world.cached();
    assert_eq!(cached.len(), 1, "{cached:?}");
    assert_eq!(fs::read(&cached[0]).unwrap(), ECHO.as_bytes());
    for path in [&cached[0], &world.cache()] {
        assert_eq!(
            fs::metadata(path).unwrap().permissions().mode() & 0o777,
            0o700,
            "{path:?}"
        );
    }
    assert!(!world.run());

    // A crash of the host has cut the file off.
    fs::write(&cached[0], "#!/bin/sh\n").unwrap();
    assert!(world.run());
    assert!(!world.run());
}

#[test]
fn a_node_gets_its_arguments_and_its_environment() {
    let print = "#!/bin/sh\nprintf '%s|' \"$@\" \"$WORDS\" \"$MOSAIC_NODE\" \"$(umask)\"; echo\n";
    let mut world = World::with_order(print.as_bytes(), |order| {
        order.arguments = ["worker", "it's", "$HOME", ""].map(Into::into).to_vec();
        order.environment = vec![("WORDS".into(), "a 'b' \"c\" \\ ä".into())];
    });
    world.start_with(&world.home(), &format!("umask 022; {COMMAND}"));
    world.wait_for_start();
    assert_eq!(world.lines(1), ["worker|it's|$HOME||a 'b' \"c\" \\ ä|1|0022|"]);
    assert_eq!(world.wait_for_end(), "ended");
}

#[test]
fn what_a_login_prints_is_no_line_of_the_node() {
    let mut world = World::new(b"#!/bin/sh\necho failing >&2\nexit 3\n");
    let login = format!("echo Welcome; echo mosaic-node; echo banner >&2; {COMMAND}");
    world.start_with(&world.home(), &login);
    world.wait_for_start();
    assert_eq!(
        world.next(),
        LaunchEvent::Says {
            text: "beta: failing".to_owned()
        }
    );
    assert_eq!(world.wait_for_end(), "ended with code 3: failing");
    world.start_with(&world.home(), "echo Welcome; echo no key >&2; exit 255");
    assert_eq!(world.refusal(), "beta ended with code 255 [\"no key\"]");
}

#[test]
fn a_host_that_cannot_run_the_executable_is_refused_before_it_is_copied() {
    let mut world = World::new(&fs::read("/bin/cat").unwrap());
    for (program, text, expected) in [
        (
            "getconf",
            "echo glibc 2.3",
            "host beta has glibc 2.3, and this program needs 2.",
        ),
        (
            "uname",
            "echo riscv64",
            "host beta is a machine of type riscv64, and this program needs ",
        ),
    ] {
        world.program(program, text);
        world.start();
        let refusal = world.refusal();
        assert!(refusal.starts_with(expected), "{refusal}");
        fs::remove_file(world.directory.path().join("bin").join(program)).unwrap();
    }
    assert_eq!(world.cached(), Vec::<PathBuf>::new());
}

#[test]
fn a_copy_that_is_cut_off_or_changed_is_not_used() {
    let long = format!("{ECHO}exit\n{}", "# filler\n".repeat(200_000));
    let mut world = World::new(long.as_bytes());
    // The script itself comes by the first call.
    let killing_head = "test \"$2\" -lt 100000 && exec /usr/bin/head \"$@\"; /usr/bin/head -c 1000; kill -KILL $PPID";
    world.program("head", killing_head);
    world.start();
    assert_eq!(world.refusal(), "beta killed by signal 9 []");
    assert_eq!(world.cached().len(), 1, "the killed shell leaves what has arrived");
    fs::remove_file(world.directory.path().join("bin/head")).unwrap();

    world.program("sha256sum", "echo 0000 -");
    world.start();
    let refusal = world.refusal();
    assert!(refusal.contains("the executable was changed on its way"), "{refusal}");
    assert_eq!(world.cached().len(), 1);
    fs::remove_file(world.directory.path().join("bin/sha256sum")).unwrap();

    assert!(world.run());
    assert!(!world.run());
}

#[test]
fn a_host_that_is_ended_while_the_executable_is_copied_keeps_nothing() {
    let long = format!("{ECHO}exit\n{}", "# filler\n".repeat(200_000));
    let mut world = World::new(long.as_bytes());
    // Reads a part, and the rest when the input was closed behind what is in the pipe.
    let go = world.home().join("go");
    let wait = format!("until test -e {}; do sleep 0.01; done", go.display());
    world.program(
        "head",
        &format!("test \"$2\" -lt 100000 && exec /usr/bin/head \"$@\"; /usr/bin/head -c 1000; {wait}; exec cat"),
    );
    let host = world.start();
    assert!(matches!(world.next(), LaunchEvent::Says { .. }));
    world.commands.end(host);
    fs::write(&go, "").unwrap();
    // The shell sees that the executable is cut off, or, on a busy machine, is asked to end before that.
    world.refusal();
    assert_eq!(world.cached(), Vec::<PathBuf>::new());
}

#[test]
fn copies_at_the_same_time_do_not_collide() {
    let mut world = World::new(format!("{ECHO}exit\n{}", "# filler\n".repeat(200_000)).as_bytes());
    let hosts = [(); 4].map(|()| world.start());
    let mut running = 0;
    while running < hosts.len() {
        match world.next() {
            LaunchEvent::Line { line, .. } if line == "running" => running += 1,
            LaunchEvent::Says { .. } | LaunchEvent::Started { .. } => {}
            event => panic!("{event:?}"),
        }
    }
    world.commands.stop();
    assert_eq!(world.cached().len(), 1);
    assert!(world.commands.start(9, "beta", Command::new("true")).is_err());
}

#[test]
fn a_home_directory_that_cannot_be_used_is_replaced_by_one_in_tmp() {
    let mut world = World::new(format!("{ECHO}# {}\n", env::current_dir().unwrap().display()).as_bytes());
    let elsewhere = world.directory.path().join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    fs::set_permissions(&elsewhere, fs::Permissions::from_mode(0o700)).unwrap();
    let linked = world.directory.path().join("linked");
    fs::create_dir_all(linked.join(".cache")).unwrap();
    symlink(&elsewhere, linked.join(".cache/mosaic-node")).unwrap();
    let open = world.directory.path().join("open");
    fs::create_dir_all(open.join(".cache/mosaic-node")).unwrap();
    fs::set_permissions(open.join(".cache/mosaic-node"), fs::Permissions::from_mode(0o777)).unwrap();

    let mut copied = Vec::new();
    for home in [Path::new("/proc"), Path::new(""), &linked, &open] {
        let host = world.start_with(home, COMMAND);
        copied.push(world.wait_for_start());
        assert_eq!(world.lines(1), ["running"]);
        world.commands.end(host);
        world.wait_for_end();
    }
    assert_eq!(copied[1..], [false, false, false]);
    assert_eq!(fs::read_dir(&elsewhere).unwrap().count(), 0);
    assert_eq!(fs::read_dir(open.join(".cache/mosaic-node")).unwrap().count(), 0);
    let sha256 = &world.commands.bootstrap.executable.facts().unwrap().sha256;
    fs::remove_file(format!(
        "/tmp/mosaic-node-{}/{sha256}",
        rustix::process::getuid().as_raw()
    ))
    .unwrap();
}

#[test]
fn a_node_that_does_not_end_by_itself_is_killed_with_its_process_group() {
    let mut world = World::new(b"#!/bin/sh\ntrap '' TERM\nsleep 600 &\necho $!\nwait\nsleep 600\n");
    world.start();
    world.wait_for_start();
    let sleep = Pid::from_raw(world.lines(1)[0].parse().unwrap()).unwrap();
    let sleep = pidfd_open(sleep, PidfdFlags::empty()).unwrap();
    world.commands.stop();
    assert_eq!(world.wait_for_end(), "killed by signal 9");
    // The processes of a group do not end at the same moment. A pidfd is readable once its process has ended.
    let patience = Timespec { tv_sec: 60, tv_nsec: 0 };
    assert_eq!(poll(&mut [PollFd::new(&sleep, PollFlags::IN)], Some(&patience)), Ok(1));
}

#[test]
fn a_host_that_does_not_answer_is_given_up() {
    let mut world = World::new(ECHO.as_bytes());
    world.start_with(&world.home(), "exec sleep 600");
    world.commands.stop();
    assert_eq!(world.refusal(), "it was given up before the program was started there");
}
