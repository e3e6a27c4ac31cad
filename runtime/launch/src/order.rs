//! What to launch.

use std::{ffi::OsString, path::PathBuf};

/// The environment variable that is `1` in every node process, and tells the executable to be one.
pub const NODE_VARIABLE: &str = "MOSAIC_NODE";

/// What to launch on each host, and on how many hosts.
#[derive(Clone, Debug)]
pub struct Order {
    /// The executable on this machine. A launch copies it to each host once.
    pub executable: PathBuf,
    /// The arguments of the node process.
    pub arguments: Vec<OsString>,
    /// Environment variables of the node process, in addition to those of its host and to [`NODE_VARIABLE`].
    pub environment: Vec<(OsString, OsString)>,
    /// The number of hosts. `None` means all hosts of the list, of the allocation, or of the cluster.
    pub hosts: Option<usize>,
    /// The number of CPUs to reserve on each host, by launchers that reserve CPUs: Slurm, when it makes an allocation,
    /// and Ray.
    pub cpus: Option<usize>,
    /// The CPU flags that the executable needs, with the names of `/proc/cpuinfo`. A host without them is refused.
    pub cpu_flags: Vec<String>,
}

impl Order {
    /// Returns an order for an executable without arguments, on all hosts. It needs the CPU flags for which this crate
    /// was compiled.
    pub fn new(executable: impl Into<PathBuf>) -> Order {
        Order {
            executable: executable.into(),
            arguments: Vec::new(),
            environment: Vec::new(),
            hosts: None,
            cpus: None,
            cpu_flags: crate::cpu_flags_of_this_build(),
        }
    }
}
