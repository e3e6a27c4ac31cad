//! Why a launch cannot begin or go on.

use std::{io, path::PathBuf};

/// Why a launch cannot begin, or cannot do what it is asked for.
#[derive(Debug, thiserror::Error)]
pub enum LaunchError {
    /// The number of hosts in the order is not possible at this place.
    #[error("cannot use {wanted} hosts: {reason}")]
    Hosts {
        /// The number of hosts in the order.
        wanted: usize,
        /// Why this number is not possible, and what to do.
        reason: String,
    },
    /// A variable of the environment that configures a launcher has a wrong value.
    #[error("cannot use the value of {variable}: {reason}")]
    Variable {
        /// The name of the variable.
        variable: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// The executable cannot be opened.
    #[error("cannot launch {}: {source}", path.display())]
    Executable {
        /// The path of the executable.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// A program of the launcher is not installed on this machine.
    #[error("cannot find the program {program}: {remedy}")]
    Program {
        /// The name of the program.
        program: String,
        /// What to install.
        remedy: String,
    },
    /// A thread or a process of the launcher cannot be started.
    #[error("cannot start {what}: {source}")]
    Start {
        /// What cannot be started.
        what: String,
        /// The error of the operating system.
        source: io::Error,
    },
    /// No node process runs on the host with this number.
    #[error("no node process runs on host {0}")]
    NotRunning(u32),
    /// No host has this number.
    #[error("there is no host {0}")]
    NoSuchHost(u32),
    /// The launch was stopped, or its launcher has failed as a whole.
    #[error("the launch has ended")]
    LaunchEnded,
}
