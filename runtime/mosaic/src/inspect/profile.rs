//! Profiles: which functions of this process and of workers take the processor time.

use crate::{error::RuntimeError, remote::query::Answer};
use mosaic_abi::{ProcessProfile, ProfileScope, Query};
use std::sync::atomic::{AtomicBool, Ordering};

/// Describes a profile of this process and of all workers, to be started with [`Profiler::start`].
///
/// In a notebook, the profile of a whole cell is easier to have: put the command `:profile` before its code. Use this
/// function for a part of a cell, for several cells, or for some of the workers.
///
/// ```
/// # use mosaic::prelude::*;
/// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
/// # mosaic::interactive(On).num_workers(1).await?;
/// let profiling = mosaic::profile().start().await?;
/// mosaic::spawn(|n: u64| (0..n).map(std::hint::black_box).sum::<u64>(), (1_000_000,)).result().await?;
/// let profile = profiling.stop().await?;
/// assert_eq!(profile.processes().collect::<Vec<_>>(), ["head", "worker:0:0"]);
/// # Ok(()) })? }
/// ```
pub fn profile() -> Profiler {
    Profiler(ProfileScope {
        here: true,
        workers: None,
    })
}

/// The description of a profile. Made by [`profile`].
///
/// ```
/// let profiler: mosaic::Profiler = mosaic::profile().on("worker:0:0").here();
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a profile begins with `start`"]
pub struct Profiler(ProfileScope);

impl Profiler {
    /// Profiles this worker, by its uid, and no other process but those that are named as well.
    ///
    /// ```
    /// let profiler = mosaic::profile().on("worker:0:0").on("worker:0:1");
    /// ```
    pub fn on(self, worker: impl Into<String>) -> Profiler {
        let is_first = self.0.workers.is_none();
        let mut workers = self.0.workers.unwrap_or_default();
        workers.push(worker.into());
        Profiler(ProfileScope {
            here: self.0.here && !is_first,
            workers: Some(workers),
        })
    }

    /// Profiles this process as well, beside the workers that [`Profiler::on`] names.
    ///
    /// ```
    /// let profiler = mosaic::profile().on("worker:0:0").here();
    /// ```
    pub fn here(self) -> Profiler {
        Profiler(ProfileScope { here: true, ..self.0 })
    }

    /// Starts the profile. It has begun in all processes when this returns.
    ///
    /// # Errors
    ///
    /// A profile is being taken already, a worker that was named does not live, or a worker was lost.
    ///
    /// # Examples
    ///
    /// ```
    /// # use mosaic::prelude::*;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
    /// let profiling = mosaic::profile().start().await?;
    /// profiling.stop().await?;
    /// # Ok(()) })? }
    /// ```
    pub async fn start(self) -> Result<Profiling, RuntimeError> {
        let begun: Answer<Vec<ProcessProfile>> = Answer::to(&Query::BeginProfile(self.0));
        begun.await.map(|_| Profiling {
            is_running: AtomicBool::new(true),
        })
    }
}

/// A profile that is being taken. Dropping it ends the profile.
///
/// ```
/// # use mosaic::prelude::*;
/// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
/// let profiling: mosaic::Profiling = mosaic::profile().start().await?;
/// # drop(profiling);
/// # Ok(()) })? }
/// ```
#[derive(Debug)]
#[must_use = "dropping it ends the profile"]
pub struct Profiling {
    is_running: AtomicBool,
}

impl Profiling {
    /// Ends the profile, and returns what it has found.
    ///
    /// # Errors
    ///
    /// The profile was stopped before, a worker was lost, or the runtime was stopped meanwhile.
    ///
    /// # Examples
    ///
    /// ```
    /// # use mosaic::prelude::*;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
    /// let profile = mosaic::profile().start().await?.stop().await?;
    /// assert_eq!(profile.processes().next(), Some("head"));
    /// # Ok(()) })? }
    /// ```
    pub async fn stop(&self) -> Result<Profile, RuntimeError> {
        self.is_running.store(false, Ordering::Relaxed);
        let processes: Answer<Vec<ProcessProfile>> = Answer::to(&Query::EndProfile);
        Ok(Profile {
            processes: processes.await?,
        })
    }
}

impl Drop for Profiling {
    fn drop(&mut self) {
        if self.is_running.load(Ordering::Relaxed) {
            drop(Answer::<Vec<ProcessProfile>>::to(&Query::EndProfile));
        }
    }
}

/// What a profile has found. A notebook shows it as a flame graph.
///
/// ```
/// # use mosaic::prelude::*;
/// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
/// let profile: mosaic::Profile = mosaic::profile().start().await?.stop().await?;
/// # Ok(()) })? }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    processes: Vec<ProcessProfile>,
}

impl Profile {
    /// Returns the names of the processes: the uids of workers, and `head` for the process that has asked.
    ///
    /// ```
    /// # use mosaic::prelude::*;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
    /// let profile = mosaic::profile().start().await?.stop().await?;
    /// assert_eq!(profile.processes().count(), 1);
    /// # Ok(()) })? }
    /// ```
    pub fn processes(&self) -> impl Iterator<Item = &str> {
        self.processes.iter().map(|it| &*it.process)
    }

    /// Returns what a process has sampled, encoded for the kernel.
    #[doc(hidden)]
    pub fn encoded(&self) -> Vec<u8> {
        // Texts and bytes can always be encoded.
        mosaic_abi::encode(&self.processes).unwrap_or_default()
    }
}
