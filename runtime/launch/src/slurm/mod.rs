//! The launcher that runs one `srun` for each node of a Slurm allocation.
//!
//! Inside an allocation, it uses the allocation's nodes. Elsewhere it makes an allocation with `salloc`.
//!
//! - `allocation`: an allocation that is given back however the launch ends.
//! - `hosts`: which host of the launch is which node: state without I/O.

mod allocation;
mod hosts;

use crate::{
    Order,
    bootstrap::{Bootstrap, COMMAND},
    error::LaunchError,
    event::{Events, LaunchEvent},
    executable::Executable,
    host_commands::{HostCommands, Style},
    launch::{Launcher, require_program},
};
use allocation::{Allocation, Nodes, host_names};
use hosts::{Hosts, Node};
use std::{
    env, io,
    process::Command,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
};

const REMEDY: &str = "run this on a machine of a Slurm cluster from which jobs are submitted";

/// Variables that say something about this host alone. `srun` would give them to the other hosts.
const VARIABLES_OF_THIS_HOST: [&str; 2] = ["MOSAIC_ON", "MOSAIC_ADDRESS"];

/// A launch by Slurm.
#[derive(Debug)]
pub(crate) struct Slurm(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    commands: HostCommands,
    events: Events,
    /// The options for `salloc`, without the number of nodes. `None` inside an allocation.
    options: Option<Vec<String>>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    hosts: Hosts,
    /// The allocations that were made for this launch.
    allocations: Vec<Allocation>,
    is_stopped: bool,
}

impl Slurm {
    /// Starts an order on the nodes of an allocation. `options` are the user's options for `salloc`.
    pub(crate) fn start(options: &str, order: &Order, events: Events) -> Result<Slurm, LaunchError> {
        require_program("srun", REMEDY)?;
        let executable = Executable::open_for(order)?;
        let allocation = env::var("SLURM_JOB_ID").ok().zip(env::var("SLURM_JOB_NODELIST").ok());
        if allocation.is_none() {
            require_program("salloc", REMEDY)?;
        }
        let bootstrap = Bootstrap::new(Arc::new(executable), order);
        let style = Style {
            explain,
            is_early_line_said,
        };
        let shared = Arc::new(Shared {
            commands: HostCommands::new(bootstrap, style, events.clone()),
            events,
            options: allocation.is_none().then(|| salloc_options(options, order.cpus)),
            state: Mutex::default(),
        });
        let wanted = order.hosts;
        shared.spawn(move |shared| {
            let begun = match allocation {
                Some((job, list)) => shared.begin_inside(job, &list, wanted),
                None => shared.begin_outside(wanted),
            };
            if let Err(reason) = begun
                && !shared.state().is_stopped
            {
                shared.events.send(LaunchEvent::Gone { reason });
            }
        })?;
        Ok(Slurm(shared))
    }
}

impl Shared {
    fn spawn(self: &Arc<Shared>, run: impl FnOnce(Arc<Shared>) + Send + 'static) -> Result<(), LaunchError> {
        let shared = self.clone();
        let builder = thread::Builder::new().name("mosaic-slurm".to_owned());
        let spawned = builder.spawn(move || run(shared)).map(drop);
        spawned.map_err(|source| LaunchError::Start {
            what: "a thread".to_owned(),
            source,
        })
    }

    fn begin_inside(&self, job: String, list: &str, wanted: Option<usize>) -> Result<(), String> {
        let nodes = Nodes {
            job,
            names: host_names(list)?,
        };
        let (found, count) = (nodes.names.len(), wanted.unwrap_or(nodes.names.len()));
        if count > found {
            return Err(format!(
                "{count} hosts are wanted, and the Slurm job {} has {found}",
                nodes.job
            ));
        }
        self.begin(nodes, count);
        Ok(())
    }

