//! The results of tasks, and who waits for them. No I/O here.

use crate::{id::Id, wire::Payload};
use mosaic_abi::Failure;
use std::collections::HashMap;
use tokio::sync::watch;

/// How a task ended.
pub(super) type Outcome = Result<Payload, Failure>;

/// All tasks that this worker knows of: submitted here, or asked for before that.
#[derive(Debug, Default)]
pub(super) struct Stock {
    tasks: HashMap<Id, Task>,
}

#[derive(Debug, Default)]
struct Task {
    outcome: watch::Sender<Option<Outcome>>,
    /// The head that submitted it; `None` while it was only asked for.
    session: Option<u64>,
}

impl Stock {
    /// Notes a task that will end.
    pub(super) fn declare(&mut self, task: Id, session: u64) {
        self.tasks.entry(task).or_default().session = Some(session);
    }

    /// Where a task's outcome will be seen. A task that is not known yet may be asked for: its head keeps it until those
    /// who need it have ended, so it is still on its way.
    pub(super) fn watch(&mut self, task: Id) -> watch::Receiver<Option<Outcome>> {
        self.tasks.entry(task).or_default().outcome.subscribe()
    }

    /// Stores how a task ended, the first time; `false` if nobody wants it or it had ended.
    pub(super) fn store(&mut self, task: Id, outcome: Outcome) -> bool {
        let task = self.tasks.get(&task).filter(|task| task.outcome.borrow().is_none());
        task.is_some_and(|task| {
            task.outcome.send_replace(Some(outcome));
            true
        })
    }

    /// Whether a task has ended.
    pub(super) fn has_ended(&self, task: Id) -> bool {
        self.tasks.get(&task).is_none_or(|task| task.outcome.borrow().is_some())
    }

    /// Frees a task's result. Whoever waits for it learns that it will not come.
    pub(super) fn remove(&mut self, task: Id) {
        self.tasks.remove(&task);
    }

    /// Frees what a head submitted.
    pub(super) fn forget(&mut self, session: u64) {
        self.tasks.retain(|_, task| task.session != Some(session));
    }

    pub(super) fn clear(&mut self) {
        self.tasks.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_may_be_asked_for_before_it_is_known() {
        let mut stock = Stock::default();
        let asked = stock.watch(Id::of(1));
        stock.declare(Id::of(1), 1);
        assert!(!stock.has_ended(Id::of(1)));
        assert!(stock.store(Id::of(1), Ok(Payload::default())));
        assert!(asked.borrow().is_some());
    }

    #[test]
    fn a_head_takes_only_its_own_tasks_along() {
        let mut stock = Stock::default();
        stock.declare(Id::of(1), 1);
        stock.declare(Id::of(2), 2);
        stock.forget(1);
        assert!(stock.tasks.contains_key(&Id::of(2)) && stock.tasks.len() == 1);
    }

    #[test]
    fn a_task_ends_once() {
        let mut stock = Stock::default();
        stock.declare(Id::of(1), 1);
        assert!(stock.store(Id::of(1), Ok(Payload::default())));
        assert!(!stock.store(Id::of(1), Ok(Payload::default())));
    }

    #[test]
    fn a_removed_task_stays_removed() {
        let mut stock = Stock::default();
        stock.declare(Id::of(1), 1);
        let waiting = stock.watch(Id::of(1));
        stock.remove(Id::of(1));
        assert!(waiting.has_changed().is_err());
        assert!(!stock.store(Id::of(1), Ok(Payload::default())));
        assert!(stock.tasks.is_empty());
    }
}
