//! Starting and stopping the runtime.

use crate::{error::RuntimeError, remote::handle::Wait};
use mosaic_abi::{LogLevel, Placement, Slice, StartOptions};
use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

/// The choice between start and stop of the runtime: see [`interactive`]. The prelude has both variants.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
/// use mosaic::prelude::{Off, On};
/// mosaic::interactive(On).num_workers(1).await?;
/// mosaic::interactive(Off).await?;
/// # Ok(()) })? }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Switch {
    /// Start the runtime.
    On,
    /// Stop the runtime.
    Off,
}

/// Starts or stops the runtime of this notebook or program, once awaited.
///
/// `On` starts the monitor, a node and its workers, and prints a line for each. If they run already, it does nothing.
/// `Off` ends them all; pending tasks fail.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
/// use mosaic::prelude::*;
/// mosaic::interactive(On).num_workers(2).await?;
/// assert_eq!(mosaic::workers().await?.len(), 2);
/// mosaic::interactive(Off).await?;
/// # Ok(()) })? }
/// ```
pub fn interactive(switch: Switch) -> Interactive {
    Interactive {
        switch,
        options: StartOptions::default(),
    }
}

/// A start or a stop of the runtime, with its options. Made by [`interactive`]; starts or stops when it is awaited.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
/// use mosaic::prelude::*;
/// let start = mosaic::interactive(On).num_workers(2).num_threads(1).affinity(true);
/// start.await?;
/// # Ok(()) })? }
/// ```
#[derive(Clone, Debug)]
#[must_use = "nothing starts or stops until it is awaited"]
pub struct Interactive {
    switch: Switch,
    options: StartOptions,
}

impl Interactive {
    /// Sets where the workers run: on the hosts of a launcher. Default: on this machine, or where the environment
    /// variable `MOSAIC_ON` says.
    ///
    /// - `ssh:alpha,beta`: on these hosts, by ssh.
    /// - `slurm`: on the hosts of the allocation in which this process runs, or else of a new one. `slurm:OPTIONS` gives
    ///   these options to `salloc`.
    /// - `ray`: on the hosts of the Ray cluster that this machine belongs to. `ray://head:10001`: of another one.
    /// - An empty text: on this machine, whatever `MOSAIC_ON` says.
    ///
    /// ```no_run
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
    /// # use mosaic::prelude::*;
    /// mosaic::interactive(On).on("ssh:alpha,beta").num_workers(2).await?;
    /// assert_eq!(mosaic::workers().await?.len(), 4);
    /// # Ok(()) })? }
    /// ```
    pub fn on(mut self, place: impl Into<String>) -> Interactive {
        self.options.on = Some(place.into());
        self
    }

    /// Sets the number of hosts to run on. Default: all that the launcher has.
    ///
    /// ```no_run
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
    /// # use mosaic::prelude::*;
    /// mosaic::interactive(On).on("slurm").hosts(4).num_workers(4).await?;
    /// # Ok(()) })? }
    /// ```
    pub fn hosts(mut self, hosts: usize) -> Interactive {
        self.options.hosts = Some(hosts);
        self
    }

    /// Sets the number of workers on each host. Default, and for 0: one for each CPU.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
    /// # use mosaic::prelude::*;
    /// mosaic::interactive(On).num_workers(2).await?;
    /// assert_eq!(mosaic::workers().await?.len(), 2);
    /// # Ok(()) })? }
    /// ```
    pub fn num_workers(mut self, num_workers: usize) -> Interactive {
        self.options.num_workers = num_workers;
        self
    }

    /// Sets the fraction of a node's memory, between 0 and 1, that stored values ([`put`](crate::put)) may take.
    /// Default: 0.6.
    ///
    /// The oldest values beyond it move to disk: to the directory that the variable `MOSAIC_SPILL_DIR` named when the
    /// notebook or program started, or else to `/var/tmp`.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
    /// # use mosaic::prelude::*;
    /// mosaic::interactive(On).num_workers(1).spill_above(0.3).await?;
    /// # Ok(()) })? }
    /// ```
    pub fn spill_above(mut self, fraction: f64) -> Interactive {
        self.options.spill_above = Some(fraction);
        self
    }

    /// Sets how a worker is chosen for a tessera that names none. Default: round robin.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
    /// # use mosaic::prelude::*;
    /// mosaic::interactive(On).num_workers(2).placement(mosaic::Placement::LeastLoaded).await?;
    /// # Ok(()) })? }
    /// ```
    pub fn placement(mut self, placement: Placement) -> Interactive {
        self.options.placement = Some(placement);
        self
    }

    /// Sets how many constructors and methods each worker runs at once, each on a thread of its own. The next ones
    /// wait.
    ///
    /// Workers also get this number as `OMP_NUM_THREADS` and `RAYON_NUM_THREADS`. By default a worker runs as many
    /// methods at once as arrive (up to 64), and these variables divide the CPUs evenly among the workers. A variable
    /// that is already set stays as it is.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
    /// # use mosaic::prelude::*;
    /// mosaic::interactive(On).num_workers(1).num_threads(2).await?;
    /// # Ok(()) })? }
    /// ```
    pub fn num_threads(mut self, num_threads: usize) -> Interactive {
        self.options.num_threads = Some(num_threads);
        self
    }