    fn begin_outside(&self, wanted: Option<usize>) -> Result<(), String> {
        let nodes = self.allocate(wanted)?;
        let count = nodes.names.len();
        self.begin(nodes, count);
        Ok(())
    }

    /// Asks for an allocation with this number of nodes, or as many as the options say, and waits for it.
    fn allocate(&self, nodes: Option<usize>) -> Result<Nodes, String> {
        let mut options = self.options.clone().ok_or("the Slurm job gets no more nodes")?;
        options.extend(nodes.map(|count| format!("--nodes={count}")));
        let name = job_name().map_err(|error| format!("cannot name a job: {error}"))?;
        let request = {
            let mut state = self.state();
            if state.is_stopped {
                return Err("the launch was stopped".to_owned());
            }
            let (allocation, request) = Allocation::request(&name, &options, &self.events)
                .map_err(|error| format!("cannot start a shell for salloc: {error}"))?;
            state.allocations.push(allocation);
            request
        };
        request.wait()
    }

    fn begin(&self, nodes: Nodes, count: usize) {
        self.events.send(LaunchEvent::Planned { hosts: count });
        let started: Vec<_> = {
            let mut state = self.state();
            state.hosts.add_nodes(&nodes.job, nodes.names);
            (0..count).map_while(|_| state.hosts.take_spare()).collect()
        };
        for (number, node) in started {
            self.start_host(number, &node);
        }
    }

    fn start_host(&self, number: u32, node: &Node) {
        let mut command = Command::new("srun");
        command.args(srun_options(node)).args(["sh", "-c", COMMAND]);
        for variable in VARIABLES_OF_THIS_HOST {
            command.env_remove(variable);
        }
        // Fails if the launch was stopped, and then nobody waits for the host.
        let _ = self.commands.start(number, &node.name, command);
    }

    /// Starts a replacement on a node that is spare and up. Without one, it takes the old node if Slurm has reported the
    /// end of the node process there: then the node can be reached. Otherwise it asks for a node of a new allocation.
    fn replace(&self, number: u32, old: &Node, has_ended: bool) {
        let spare = self.state().hosts.spare_nodes();
        let candidates = spare.into_iter().chain(has_ended.then(|| old.clone()));
        let found = candidates.into_iter().find(|node| is_up(&node.name));
        let node = match found {
            Some(node) => Ok(node),
            // A job of the user's gets no more nodes. The old one may have come back.
            None if self.options.is_none() => Ok(old.clone()),
            None => self.allocate_one(),
        };
        match node {
            Ok(node) => {
                self.state().hosts.assign(number, node.clone());
                self.start_host(number, &node);
            }
            Err(reason) => self.events.send(LaunchEvent::Refused {
                host: number,
                name: old.name.clone(),
                reason,
            }),
        }
    }

