//! The settings that the monitor gives a worker. The environment carries them, so that they apply from the first
//! instruction.

use crate::{
    cpu_affinity::Cpus,
    warehouse::{StoreDir, StoreDirs},
    wire::{Host, Network},
};
use mosaic_abi::LogOptions;
use std::{
    env,
    ffi::OsString,
    io,
    net::SocketAddr,
    path::{Path, PathBuf},
    str::FromStr,
};

/// The environment variables of a worker, in the order of the fields of [`Settings`]. The first one tells a program
/// that it is a worker.
const OWN: [&str; 12] = [
    "MOSAIC_WORKER_UID",
    "MOSAIC_WORKER_MONITOR",
    "MOSAIC_WORKER_MEMORY",
    "MOSAIC_WORKER_DISK",
    "MOSAIC_WORKER_THREADS",
    "MOSAIC_WORKER_MEMORY_LIMIT",
    "MOSAIC_WORKER_CPUS",
    "MOSAIC_WORKER_LOG_LEVEL",
    "MOSAIC_WORKER_LOG_TIMESTAMPS",
    "MOSAIC_WORKER_HOST",
    "MOSAIC_WORKER_MONITOR_HOST",
    "MOSAIC_WORKER_CLOCK",
];
/// The environment variables that tell libraries how many threads to use.
const LIBRARIES: [&str; 2] = ["OMP_NUM_THREADS", "RAYON_NUM_THREADS"];

/// The settings of a worker.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Settings {
    /// The worker's uid, such as `worker:0:1`.
    pub(crate) uid: String,
    /// The socket of the monitor.
    pub(crate) monitor: PathBuf,
    /// The directories of stored values.
    pub(crate) store_dirs: StoreDirs,
    /// The number of constructors and methods that may run at once.
    pub(crate) threads: usize,
    /// The part of the machine's memory above which no method begins.
    pub(crate) memory_limit: f64,
    /// The CPUs that the worker may run on; empty for all.
    pub(crate) cpus: Cpus,
    /// The level and the format of the worker's log.
    pub(crate) log: LogOptions,
    /// The host of the worker.
    pub(crate) host: Host,
    /// The gate of the monitor's host, if that is another one.
    pub(crate) monitor_host: Option<SocketAddr>,
    /// The number of nanoseconds to add to this host's clock to get the monitor's.
    pub(crate) clock_offset: i64,
}

impl Settings {
    /// Returns the worker's place within the runtime's network.
    pub(crate) fn network(&self) -> Network {
        Network {
            own: self.host,
            monitor: self.monitor_host,
            run_dir: self.monitor.parent().unwrap_or(Path::new("/")).to_owned(),
        }
    }

    /// Returns whether this process was started by a monitor as a worker.
    pub(crate) fn are_given() -> bool {
        env::var_os(OWN[0]).is_some()
    }

    /// Returns the environment variables that tell a worker its settings, and libraries in it how many threads to use.
    /// Variables for libraries that the user has set stay as they are.
    pub(crate) fn variables(&self, library_threads: usize) -> impl Iterator<Item = (&'static str, OsString)> {
        let own: [OsString; 12] = [
            self.uid.clone().into(),
            self.monitor.clone().into(),
            self.store_dirs.directory(StoreDir::Memory).into(),
            self.store_dirs.directory(StoreDir::Disk).into(),
            self.threads.to_string().into(),
            self.memory_limit.to_string().into(),
            self.cpus.to_string().into(),
            self.log.level.to_string().into(),
            self.log.timestamps.to_string().into(),
            self.host.to_string().into(),
            self.monitor_host
                .map_or(String::new(), |address| address.to_string())
                .into(),
            self.clock_offset.to_string().into(),
        ];
        let library_threads = OsString::from(library_threads.to_string());
        let unset = LIBRARIES.into_iter().filter(|name| env::var_os(name).is_none());
        OWN.into_iter()
            .zip(own)
            .chain(unset.map(move |name| (name, library_threads.clone())))
    }

    /// Takes the settings out of the environment, so that a program that a method starts does not take itself for a
    /// worker.
    ///
    /// # Safety
    ///
    /// No other thread may run.
    pub(crate) unsafe fn take() -> io::Result<Settings> {
        let [
            uid,
            monitor,
            memory,
            disk,
            threads,
            memory_limit,
            cpus,
            level,
            timestamps,
            host,
            monitor_host,
            clock,
        ] = OWN;
        let monitor_host: String = variable(monitor_host)?;
        let settings = Settings {
            uid: variable(uid)?,
            monitor: variable(monitor)?,
            store_dirs: StoreDirs::at(variable(memory)?, variable(disk)?),
            threads: variable(threads)?,
            memory_limit: variable(memory_limit)?,
            cpus: variable(cpus)?,
            log: LogOptions {
                level: variable(level)?,
                timestamps: variable(timestamps)?,
            },
            host: variable(host)?,
            monitor_host: match &*monitor_host {
                "" => None,
                address => Some(address.parse().map_err(|_| malformed(OWN[10]))?),
            },
            clock_offset: variable(clock)?,
        };
        for name in OWN {
            // SAFETY: no other thread could read the environment, by this function's contract.
            unsafe { env::remove_var(name) };
        }
        Ok(settings)
    }
}

/// Reads an environment variable.
fn variable<T: FromStr>(name: &str) -> io::Result<T> {
    let value = env::var(name).ok().and_then(|value| value.parse().ok());
    value.ok_or_else(|| malformed(name))
}

/// Returns the error of an environment variable that no monitor has set like this.
fn malformed(name: &str) -> io::Error {
    io::Error::other(format!(
        "{name} is missing or malformed: only a monitor can start workers"
    ))
}
