//! The results of tasks, and who waits for them. No I/O here.

use crate::{id::Id, shrinking_map::Map, wire::Payload};
use mosaic_abi::Failure;
use std::collections::HashSet;
use tokio::sync::watch;

/// How a task ended.
pub(super) type Outcome = Result<Payload, Failure>;

/// All tasks that this worker knows of: those that were submitted here, and those that were asked for before that.
#[derive(Debug, Default)]
pub(super) struct Results {
    tasks: Map<Id, Task>,
    /// The heads that are gone and settled: whoever needs one of their tasks has asked for it.
    settled: HashSet<Id>,
}

#[derive(Debug)]
struct Task {
    /// How the task ended, once it has.
    outcome: Option<Result<Payload, Box<Failure>>>,
    /// Shows the outcome to those who wait for it; few tasks have any.
    watched: Option<Box<watch::Sender<Option<Outcome>>>>,
    /// The head that submitted the task, or will.
    head: Id,
    /// Whether the task was submitted here, and not only asked for.
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

impl Results {
    /// Notes a task that was submitted here.
    pub(super) fn declare(&mut self, task: Id, head: Id) {
        self.tasks.entry(task).or_insert_with(|| Task::of(head)).declared = true;
    }

    /// Returns a receiver that sees a task's outcome; `None` if there never will be one.
    ///
    /// A task may be asked for before it is known. Its head keeps it until the operations that need it have ended, so
    /// while the head lives, an unknown task is still on its way.
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

    /// Keeps how a task ended, the first time; `false` if the task is not wanted or had ended.
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

    /// Returns whether a task has ended.
    pub(super) fn has_ended(&self, task: Id) -> bool {
        self.tasks.get(&task).is_none_or(Task::has_ended)
    }

    /// Frees a task's result, and returns its number of bytes. Whoever waits for the result learns that it will not
    /// come.
    pub(super) fn remove(&mut self, task: Id) -> Option<usize> {
        let task = self.tasks.remove(&task)?;
        task.outcome?.ok().map(|value| value.len())
    }

    /// Notes that a head is gone and that whoever needs one of its tasks has asked for it. A task that was not
    /// submitted by now never will be, and each result is freed when it has reached those who wait for it.
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

    /// Frees the result of a task whose head is gone and for which nobody waits. Call this when somebody stops waiting.
    pub(super) fn free_unwanted(&mut self, id: Id) {
        let unwanted = |task: &&Task| self.settled.contains(&task.head) && task.has_ended() && !task.is_waited_for();
        if self.tasks.get(&id).filter(unwanted).is_some() {
            self.tasks.remove(&id);
        }
    }

    /// Returns whether a task that was submitted here has not ended, or is waited for.
    pub(super) fn is_busy(&self) -> bool {
        let mut tasks = self.tasks.values().filter(|task| task.declared);
        tasks.any(|task| !task.has_ended() || task.is_waited_for())
    }

    /// Returns the number of tasks.
    pub(super) fn len(&self) -> usize {
        self.tasks.len()
    }

    /// Forgets all tasks.
    pub(super) fn clear(&mut self) {
        self.tasks.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: u128 = 100;
    const OTHER_HEAD: u128 = 200;

    fn declare(results: &mut Results, task: u128) {
        results.declare(Id::of(task), Id::of(HEAD));
    }

    fn watch(results: &mut Results, task: u128) -> watch::Receiver<Option<Outcome>> {
        results.watch(Id::of(task), Id::of(HEAD)).unwrap()
    }

    fn finish(results: &mut Results, task: u128) -> bool {
        results.store(Id::of(task), Ok(Payload::default()))
    }

    fn known(results: &Results) -> Vec<u128> {
        (0..10)
            .filter(|task| results.tasks.contains_key(&Id::of(*task)))
            .collect()
    }

    #[test]
    fn a_task_may_be_asked_for_before_it_is_known() {
        let mut results = Results::default();
        let asked = watch(&mut results, 1);
        declare(&mut results, 1);
        assert!(!results.has_ended(Id::of(1)));
        assert!(finish(&mut results, 1));
        assert!(asked.borrow().is_some());
    }

    #[test]
    fn a_task_ends_once() {
        let mut results = Results::default();
        declare(&mut results, 1);
        assert!(finish(&mut results, 1));
        assert!(!finish(&mut results, 1));
    }

    #[test]
    fn a_removed_task_stays_removed() {
        let mut results = Results::default();
        declare(&mut results, 1);
        let waiting = watch(&mut results, 1);
        results.remove(Id::of(1));
        assert!(waiting.has_changed().is_err());
        assert!(!finish(&mut results, 1));
        assert!(results.tasks.is_empty());
    }

    #[test]
    fn what_a_head_that_is_gone_never_submitted_fails() {
        let mut results = Results::default();
        let asked_before = watch(&mut results, 1);
        results.settle(Id::of(HEAD));
        assert!(asked_before.has_changed().is_err());
        assert!(results.watch(Id::of(2), Id::of(HEAD)).is_none());
        // A task of another head may still come.
        assert!(results.watch(Id::of(3), Id::of(OTHER_HEAD)).is_some());
    }

    #[test]
    fn results_of_a_head_that_is_gone_stay_until_they_have_reached_all_who_wait() {
        let mut results = Results::default();
        for task in 1..=4 {
            declare(&mut results, task);
        }
        results.declare(Id::of(5), Id::of(OTHER_HEAD));
        let (first, second) = (watch(&mut results, 1), watch(&mut results, 2));
        for task in [1, 3, 5] {
            finish(&mut results, task);
        }
        results.settle(Id::of(HEAD));
        // Task 1 is waited for, 2 and 4 still run, nobody wants 3, and 5 is of another head.
        assert_eq!(known(&results), [1, 2, 4, 5]);
        finish(&mut results, 2);
        finish(&mut results, 4);
        assert_eq!(known(&results), [1, 2, 5]);
        for (task, waiting) in [(1, first), (2, second)] {
            assert!(waiting.borrow().is_some());
            drop(waiting);
            results.free_unwanted(Id::of(task));
        }
        assert_eq!(known(&results), [5]);
    }

    #[test]
    fn what_arrives_late_from_a_head_that_is_gone_runs_and_leaves_nothing() {
        let mut results = Results::default();
        results.settle(Id::of(HEAD));
        declare(&mut results, 1);
        assert!(!results.has_ended(Id::of(1)));
        assert!(finish(&mut results, 1));
        assert!(known(&results).is_empty());
    }
}