    /// Sets the fraction of the machine's memory above which workers start no constructor and no method. Default: 0.95.
    ///
    /// 1.0 sets no limit. A smaller limit of the control group counts instead of the machine's memory. Running methods
    /// go on. One method at a time starts in any case, so that a method that would free memory does not wait for ever.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
    /// # use mosaic::prelude::*;
    /// mosaic::interactive(On).num_workers(1).memory_limit(0.8).await?;
    /// # Ok(()) })? }
    /// ```
    pub fn memory_limit(mut self, part: f64) -> Interactive {
        self.options.memory_limit = Some(part);
        self
    }

    /// Sets the fraction of the machine's memory that one process's submitted but unfinished work may take. Default:
    /// 0.25.
    ///
    /// Calls, constructors, functions and values to be stored count with the bytes of their arguments and half a
    /// kilobyte each. A smaller limit of the control group counts instead of the machine's memory. The limit cannot
    /// change while the runtime is on.
    ///
    /// A call that exceeds the limit blocks its thread, timers included, until enough work has ended. A method does not
    /// block, since the work may need its thread: what methods submit may take the same amount again, and beyond that
    /// their calls fail with [`FailureKind::Busy`](crate::FailureKind::Busy). While methods of local tesserae run, no
    /// call blocks.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
    /// # use mosaic::prelude::*;
    /// mosaic::interactive(On).num_workers(2).in_flight_limit(0.5).await?;
    /// # Ok(()) })? }
    /// ```
    pub fn in_flight_limit(mut self, part: f64) -> Interactive {
        self.options.in_flight_limit = Some(part);
        self
    }

    /// Sets whether the operating system keeps each worker on CPUs of its own. Default: off.
    ///
    /// Each worker gets an even share of the CPUs that this process may use, all of them in one NUMA node.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
    /// # use mosaic::prelude::*;
    /// mosaic::interactive(On).num_workers(2).affinity(true).await?;
    /// # Ok(()) })? }
    /// ```
    pub fn affinity(mut self, affinity: bool) -> Interactive {
        self.options.affinity = affinity;
        self
    }

    /// Sets how many lost workers are replaced, in total. Default: 0.
    ///
    /// A new worker has a number of its own. The tesserae and results of the lost worker stay lost, except tesserae
    /// that may restart (`#[tessera(restarts = 1)]`, or [`Options::restarts`](crate::Options::restarts)).
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
    /// # use mosaic::prelude::*;
    /// mosaic::interactive(On).num_workers(2).replace_lost_workers(1).await?;
    /// # Ok(()) })? }
    /// ```
    pub fn replace_lost_workers(mut self, at_most: u32) -> Interactive {
        self.options.replace_lost_workers = at_most;
        self
    }

    /// Sets the log level of the workers and of this process, for the runtime and for [`log!`](crate::log!). Default:
    /// `Warn`.
    ///
    /// Each line goes to standard error, behind the name of its process. If the runtime runs already, only the level of
    /// this process changes.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
    /// use mosaic::{LogLevel, prelude::*};
    /// mosaic::interactive(On).num_workers(2).log_level(LogLevel::Info).log_timestamps(true).await?;
    /// mosaic::info!("the survey is read");
    /// # Ok(()) })? }
    /// ```
    pub fn log_level(mut self, level: LogLevel) -> Interactive {
        self.options.log.level = level;
        self
    }

    /// Sets whether each line of the log begins with the time, in UTC. Default: off.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
    /// # use mosaic::prelude::*;
    /// mosaic::interactive(On).num_workers(1).log_timestamps(true).await?;
    /// # Ok(()) })? }
    /// ```
    pub fn log_timestamps(mut self, timestamps: bool) -> Interactive {
        self.options.log.timestamps = timestamps;
        self
    }
}

impl IntoFuture for Interactive {
    type Output = Result<(), RuntimeError>;
    type IntoFuture = Switching;

    fn into_future(self) -> Switching {
        // Numbers and texts can always be encoded.
        let options = mosaic_abi::encode(&self.options).unwrap_or_default();
        Switching {
            switch: self.switch,
            wait: Wait::begin(|host| match self.switch {
                // SAFETY: the slice lends bytes that outlive the call, and the function hands the caller a wait of its
                // own.
                Switch::On => unsafe { (host.start)(Slice::new(&options)) },
                // SAFETY: the function hands the caller a wait of its own.
                Switch::Off => unsafe { (host.stop)() },
            }),
        }
    }
}

/// A future that waits until the runtime is on or off. Made by awaiting an [`Interactive`].
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
/// # use mosaic::prelude::*;
/// use std::future::IntoFuture;
/// let starting: mosaic::Switching = mosaic::interactive(On).num_workers(1).into_future();
/// starting.await?;
/// # Ok(()) })? }
/// ```
#[must_use = "a future does nothing until it is awaited"]
pub struct Switching {
    switch: Switch,
    wait: Wait,
}

impl Future for Switching {
    type Output = Result<(), RuntimeError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let outcome = ready!(Pin::new(&mut self.wait).poll(context));
        let switch = self.switch;
        Poll::Ready(outcome.map_err(RuntimeError::new).map(|value| {
            let listing = mosaic_abi::decode::<String>(&value).unwrap_or_default();
            if switch == Switch::On && !listing.is_empty() {
                println!("{listing}");
            }
        }))
    }
}
