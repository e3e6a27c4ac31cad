//! An allocation of Slurm's that was made for a launch, and is given back when the launch ends, however that ends.

use super::command_line;
use crate::{
    bootstrap::{READ_SCRIPT, read_line},
    event::Events,
    host_commands::{Child, Pipes},
};
use std::{
    io::{self, BufRead, BufReader, Write},
    process::{ChildStderr, ChildStdin, ChildStdout, Command},
    sync::{Arc, Mutex},
    thread,
};

/// A shell that asks for the allocation, and gives it back at the end of its standard input.
const SCRIPT: &str = include_str!("allocation.sh");

/// An allocation that is asked for or granted. It is given back when this is dropped.
#[derive(Debug)]
pub(super) struct Allocation {
    /// The standard input of the shell. `None` if the allocation was given back.
    lifeline: Mutex<Option<ChildStdin>>,
}

/// What the shell reports to.
#[derive(Debug)]
pub(super) struct Request {
    output: BufReader<ChildStdout>,
    errors: thread::JoinHandle<Vec<String>>,
    child: Child,
}

/// The nodes of an allocation.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Nodes {
    /// The number of the job.
    pub(super) job: String,
    /// The nodes' names.
    pub(super) names: Vec<String>,
}

impl Allocation {
    /// Asks for an allocation. `options` are the options for `salloc`, and `name` is a unique name for the job.
    ///
    /// # Errors
    ///
    /// The shell cannot be started.
    pub(super) fn request(name: &str, options: &[String], events: &Events) -> io::Result<(Allocation, Request)> {
        let mut command = Command::new("sh");
        command
            .args(["-c", READ_SCRIPT, "mosaic-allocation", name])
            .args(options);
        let (child, pipes) = Child::start_unmarked(command)?;
        let Pipes {
            mut stdin,
            stdout,
            stderr,
        } = pipes;
        write!(stdin, "{}\n{SCRIPT}", SCRIPT.len())?;
        let events = events.clone();
        let errors = thread::Builder::new()
            .name("mosaic-salloc".to_owned())
            .spawn(move || say_all(stderr, &events))?;
        let allocation = Allocation {
            lifeline: Mutex::new(Some(stdin)),
        };
        let request = Request {
            output: BufReader::new(stdout),
            errors,
            child,
        };
        Ok((allocation, request))
    }

    /// Gives the allocation back, without waiting for that. Node processes that still run are killed.
    pub(super) fn give_back(&self) {
        let lifeline = self
            .lifeline
            .lock()
            .expect("no thread panics while it holds the lifeline")
            .take();
        if let Some(mut lifeline) = lifeline {
            // Fails if the shell has ended.
            let _ = lifeline.write_all(b"end\n");
        }
    }
}

impl Drop for Allocation {
    fn drop(&mut self) {
        self.give_back();
    }
}

impl Request {
    /// Waits until the allocation is granted.
    ///
    /// # Errors
    ///
    /// A sentence that says why it was not granted.
    pub(super) fn wait(mut self) -> Result<Nodes, String> {
        let line = read_line(&mut self.output).ok().flatten().unwrap_or_default();
        if let Some(granted) = line.strip_prefix("granted ") {
            let nodes = granted
                .split_once(' ')
                .ok_or_else(|| "Slurm has ended the allocation at once".to_owned());
            let nodes = nodes.and_then(|(job, list)| {
                Ok(Nodes {
                    job: job.to_owned(),
                    names: host_names(list)?,
                })
            });
            // The shell stays until the allocation is given back.
            let child = Arc::new(self.child);
            let reap = thread::Builder::new()
                .name("mosaic-allocation".to_owned())
                .spawn(move || child.wait().map(drop));
            return reap
                .map_err(|error| format!("cannot start a thread: {error}"))
                .and(nodes);
        }
        let _ = self.child.wait();
        let errors = self.errors.join().unwrap_or_default();
        Err(format!(
            "Slurm has granted no allocation: {}",
            errors.last().unwrap_or(&line)
        ))
    }
}

