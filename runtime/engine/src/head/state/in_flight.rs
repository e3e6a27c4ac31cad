//! How much memory the submitted operations take up, and which callers wait until it is less. No I/O here.
//!
//! An operation that has not ended takes up memory in this process, on its way and at its worker; so do its arguments,
//! and so does a value that is not stored yet. The sum has a limit. A caller that exceeds the limit blocks until enough
//! operations have ended. A method must not block, because what it waits for may need its thread: operations that
//! methods submit are counted apart, and are refused beyond the limit.

use mosaic_abi::Handle;
use std::num::NonZeroU64;

/// The memory of an operation beside its arguments, in bytes: about 0.3 KB in the head, and less at its worker.
const OPERATION: NonZeroU64 = NonZeroU64::new(512).unwrap();

/// The memory of operations that have not ended, and the callers that wait until it is below the limit.
#[derive(Debug)]
pub(super) struct InFlight {
    by_callers: Sum,
    by_methods: Sum,
    /// The limit of each of the two sums, in bytes.
    limit: u64,
    blocked: Vec<BlockedCaller>,
    /// Whether the user was told why calls block.
    told: bool,
    /// Whether a method submits the operations that are added now.
    is_method: bool,
}

/// A number of operations and their memory.
#[derive(Clone, Copy, Debug, Default)]
struct Sum {
    count: usize,
    bytes: u64,
}

impl Sum {
    /// Describes the sum in words.
    fn describe(self) -> String {
        let Sum { count, bytes } = self;
        format!(
            "{count} tasks and values are in flight and take up {} MB",
            bytes.div_ceil(1 << 20)
        )
    }
}

/// A caller that waits until the operations beside its own are below the limit.
#[derive(Debug)]
struct BlockedCaller {
    wait: Handle,
    /// The object that the caller submitted last.
    object: Handle,
    /// The memory of `object`, while it has not ended.
    own_bytes: u64,
}

/// The memory that one object adds, until it has ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Charge {
    bytes: NonZeroU64,
    by_method: bool,
}

impl Default for InFlight {
    fn default() -> InFlight {
        InFlight {
            by_callers: Sum::default(),
            by_methods: Sum::default(),
            limit: u64::MAX,
            blocked: Vec::new(),
            told: false,
            is_method: false,
        }
    }
}

impl InFlight {
    /// Sets the limit, in bytes.
    pub(super) fn set_limit(&mut self, limit: u64) {
        self.limit = limit;
        self.told = false;
    }

    /// Sets whether the operations that are added from now on are a method's.
    pub(super) fn set_method(&mut self, is_method: bool) {
        self.is_method = is_method;
    }

    fn sum(&mut self, by_method: bool) -> &mut Sum {
        match by_method {
            true => &mut self.by_methods,
            false => &mut self.by_callers,
        }
    }

    /// Adds an operation whose arguments have this number of bytes.
    pub(super) fn add(&mut self, argument_bytes: u64) -> Charge {
        let (bytes, by_method) = (OPERATION.saturating_add(argument_bytes), self.is_method);
        let sum = self.sum(by_method);
        sum.count += 1;
        sum.bytes += bytes.get();
        Charge { bytes, by_method }
    }

    /// Removes an operation that has ended, and returns the waits that end with it.
    pub(super) fn remove(&mut self, object: Handle, Charge { bytes, by_method }: Charge) -> Vec<Handle> {
        let sum = self.sum(by_method);
        sum.count -= 1;
        sum.bytes -= bytes.get();
        if self.blocked.is_empty() {
            return Vec::new();
        }
        for caller in self.blocked.iter_mut().filter(|caller| caller.object == object) {
            caller.own_bytes = 0;
        }
        // Waking a caller up for each task would take longer than many tasks do: an eighth must be free.
        let enough = self.limit - self.limit / 8;
        let all = self.by_callers.bytes;
        let over = self
            .blocked
            .extract_if(.., |caller| all.saturating_sub(caller.own_bytes) <= enough);
        over.map(|caller| caller.wait).collect()
    }

    /// Describes the operations of methods, if they exceed the limit.
    pub(super) fn methods_beyond_limit(&self) -> Option<String> {
        let sum = self.by_methods;
        (sum.bytes > self.limit).then(|| sum.describe())
    }

    /// Returns whether the caller that submitted an operation with this charge has to wait.
    pub(super) fn must_wait(&self, charge: Charge) -> bool {
        let others = self.by_callers.bytes.saturating_sub(charge.bytes.get());
        !charge.by_method && others > self.limit
    }

    /// Returns whether the operations of callers exceed the limit.
    pub(super) fn is_beyond_limit(&self) -> bool {
        self.by_callers.bytes > self.limit
    }

    /// Blocks a caller: `wait` ends when the operations beside its own are below the limit. Returns a text for the
    /// user, the first time.
    pub(super) fn block(&mut self, wait: Handle, object: Handle, charge: Charge) -> Option<String> {
        let own_bytes = charge.bytes.get();
        self.blocked.push(BlockedCaller {
            wait,
            object,
            own_bytes,
        });
        let told = std::mem::replace(&mut self.told, true);
        (!told).then(|| self.by_callers.describe())
    }

    /// Forgets a caller that no longer waits.
    pub(super) fn unblock(&mut self, wait: Handle) {
        self.blocked.retain(|caller| caller.wait != wait);
    }

    /// Returns the number of callers that wait.
    #[cfg(test)]
    pub(super) fn blocked_callers(&self) -> usize {
        self.blocked.len()
    }
}
