//! The launcher that runs one ssh for each host.

use crate::{
    Order,
    bootstrap::{Bootstrap, COMMAND},
    error::LaunchError,
    event::{Events, LaunchEvent},
    executable::Executable,
    host_commands::{HostCommands, Style},
    launch::{Launcher, require_program},
};
use std::{
    env,
    process::Command,
    sync::{Arc, Mutex},
};

/// The environment variable with a command to use in ssh's place, such as `ssh -F FILE`.
const SSH_VARIABLE: &str = "MOSAIC_SSH";

/// Options for ssh. What they do not name is as the user's configuration says.
const OPTIONS: [&str; 11] = [
    // Without a terminal: a terminal would echo what is sent.
    "-T",
    // Nobody is there to answer a question.
    "-oBatchMode=yes",
    "-oConnectTimeout=10",
    // A connection that was cut is seen within some 6 s.
    "-oServerAliveInterval=2",
    "-oServerAliveCountMax=3",
    // Another ssh of the user's must not depend on the life of this one.
    "-oControlMaster=no",
    // What is for the user's own sessions would fail, or give the host more than it needs.
    "-oClearAllForwardings=yes",
    "-oForwardAgent=no",
    "-oForwardX11=no",
    "-oPermitLocalCommand=no",
    "-oRemoteCommand=none",
];

/// A launch by ssh.
#[derive(Debug)]
pub(crate) struct Ssh {
    ssh: Vec<String>,
    commands: HostCommands,
    /// The name of each host, by number.
    names: Mutex<Vec<String>>,
}

impl Ssh {
    /// Starts an order on hosts.
    pub(crate) fn start(hosts: Vec<String>, order: &Order, events: Events) -> Result<Ssh, LaunchError> {
        if let Some(wanted) = order.hosts
            && wanted != hosts.len()
        {
            let listed = hosts.len();
            let reason = format!("the list behind `ssh:` has {listed}; leave the number out, or list as many hosts");
            return Err(LaunchError::Hosts { wanted, reason });
        }
        let ssh = ssh_command(env::var(SSH_VARIABLE).ok().as_deref())?;
        let executable = Executable::open_for(order)?;
        let bootstrap = Bootstrap::new(Arc::new(executable), order);
        // Before the program runs, ssh reports what the login shows.
        let style = Style {
            explain,
            is_early_line_said: |_| false,
        };
        let ssh = Ssh {
            ssh,
            commands: HostCommands::new(bootstrap, style, events.clone()),
            names: Mutex::default(),
        };
        events.send(LaunchEvent::Planned { hosts: hosts.len() });
        for host in hosts {
            ssh.start_host(host)?;
        }
        Ok(ssh)
    }

    fn start_host(&self, name: String) -> Result<u32, LaunchError> {
        let mut command = Command::new(&self.ssh[0]);
        command
            .args(&self.ssh[1..])
            .args(OPTIONS)
            .arg("--")
            .arg(&name)
            .arg(COMMAND);
        let number = {
            let mut names = self.names.lock().expect("no thread panics while it holds the names");
            names.push(name.clone());
            u32::try_from(names.len() - 1).expect("a launch has fewer than four billion hosts")
        };
        self.commands.start(number, &name, command)?;
        Ok(number)
    }
}

impl Launcher for Ssh {
    fn send(&self, host: u32, line: &str) -> Result<(), LaunchError> {
        self.commands.send(host, line)
    }

    fn replace(&self, host: u32) -> Result<u32, LaunchError> {
        let name = {
            let names = self.names.lock().expect("no thread panics while it holds the names");
            names.get(host as usize).cloned().ok_or(LaunchError::NoSuchHost(host))?
        };
        self.commands.end(host);
        self.start_host(name)
    }

    fn end_host(&self, host: u32) {
        self.commands.end(host);
    }

    fn stop(&self) {
        self.commands.stop();
    }
}

/// Returns the program and the first arguments of ssh, from the value of [`SSH_VARIABLE`].
fn ssh_command(variable: Option<&str>) -> Result<Vec<String>, LaunchError> {
    let words = match variable {
        None => vec!["ssh".to_owned()],
        Some(text) => shlex::split(text)
            .filter(|words| !words.is_empty())
            .ok_or(LaunchError::Variable {
                variable: SSH_VARIABLE,
                reason: format!("`{text}` is not a command"),
            })?,
    };
    require_program(
        &words[0],
        &format!("install an ssh client, or set {SSH_VARIABLE} to its command"),
    )?;
    Ok(words)
}

/// Explains why ssh has not reached a host.
fn explain(host: &str, ended: &str, lines: &[String]) -> String {
    let said = lines.join("\n");
    let try_it = format!("make `ssh -o BatchMode=yes {host} true` work");
    let advice = [
        (
            "REMOTE HOST IDENTIFICATION HAS CHANGED",
            format!("its key has changed; if that is right, remove the old key with `ssh-keygen -R {host}`"),
        ),
        (
            "Host key verification failed",
            format!("its key is not known; run `ssh {host}` once and compare and accept the key"),
        ),
        (
            "Permission denied",
            format!(
                "it does not accept this user's keys; {try_it}, for example with `ssh-copy-id {host}` or ssh-agent"
            ),
        ),
        (
            "Could not resolve hostname",
            "no machine of this name is known".to_owned(),
        ),
        ("Connection refused", "no ssh server answers there".to_owned()),
        (
            "timed out",
            "it does not answer; is it switched on, and does a firewall let port 22 through?".to_owned(),
        ),
        ("No route to host", "the network has no way to it".to_owned()),
    ];
    let advice = advice.into_iter().find(|(text, _)| said.contains(text));
    let advice = advice.map_or(
        format!("{ended} before the program was started; {try_it}"),
        |(_, advice)| advice,
    );
    match lines.last() {
        Some(last) => format!("cannot reach host {host}: {advice} (ssh says: {last})"),
        None => format!("cannot reach host {host}: {advice}"),
    }
}
