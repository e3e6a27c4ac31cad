//! Turning the runtime on and off.

use crate::{error::RuntimeError, remote::handle::Wait};
use mosaic_abi::{LogLevel, Placement, Slice, StartOptions};
use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

/// Which way [`interactive`] turns the runtime.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Switch {
    /// Start it.
    On,
    /// Stop it.
    Off,
}

/// Starts or stops the runtime of this notebook or program, once awaited.
///
/// `On` starts the monitor, a node and its workers, and prints a line for each; where they run already it does nothing.
/// `Off` ends them all and fails whatever is pending.
///
/// ```no_run
/// # async fn cell() -> Result<(), mosaic::RuntimeError> {
/// use mosaic::prelude::*;
/// mosaic::interactive(On).num_workers(2).await?;
/// mosaic::interactive(Off).await?;
/// # Ok(())
/// # }
/// ```
pub fn interactive(switch: Switch) -> Interactive {
    Interactive {
        switch,
        options: StartOptions::default(),
    }
}

/// How the runtime is to be started or stopped; made by [`interactive`] and done when awaited.
#[derive(Clone, Debug)]
#[must_use = "nothing starts or stops until it is awaited"]
pub struct Interactive {
    switch: Switch,
    options: StartOptions,
}

impl Interactive {
    /// How many workers to start; as many as there are CPUs if it is not called, or zero.
    pub fn num_workers(mut self, num_workers: usize) -> Interactive {
        self.options.num_workers = num_workers;
        self
    }

    /// The part of a node's memory, between 0 and 1, that stored values ([`crate::put`]) may take up; 0.6 if it is not
    /// called. The oldest ones beyond it move to disk: to the directory that the variable `MOSAIC_SPILL_DIR` named when the
    /// notebook or program started, or else to `/var/tmp`.
    pub fn spill_above(mut self, fraction: f64) -> Interactive {
        self.options.spill_above = Some(fraction);
        self
    }

    /// How workers are chosen for tesserae that name none; one after the other if it is not called.
    ///
    /// ```no_run
    /// # async fn cell() -> Result<(), mosaic::RuntimeError> {
    /// use mosaic::prelude::*;
    /// mosaic::interactive(On).num_workers(2).placement(mosaic::Placement::LeastLoaded).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn placement(mut self, placement: Placement) -> Interactive {
        self.options.placement = Some(placement);
        self
    }

    /// How many constructors and methods each worker executes at once, each on a thread of its own; the next ones wait.
    /// A busy tessera holds up no other one as long as there are threads.
    ///
    /// It is also what `OMP_NUM_THREADS` and `RAYON_NUM_THREADS` are set to in the workers. If it is not called, as many
    /// methods run at once as come (up to 64), and these variables share the CPUs evenly among the workers. A variable
    /// that is set already stays as it is.
    pub fn num_threads(mut self, num_threads: usize) -> Interactive {
        self.options.num_threads = Some(num_threads);
        self
    }

    /// The part of the machine's memory (of its control group's, if that is less) above which workers start no
    /// constructor and no method until it falls; 0.95 if it is not called, and 1.0 never. What runs goes on, and one at a
    /// time is started whatever the memory, so that what could free some is not kept waiting for ever.
    pub fn memory_limit(mut self, part: f64) -> Interactive {
        self.options.memory_limit = Some(part);
        self
    }

    /// The part of the machine's memory (of its control group's, if that is less) that what one process has in flight may
    /// take up: calls, constructors, functions and values to be stored that have not ended, at the bytes of their arguments
    /// and half a kilobyte each; 0.25 if it is not called. It stays as it is while the runtime is on.
    ///
    /// A call that goes beyond it returns when some have ended: until then its thread waits, and looks at no timer either. A
    /// method does not wait, since what it waits for may need its thread: beyond as much again of what methods submitted, its
    /// calls fail with [`crate::FailureKind::Busy`]. While methods of local tesserae run, nobody waits.
    ///
    /// ```no_run
    /// # async fn cell() -> Result<(), mosaic::RuntimeError> {
    /// use mosaic::prelude::*;
    /// mosaic::interactive(On).num_workers(2).in_flight_limit(0.5).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn in_flight_limit(mut self, part: f64) -> Interactive {
        self.options.in_flight_limit = Some(part);
        self
    }

    /// Whether each worker runs on CPUs of its own, which the operating system keeps it on: an even share of those that
    /// this process may use. Where the machine has several NUMA nodes, the CPUs of a worker are of one of them. Off if it
    /// is not called.
    pub fn affinity(mut self, affinity: bool) -> Interactive {
        self.options.affinity = affinity;
        self
    }

    /// How many workers that end unasked are replaced by new ones, in all; none if it is not called. The new worker has a
    /// number of its own. What the lost one had is lost all the same, but tesserae that are declared restartable
    /// (`#[tessera(restarts = 1)]`, or [`crate::Options::restarts`]).
    pub fn replace_lost_workers(mut self, at_most: u32) -> Interactive {
        self.options.replace_lost_workers = at_most;
        self
    }

    /// How much the workers and this process say of what the runtime does, and of what code says by [`crate::log!`];
    /// warnings and errors if it is not called. Each line stands on standard error, behind the name of who says it.
    ///
    /// ```no_run
    /// # async fn cell() -> Result<(), mosaic::RuntimeError> {
    /// use mosaic::{LogLevel, prelude::*};
    /// mosaic::interactive(On).num_workers(2).log_level(LogLevel::Info).log_timestamps(true).await?;
    /// mosaic::info!("the survey is read");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// Where the runtime runs already, only what this process says changes.
    pub fn log_level(mut self, level: LogLevel) -> Interactive {
        self.options.log.level = level;
        self
    }

    /// Whether each line of the log says when, in universal time; off if it is not called.
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
                // SAFETY: the slice lends bytes that outlive the call, and the function hands the caller a wait of its own.
                Switch::On => unsafe { (host.start)(Slice::new(&options)) },
                // SAFETY: the function hands the caller a wait of its own.
                Switch::Off => unsafe { (host.stop)() },
            }),
        }
    }
}

/// Waits until the runtime is on or off; made by awaiting an [`Interactive`].
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
