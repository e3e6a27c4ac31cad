//! The results of tasks, and who waits for them. No I/O here.

use crate::{id::Id, map::Map, wire::Payload};
use mosaic_abi::Failure;
use std::collections::HashSet;
use tokio::sync::watch;

/// How a task ended.
pub(super) type Outcome = Result<Payload, Failure>;

/// All tasks that this worker knows of: submitted here, or asked for before that.
#[derive(Debug, Default)]
pub(super) struct Stock {
    tasks: Map<Id, Task>,
    /// The heads that are gone, and for whose tasks nobody will ask any more who has not asked yet.
    settled: HashSet<Id>,
}

#[derive(Debug)]
struct Task {
    /// How it ended, once it has.
    outcome: Option<Result<Payload, Box<Failure>>>,
    /// Where those see it who wait for it; few tasks have any.
    watched: Option<Box<watch::Sender<Option<Outcome>>>>,
    /// The head that submitted it or will.
    head: Id,
    /// Whether it was submitted here, and not only asked for.
    declared: bool,
}

impl Task {
    fn of(head: Id) -> Task {
        Task {
            outcome: None,
            watched: None,
            head,
            declared: false,
        }
    }

    fn has_ended(&self) -> bool {
        self.outcome.is_some()
    }

    fn outcome(&self) -> Option<Outcome> {
        let outcome = self.outcome.clone();
        outcome.map(|outcome| outcome.map_err(|failure| *failure))
    }

    fn is_waited_for(&self) -> bool {
        self.watched
            .as_ref()
            .is_some_and(|watched| watched.receiver_count() > 0)
    }
}

impl Stock {
    /// Notes a task that will end.
    pub(super) fn declare(&mut self, task: Id, head: Id) {
        self.tasks.entry(task).or_insert_with(|| Task::of(head)).declared = true;
    }

    /// Where a task's outcome will be seen; `None` if it never will. A task that is not known yet may be asked for: its
    /// head keeps it until those who need it have ended, so it is still on its way, as long as its head lives.
    pub(super) fn watch(&mut self, task: Id, head: Id) -> Option<watch::Receiver<Option<Outcome>>> {
        if self.settled.contains(&head) && !self.tasks.contains_key(&task) {
            return None;
        }
        let task = self.tasks.entry(task).or_insert_with(|| Task::of(head));
        let outcome = task.outcome();
        let watched = task
            .watched
            .get_or_insert_with(|| Box::new(watch::Sender::new(outcome)));
        Some(watched.subscribe())
    }

    /// Stores how a task ended, the first time; `false` if nobody wants it or it had ended.
    pub(super) fn store(&mut self, id: Id, outcome: Outcome) -> bool {
        let Some(task) = self.tasks.get_mut(&id).filter(|task| !task.has_ended()) else {
            return false;
        };
        task.outcome = Some(outcome.map_err(Box::new));
        if let Some(watched) = &task.watched {
            watched.send_replace(task.outcome());
        }
        self.free_unwanted(id);
        true
    }

    /// Whether a task has ended.
    pub(super) fn has_ended(&self, task: Id) -> bool {
        self.tasks.get(&task).is_none_or(Task::has_ended)
    }

    /// Frees a task's result, and says how many bytes it had. Whoever waits for it learns that it will not come.
    pub(super) fn remove(&mut self, task: Id) -> Option<usize> {
        let task = self.tasks.remove(&task)?;
        task.outcome?.ok().map(|value| value.len())
    }

    /// Whoever will ever ask for tasks of this head has asked: what was not submitted by now never will be, and a result
    /// is freed when it has reached those who wait for it.
    pub(super) fn settle(&mut self, head: Id) {
        self.settled.insert(head);
        self.tasks.retain(|_, task| task.head != head || task.declared);
        let of_head: Vec<Id> = self
            .tasks
            .iter()
            .filter(|(_, task)| task.head == head)
            .map(|(id, _)| *id)
            .collect();
        for task in of_head {
            self.free_unwanted(task);
        }
        self.tasks.give_back();
    }

