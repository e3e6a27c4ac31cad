//! The workers of this machine.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// A list of the workers that run on this machine. All clones are the same list.
///
/// ```
/// let workers = mosaic_debugger::Workers::default();
/// workers.add("worker:0:1", 4711);
/// workers.remove("worker:0:1");
/// ```
#[derive(Clone, Debug, Default)]
pub struct Workers(Arc<Mutex<BTreeMap<String, u32>>>);

impl Workers {
    /// Notes that a worker was started as the process `pid`.
    pub fn add(&self, uid: &str, pid: u32) {
        self.lock().insert(uid.to_owned(), pid);
    }

    /// Notes that a worker has ended.
    pub fn remove(&self, uid: &str) {
        self.lock().remove(uid);
    }

    /// Returns the uids and the pids.
    pub(crate) fn all(&self) -> Vec<(String, u32)> {
        self.lock().clone().into_iter().collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, u32>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
