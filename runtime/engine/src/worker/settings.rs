//! What the hub tells a worker that it starts: in the environment, so that it holds from the first instruction on.

use crate::{
    affinity::Cpus,
    warehouse::{Shelf, Shelves},
};
use mosaic_abi::LogOptions;
use std::{env, ffi::OsString, io, path::PathBuf, str::FromStr};

/// The variables of a worker's own, in the order of the fields of [`Settings`]. The first one tells a program that it is a
/// worker.
const OWN: [&str; 9] = [
    "MOSAIC_WORKER_UID",
    "MOSAIC_HUB",
    "MOSAIC_WORKER_MEMORY",
    "MOSAIC_WORKER_DISK",
    "MOSAIC_WORKER_THREADS",
    "MOSAIC_WORKER_MEMORY_LIMIT",
    "MOSAIC_WORKER_CPUS",
    "MOSAIC_WORKER_LOG_LEVEL",
    "MOSAIC_WORKER_LOG_TIMESTAMPS",
];
/// The variables by which libraries are told how many threads to use.
const LIBRARIES: [&str; 2] = ["OMP_NUM_THREADS", "RAYON_NUM_THREADS"];

/// A worker's settings.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Settings {
    pub(crate) uid: String,
    /// The socket of the hub.
    pub(crate) hub: PathBuf,
    /// Where stored values lie.
    pub(crate) shelves: Shelves,
    /// How many constructors and methods run at once.
    pub(crate) threads: usize,
    /// The part of the machine's memory above which nothing is started.
    pub(crate) memory_limit: f64,
    /// The CPUs that it may run on; none: all.
    pub(crate) cpus: Cpus,
    /// How much it says of what it does.
    pub(crate) log: LogOptions,
}

impl Settings {
    /// Whether this process was started by a hub as a worker.
    pub(crate) fn are_given() -> bool {
        env::var_os(OWN[0]).is_some()
    }

    /// The variables that a worker takes its settings from, and those that tell libraries with threads of their own how many
    /// to use. What the user has set stays.
    pub(crate) fn variables(&self, library_threads: usize) -> impl Iterator<Item = (&'static str, OsString)> {
        let own: [OsString; 9] = [
            self.uid.clone().into(),
            self.hub.clone().into(),
            self.shelves.directory(Shelf::Memory).into(),
            self.shelves.directory(Shelf::Disk).into(),
            self.threads.to_string().into(),
            self.memory_limit.to_string().into(),
            self.cpus.to_string().into(),
            self.log.level.to_string().into(),
            self.log.timestamps.to_string().into(),
        ];
        let library_threads = OsString::from(library_threads.to_string());
        let unset = LIBRARIES.into_iter().filter(|name| env::var_os(name).is_none());
        OWN.into_iter()
            .zip(own)
            .chain(unset.map(move |name| (name, library_threads.clone())))
    }

    /// Takes the settings out of the environment: a program that a method starts is not to take itself for this worker.
    ///
    /// # Safety
    ///
    /// No other thread may run.
    pub(super) unsafe fn take() -> io::Result<Settings> {
        let [uid, hub, memory, disk, threads, memory_limit, cpus, level, timestamps] = OWN;
        let settings = Settings {
            uid: variable(uid)?,
            hub: variable(hub)?,
            shelves: Shelves::at(variable(memory)?, variable(disk)?),
            threads: variable(threads)?,
            memory_limit: variable(memory_limit)?,
            cpus: variable(cpus)?,
            log: LogOptions {
                level: variable(level)?,
                timestamps: variable(timestamps)?,
            },
        };
        for name in OWN {
            // SAFETY: no other thread could read the environment, by this function's contract.
            unsafe { env::remove_var(name) };
        }
        Ok(settings)
    }
}

fn variable<T: FromStr>(name: &str) -> io::Result<T> {
    let value = env::var(name).ok().and_then(|value| value.parse().ok());
    value.ok_or_else(|| io::Error::other(format!("{name} is not set as it should be: only a hub starts workers")))
}