    /// Frees the result of a task if its head is gone and nobody waits for it. To be called when somebody no longer does.
    pub(super) fn free_unwanted(&mut self, id: Id) {
        let unwanted = |task: &&Task| self.settled.contains(&task.head) && task.has_ended() && !task.is_waited_for();
        if self.tasks.get(&id).filter(unwanted).is_some() {
            self.tasks.remove(&id);
        }
    }

    /// Whether something that was submitted here has not ended, or is waited for.
    pub(super) fn is_busy(&self) -> bool {
        let mut tasks = self.tasks.values().filter(|task| task.declared);
        tasks.any(|task| !task.has_ended() || task.is_waited_for())
    }

    pub(super) fn len(&self) -> usize {
        self.tasks.len()
    }

    pub(super) fn clear(&mut self) {
        self.tasks.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: u128 = 100;
    const OTHER_HEAD: u128 = 200;

    fn declare(stock: &mut Stock, task: u128) {
        stock.declare(Id::of(task), Id::of(HEAD));
    }

    fn watch(stock: &mut Stock, task: u128) -> watch::Receiver<Option<Outcome>> {
        stock.watch(Id::of(task), Id::of(HEAD)).unwrap()
    }

    fn finish(stock: &mut Stock, task: u128) -> bool {
        stock.store(Id::of(task), Ok(Payload::default()))
    }

    fn known(stock: &Stock) -> Vec<u128> {
        (0..10)
            .filter(|task| stock.tasks.contains_key(&Id::of(*task)))
            .collect()
    }

    #[test]
    fn a_task_may_be_asked_for_before_it_is_known() {
        let mut stock = Stock::default();
        let asked = watch(&mut stock, 1);
        declare(&mut stock, 1);
        assert!(!stock.has_ended(Id::of(1)));
        assert!(finish(&mut stock, 1));
        assert!(asked.borrow().is_some());
    }

    #[test]
    fn a_task_ends_once() {
        let mut stock = Stock::default();
        declare(&mut stock, 1);
        assert!(finish(&mut stock, 1));
        assert!(!finish(&mut stock, 1));
    }

    #[test]
    fn a_removed_task_stays_removed() {
        let mut stock = Stock::default();
        declare(&mut stock, 1);
        let waiting = watch(&mut stock, 1);
        stock.remove(Id::of(1));
        assert!(waiting.has_changed().is_err());
        assert!(!finish(&mut stock, 1));
        assert!(stock.tasks.is_empty());
    }

    #[test]
    fn what_a_head_that_is_gone_never_submitted_fails() {
        let mut stock = Stock::default();
        let asked_before = watch(&mut stock, 1);
        stock.settle(Id::of(HEAD));
        assert!(asked_before.has_changed().is_err());
        assert!(stock.watch(Id::of(2), Id::of(HEAD)).is_none());
        // Another head's may still come.
        assert!(stock.watch(Id::of(3), Id::of(OTHER_HEAD)).is_some());
    }

    #[test]
    fn results_of_a_head_that_is_gone_stay_until_they_have_reached_all_who_wait() {
        let mut stock = Stock::default();
        for task in 1..=4 {
            declare(&mut stock, task);
        }
        stock.declare(Id::of(5), Id::of(OTHER_HEAD));
        let (first, second) = (watch(&mut stock, 1), watch(&mut stock, 2));
        for task in [1, 3, 5] {
            finish(&mut stock, task);
        }
        stock.settle(Id::of(HEAD));
        // 1 is waited for, 2 and 4 still run, 3 is unwanted, 5 is another's.
        assert_eq!(known(&stock), [1, 2, 4, 5]);
        finish(&mut stock, 2);
        finish(&mut stock, 4);
        assert_eq!(known(&stock), [1, 2, 5]);
        for (task, waiting) in [(1, first), (2, second)] {
            assert!(waiting.borrow().is_some());
            drop(waiting);
            stock.free_unwanted(Id::of(task));
        }
        assert_eq!(known(&stock), [5]);
    }

    #[test]
    fn what_arrives_late_from_a_head_that_is_gone_runs_and_leaves_nothing() {
        let mut stock = Stock::default();
        stock.settle(Id::of(HEAD));
        declare(&mut stock, 1);
        assert!(!stock.has_ended(Id::of(1)));
        assert!(finish(&mut stock, 1));
        assert!(known(&stock).is_empty());
    }
}