    fn allocate_one(&self) -> Result<Node, String> {
        let Nodes { job, names } = self.allocate(Some(1))?;
        let name = names
            .into_iter()
            .next()
            .ok_or("Slurm has granted an allocation without a node")?;
        Ok(Node { job, name })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Launcher for Slurm {
    fn send(&self, host: u32, line: &str) -> Result<(), LaunchError> {
        self.0.commands.send(host, line)
    }

    fn replace(&self, host: u32) -> Result<u32, LaunchError> {
        let (number, old) = {
            let mut state = self.0.state();
            if state.is_stopped {
                return Err(LaunchError::LaunchEnded);
            }
            let old = state.hosts.node(host).cloned().ok_or(LaunchError::NoSuchHost(host))?;
            (state.hosts.reserve(), old)
        };
        let has_ended = self.0.commands.has_ended(host);
        self.0.commands.end(host);
        self.0.spawn(move |shared| shared.replace(number, &old, has_ended))?;
        Ok(number)
    }

    fn end_host(&self, host: u32) {
        self.0.commands.end(host);
    }

    fn stop(&self) {
        self.0.state().is_stopped = true;
        self.0.commands.stop();
        for allocation in self.0.state().allocations.drain(..) {
            allocation.give_back();
        }
    }
}

/// Returns the options for `salloc`: those that an order suggests, then the user's.
fn salloc_options(options: &str, cpus: Option<usize>) -> Vec<String> {
    // A lost node must not end the job on the others.
    let mut all = vec!["--no-kill".to_owned()];
    if let Some(cpus) = cpus {
        all.extend(["--ntasks-per-node=1".to_owned(), format!("--cpus-per-task={cpus}")]);
    }
    all.extend(shlex::split(options).unwrap_or_default());
    all
}

/// Returns the options for a step on one node. It shares the node with other steps, and may use all that the job has on
/// the node.
fn srun_options(node: &Node) -> [String; 8] {
    [
        format!("--jobid={}", node.job),
        "--overlap".to_owned(),
        "--nodes=1".to_owned(),
        "--ntasks=1".to_owned(),
        format!("--nodelist={}", node.name),
        "--no-kill".to_owned(),
        "--cpu-bind=none".to_owned(),
        "--job-name=mosaic".to_owned(),
    ]
}

/// Returns a name for a job that no other job has.
fn job_name() -> io::Result<String> {
    let id = std::fs::read_to_string("/proc/sys/kernel/random/uuid")?;
    Ok(format!("mosaic-{}", &id.trim()[..13]))
}

/// Asks Slurm whether a node is up.
fn is_up(node: &str) -> bool {
    let state = command_line("sinfo", &["--noheader", "--Node", "--nodes", node, "--format=%T"]);
    state.is_ok_and(|state| state.lines().next().is_some_and(is_state_of_use))
}

/// Tells from a state, as `sinfo` names it, whether a node can be used by a job that has it. A state that ends with `*`
/// is that of a node that does not respond.
fn is_state_of_use(state: &str) -> bool {
    ["idle", "mixed", "allocated", "completing", "draining"].contains(&state.trim().trim_end_matches('+'))
}

/// Runs a program, and returns its standard output.
///
/// # Errors
///
/// The program cannot be run or has failed. The text says why.
fn command_line(program: &str, arguments: &[&str]) -> Result<String, String> {
    let output = Command::new(program).args(arguments).output();
    let output = output.map_err(|error| format!("cannot run {program}: {error}"))?;
    if !output.status.success() {
        return Err(format!(
            "{program} has failed: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        ));
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Tells whether a line of `srun`'s is of use to the user. Clusters without a plugin for tasks comment on an option of
/// the steps.
fn is_early_line_said(line: &str) -> bool {
    !line.contains("lacks support for cpu binding")
}

/// Explains why `srun` has started no node process on a host.
fn explain(host: &str, ended: &str, lines: &[String]) -> String {
    match lines.last() {
        Some(last) => format!("cannot start a step on host {host} (Slurm says: {last})"),
        None => format!("cannot start a step on host {host}: srun has {ended}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_options_of_the_user_come_last() {
        let options = salloc_options("-p 'long jobs' --cpus-per-task=2", Some(4));
        let expected = [
            "--no-kill",
            "--ntasks-per-node=1",
            "--cpus-per-task=4",
            "-p",
            "long jobs",
            "--cpus-per-task=2",
        ];
        assert_eq!(options, expected);
        assert_eq!(salloc_options("", None), ["--no-kill"]);
    }

    #[test]
    fn a_node_that_is_down_or_does_not_respond_is_not_used_again() {
        for (state, expected) in [
            ("idle", true),
            ("mixed", true),
            ("allocated+", true),
            ("idle*", false),
            ("allocated*", false),
            ("down*", false),
            ("down", false),
            ("drained", false),
            ("", false),
        ] {
            assert_eq!(is_state_of_use(state), expected, "{state}");
        }
    }

    #[test]
    fn names_of_jobs_differ() {
        assert_ne!(job_name().unwrap(), job_name().unwrap());
    }
}
