//! How a tessera or a call is to be carried out.

use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How a tessera, or a call, is to be carried out. What is not set is left to the runtime.
///
/// They go on the attribute (`#[tessera(max_retries = 2)]`, for all of a type's tesserae), on the type
/// (`Solver::with(options).remote(…)`, for one tessera, `Solver::with(options).remote_array(4, …)`, for several), and on a
/// proxy (`solver.with(options).solve(…)`, for its calls).
/// A tessera's options hold for its constructor and its calls; those that are closer to the call win.
///
/// ```
/// use mosaic_abi::Options;
/// let options = Options::new().max_retries(2).worker("worker:0:1");
/// assert_eq!(options.max_retries, Some(2));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Options {
    /// How often a constructor or a method that panics is run again, with the same arguments.
    pub max_retries: Option<u32>,
    /// The worker that a tessera is to live on.
    pub worker: Option<String>,
    /// How often a tessera whose worker is lost is made again.
    pub restarts: Option<u32>,
    /// How long a constructor, a call or a function may take from when it is submitted.
    pub timeout: Option<Duration>,
}

impl Options {
    /// Options that set nothing.
    pub fn new() -> Options {
        Options::default()
    }

    /// Runs a constructor or a method that panics up to `max_retries` times again, with the same arguments, on the same
    /// worker. What a method had changed before it panicked stays changed.
    #[must_use]
    pub fn max_retries(mut self, max_retries: u32) -> Options {
        self.max_retries = Some(max_retries);
        self
    }

    /// Has a tessera live on this worker, such as `worker:0:1`.
    #[must_use]
    pub fn worker(mut self, worker: impl Into<String>) -> Options {
        self.worker = Some(worker.into());
        self
    }

    /// Has a tessera whose worker is lost made again, up to `restarts` times, on another worker: by its constructor, with the
    /// same arguments, which are kept for that. What its calls had changed is gone. Calls that had not ended are run again
    /// if they have a [`max_retries`](Options::max_retries) left, in their order, and fail otherwise; the results of those
    /// that had ended are lost.
    ///
    /// Nobody knows how far a call had come that is run again: it runs at least once.
    #[must_use]
    pub fn restarts(mut self, restarts: u32) -> Options {
        self.restarts = Some(restarts);
        self
    }

    /// Fails a constructor, a call or a function that has not ended so long after it was submitted. One that runs is told
    /// as by `task.cancel()`; a method that does not heed that keeps its tessera busy until it ends.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Options {
        self.timeout = Some(timeout);
        self
    }

    /// These options, and those of `others` that are not set here.
    #[must_use]
    pub fn or(self, others: &Options) -> Options {
        Options {
            max_retries: self.max_retries.or(others.max_retries),
            worker: self.worker.or_else(|| others.worker.clone()),
            restarts: self.restarts.or(others.restarts),
            timeout: self.timeout.or(others.timeout),
        }
    }

    /// The options as they cross, which is without a byte where nothing is set.
    pub fn encoded(&self) -> Vec<u8> {
        if *self == Options::default() {
            return Vec::new();
        }
        // Numbers and texts can always be encoded.
        crate::encode(self).unwrap_or_default()
    }

    /// The options that [`Options::encoded`] encoded.
    ///
    /// # Errors
    ///
    /// The bytes may be no options.
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
    fn what_is_closer_wins() {
        let closer = Options::new().max_retries(1);
        let others = Options::new().max_retries(2).worker("worker:0:1");
        assert_eq!(closer.or(&others), Options::new().max_retries(1).worker("worker:0:1"));
    }

    #[test]
    fn options_cross() {
        let set = Options::new().max_retries(3).worker("worker:0:0").restarts(1);
        for options in [Options::new(), set] {
            assert_eq!(Options::decoded(&options.encoded()), Ok(options));
        }
    }
}