/// Reports all lines to the user, and returns them.
fn say_all(errors: ChildStderr, events: &Events) -> Vec<String> {
    let lines = BufReader::new(errors).lines().map_while(Result::ok);
    lines.inspect(|line| events.say(line)).collect()
}

/// Lists the names that a node list such as `n[1-3]` stands for.
///
/// # Errors
///
/// `scontrol` cannot expand the list. The text says why.
pub(super) fn host_names(list: &str) -> Result<Vec<String>, String> {
    let names = command_line("scontrol", &["show", "hostnames", list])?;
    let names: Vec<String> = names.lines().map(str::to_owned).collect();
    if names.is_empty() {
        Err(format!("Slurm's node list `{list}` is empty"))
    } else {
        Ok(names)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_programs::write_program;
    use std::{env, fs, process::Stdio};

    /// Programs in the place of Slurm's, and a shell that makes an allocation with them.
    struct World(tempfile::TempDir);

    impl World {
        fn new(salloc: &str) -> World {
            let world = World(tempfile::tempdir().unwrap());
            world.program("salloc", salloc);
            world.program("squeue", "echo 7 'n[1-2]'");
            let log = world.0.path().join("log");
            world.program("scancel", &format!("echo \"$@\" >>{}", log.display()));
            world.program("sleep", "exit");
            world
        }

        fn program(&self, name: &str, text: &str) {
            write_program(&self.0.path().join(name), text);
        }

        fn shell(&self) -> (std::process::Child, BufReader<ChildStdout>) {
            let path = format!("{}:{}", self.0.path().display(), env::var("PATH").unwrap());
            let mut command = Command::new("sh");
            command
                .args(["-c", SCRIPT, "sh", "mosaic-1", "--nodes=2"])
                .env("PATH", path);
            let mut shell = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
            let output = BufReader::new(shell.stdout.take().unwrap());
            (shell, output)
        }

        /// Returns what `scancel` was called with.
        fn cancelled(&self) -> String {
            fs::read_to_string(self.0.path().join("log")).unwrap_or_default()
        }
    }

    fn line(output: &mut impl BufRead) -> String {
        read_line(output).unwrap().unwrap_or_default()
    }

    #[test]
    fn an_allocation_is_given_back_at_a_line_and_at_the_end_of_the_lifeline() {
        for last_line in ["end\n", ""] {
            let world = World::new("echo salloc \"$@\"");
            let (mut shell, mut output) = world.shell();
            assert_eq!(line(&mut output), "salloc --no-shell --nodes=2 --job-name=mosaic-1");
            assert_eq!(line(&mut output), "granted 7 n[1-2]");
            assert_eq!(world.cancelled(), "");
            shell.stdin.take().unwrap().write_all(last_line.as_bytes()).unwrap();
            assert!(shell.wait().unwrap().success());
            let cancelled = world.cancelled();
            assert!(cancelled.starts_with("--quiet --user="), "{cancelled}");
            assert!(cancelled.ends_with("--name=mosaic-1\n"), "{cancelled}");
        }
    }

    #[test]
    fn a_job_that_waits_in_the_queue_is_cancelled_at_the_end_of_the_lifeline() {
        let world = World::new("trap 'echo ended; exit 1' TERM; echo waiting; while :; do /bin/sleep 0.01; done");
        let (mut shell, mut output) = world.shell();
        assert_eq!(line(&mut output), "waiting");
        drop(shell.stdin.take());
        assert_eq!([line(&mut output), line(&mut output)], ["ended", "failed 1"]);
        shell.wait().unwrap();
        assert!(world.cancelled().ends_with("--name=mosaic-1\n"));
    }

    #[test]
    fn a_job_whose_salloc_was_killed_or_has_failed_is_cancelled() {
        for (salloc, expected) in [("kill -KILL $$", "failed 137"), ("exit 3", "failed 3")] {
            let world = World::new(salloc);
            let (mut shell, mut output) = world.shell();
            assert_eq!(line(&mut output), expected);
            shell.wait().unwrap();
            assert!(world.cancelled().ends_with("--name=mosaic-1\n"));
        }
    }
}
