//! How busy the workers are, as far as they said. No I/O here.

use crate::wire::Load;
use std::collections::BTreeMap;

/// What each worker that said anything said last.
#[derive(Debug, Default)]
pub(super) struct Loads(BTreeMap<String, Load>);

impl Loads {
    /// A worker said how busy it is.
    pub(super) fn reported(&mut self, worker: &str, load: Load) {
        self.0.insert(worker.to_owned(), load);
    }

    /// A worker is gone.
    pub(super) fn remove(&mut self, worker: &str) {
        self.0.remove(worker);
    }

    pub(super) fn of(&self, worker: &str) -> Load {
        self.0.get(worker).copied().unwrap_or_default()
    }

    /// How many constructors and methods are being executed on all workers.
    pub(super) fn running(&self) -> u32 {
        self.0.values().map(|load| load.running).sum()
    }

    /// How many ended on those that live.
    pub(super) fn ended(&self) -> u64 {
        self.0.values().map(|load| load.ended).sum()
    }

    /// The workers that start nothing for want of memory.
    pub(super) fn short_of_memory(&self) -> impl Iterator<Item = &str> {
        let short = self.0.iter().filter(|(_, load)| load.short_of_memory);
        short.map(|(uid, _)| uid.as_str())
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}
