//! How busy the workers say they are. No I/O here.

use crate::wire::Load;
use std::collections::BTreeMap;

/// The last load that each worker reported.
#[derive(Debug, Default)]
pub(in super::super) struct Loads(BTreeMap<String, Load>);

impl Loads {
    /// Notes how busy a worker says it is.
    pub(in super::super) fn reported(&mut self, worker: &str, load: Load) {
        self.0.insert(worker.to_owned(), load);
    }

    /// Forgets a worker that is gone.
    pub(in super::super) fn remove(&mut self, worker: &str) {
        self.0.remove(worker);
    }

    /// Returns the load of a worker.
    pub(in super::super) fn of(&self, worker: &str) -> Load {
        self.0.get(worker).copied().unwrap_or_default()
    }

    /// Returns the number of constructors and methods that all workers execute.
    pub(in super::super) fn running(&self) -> u32 {
        self.0.values().map(|load| load.running).sum()
    }

    /// Returns the number of constructors and methods that have ended on the living workers.
    pub(in super::super) fn ended(&self) -> u64 {
        self.0.values().map(|load| load.ended).sum()
    }

    /// Returns the workers that begin nothing for want of memory.
    pub(in super::super) fn short_of_memory(&self) -> impl Iterator<Item = &str> {
        let short = self.0.iter().filter(|(_, load)| load.short_of_memory);
        short.map(|(uid, _)| uid.as_str())
    }

    /// Forgets all loads.
    pub(in super::super) fn clear(&mut self) {
        self.0.clear();
    }
}
