//! Options of tesserae, calls and functions.

use crate::HasPlace;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Options of a tessera, a call or a function. An option that is not set is left to the runtime.
///
/// Options go on the attribute (`#[tessera(max_retries = 2)]`, for all tesserae of a type), on the type
/// (`Solver::with(options).remote(…)`, for one tessera, or `.remote_array(4, …)`, for several), on a proxy
/// (`solver.with(options).solve(…)`, for its calls), and on functions (`mosaic::with(options).spawn(…)`). A tessera's
/// options hold for its constructor and its calls; options that are closer to the call win.
///
/// ```
/// # use mosaic::prelude::*;
/// # #[tessera] struct Counter(u64);
/// # #[tessera] impl Counter {
/// #     fn new(start: u64) -> Self { Counter(start) }
/// #     fn add(&mut self, n: u64) -> u64 { self.0 += n; self.0 }
/// # }
/// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
/// # mosaic::interactive(On).num_workers(2).await?;
/// let there = Options::new().worker("worker:0:1").max_retries(2);
/// let counter = Counter::with(there).remote(1);
/// assert_eq!(counter.with(Options::new().max_retries(0)).add(1).result().await?, 2);
/// # Ok(()) })? }
/// ```
// A new option also goes into `KNOWN` in `runtime/expand/src/options.rs`, or the attribute refuses it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Options {
    /// The number of times that a constructor or a method that panics is run again, with the same arguments.
    pub max_retries: Option<u32>,
    /// The worker that a tessera is placed on.
    pub worker: Option<String>,
    /// The uid of a tessera or a stored value on whose host a tessera is placed, or of a host or a worker.
    pub near: Option<String>,
    /// The number of times that a tessera whose worker is lost is constructed again.
    pub restarts: Option<u32>,
    /// The time that a constructor, a call or a function may take after it was submitted.
    pub timeout: Option<Duration>,
}

impl Options {
    /// Makes options that set nothing.
    ///
    /// ```
    /// assert_eq!(mosaic::Options::new().max_retries, None);
    /// ```
    pub fn new() -> Options {
        Options::default()
    }

    /// Sets how often a constructor or a method that panics is run again, with the same arguments and on the same
    /// worker.
    ///
    /// Changes that a method made before it panicked stay.
    ///
    /// ```
    /// let options = mosaic::Options::new().max_retries(2);
    /// assert_eq!(options.max_retries, Some(2));
    /// ```
    #[must_use]
    pub fn max_retries(mut self, max_retries: u32) -> Options {
        self.max_retries = Some(max_retries);
        self
    }

    /// Sets the worker that a tessera is placed on, such as `worker:0:1`.
    ///
    /// ```
    /// let options = mosaic::Options::new().worker("worker:0:1");
    /// assert_eq!(options.worker.as_deref(), Some("worker:0:1"));
    /// ```
    #[must_use]
    pub fn worker(mut self, worker: impl Into<String>) -> Options {
        self.worker = Some(worker.into());
        self
    }

    /// Sets the host that a tessera is placed on, or a function runs on: the host of a proxy's tessera, of a task's
    /// result, of a stored value, of a parameter or of a worker, or a host itself. The placement strategy chooses among
    /// the workers there.
    ///
    /// Instead of the value, its uid can be given, such as `node:1` for a host.
    ///
    /// If no worker runs there, the strategy chooses among all workers.
    ///
    /// ```
    /// # use mosaic::prelude::*;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
    /// # mosaic::interactive(On).num_workers(1).await?;
    /// let survey = mosaic::put(&vec![0.0_f64; 1 << 20]).await?;
    /// let there = mosaic::with(Options::new().near(&survey));
    /// let samples = there.spawn(|survey: Vec<f64>| survey.len(), (&survey,));
    /// assert_eq!(samples.result().await?, 1 << 20);
    /// let first_host = Options::new().near("node:0");
    /// # assert!(first_host.near.is_some());
    /// # Ok(()) })? }
    /// ```
    #[must_use]
    pub fn near(mut self, place: impl HasPlace) -> Options {
        self.near = Some(place.__uid());
        self
    }

    /// Sets how often a tessera whose worker is lost is constructed again, on another worker, with the same arguments.
    ///
    /// The arguments are kept for that. Changes that calls made are lost. Calls that had not ended run again, in order,
    /// if they have a [`max_retries`](Options::max_retries) left, and fail otherwise; results of calls that had ended
    /// are lost. A call that runs again may have run in part before: it runs at least once.
    ///
    /// ```
    /// let options = mosaic::Options::new().restarts(1).max_retries(1);
    /// assert_eq!(options.restarts, Some(1));
    /// ```
    #[must_use]
    pub fn restarts(mut self, restarts: u32) -> Options {
        self.restarts = Some(restarts);
        self
    }

    /// Sets how long a constructor, a call or a function may take after it was submitted. Then it fails.
    ///
    /// A running method is told as by `task.cancel()`. If the method ignores that, its tessera stays busy until it
    /// ends.
    ///
    /// ```
    /// use std::time::Duration;
    /// let options = mosaic::Options::new().timeout(Duration::from_secs(60));
    /// assert_eq!(options.timeout, Some(Duration::from_secs(60)));
    /// ```
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Options {
        self.timeout = Some(timeout);
        self
    }

    /// Fills in `others` where these options set nothing.
    ///
    /// ```
    /// use mosaic::Options;
    /// let options = Options::new().max_retries(1).or(&Options::new().max_retries(2).restarts(3));
    /// assert_eq!((options.max_retries, options.restarts), (Some(1), Some(3)));
    /// ```
    #[must_use]
    pub fn or(self, others: &Options) -> Options {
        Options {
            max_retries: self.max_retries.or(others.max_retries),
            worker: self.worker.or_else(|| others.worker.clone()),
            near: self.near.or_else(|| others.near.clone()),
            restarts: self.restarts.or(others.restarts),
            timeout: self.timeout.or(others.timeout),
        }
    }

    /// Encodes the options for the ABI. Options that set nothing take no bytes.
    pub fn encoded(&self) -> Vec<u8> {
        if *self == Options::default() {
            return Vec::new();
        }
        // Numbers and texts can always be encoded.
        crate::encode(self).unwrap_or_default()
    }

    /// Decodes options that [`Options::encoded`] encoded.
    ///
    /// # Errors
    ///
    /// The bytes encode no options.
    pub fn decoded(bytes: &[u8]) -> Result<Options, String> {
        match bytes {
            [] => Ok(Options::default()),
            bytes => crate::decode(bytes),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closer_options_win() {
        let closer = Options::new().max_retries(1);
        let others = Options::new().max_retries(2).worker("worker:0:1");
        assert_eq!(closer.or(&others), Options::new().max_retries(1).worker("worker:0:1"));
    }

    #[test]
    fn options_cross() {
        let set = Options::new()
            .max_retries(3)
            .worker("worker:0:0")
            .near("node:0")
            .restarts(1);
        for options in [Options::new(), set] {
            assert_eq!(Options::decoded(&options.encoded()), Ok(options));
        }
    }
}
