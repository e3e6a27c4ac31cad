//! The assignment of a loop's items to workers. No I/O here.

use std::{
    collections::{BTreeSet, HashMap, VecDeque},
    iter::Enumerate,
};

/// An item that a worker has.
struct Job<T> {
    item: T,
    /// The number of times that the item was given to a worker.
    attempts: usize,
    /// The worker that has it.
    worker: String,
}

/// The items that are left, and the workers, which take one at a time.
pub(crate) struct LoopQueue<I: Iterator> {
    items: Enumerate<I>,
    /// Items whose worker was lost, with the number of their attempts.
    again: VecDeque<(usize, I::Item, usize)>,
    /// Idle workers, in the order in which they get an item.
    free: VecDeque<String>,
    /// Workers that were not lost.
    living: BTreeSet<String>,
    /// An item that fails more often than there were workers is itself the cause.
    most_attempts: usize,
    running: HashMap<usize, Job<I::Item>>,
}

impl<I: Iterator> LoopQueue<I>
where
    I::Item: Clone,
{
    pub(crate) fn new(items: I, workers: Vec<String>) -> LoopQueue<I> {
        LoopQueue {
            items: items.enumerate(),
            again: VecDeque::new(),
            living: workers.iter().cloned().collect(),
            most_attempts: workers.len(),
            free: workers.into(),
            running: HashMap::new(),
        }
    }

    /// Assigns the next item: its index, its worker, and the item. Returns `None` if no item is left or no worker is
    /// idle.
    pub(crate) fn assign(&mut self) -> Option<(usize, String, I::Item)> {
        if self.free.is_empty() {
            return None;
        }
        let (index, item, attempts) = match self.again.pop_front() {
            Some(again) => again,
            None => self.items.next().map(|(index, item)| (index, item, 0))?,
        };
        let worker = self.free.pop_front()?;
        let job = Job {
            item: item.clone(),
            attempts: attempts + 1,
            worker: worker.clone(),
        };
        self.running.insert(index, job);
        Some((index, worker, item))
    }

    /// Marks an item as done. Its worker becomes idle.
    pub(crate) fn done(&mut self, index: usize) {
        if let Some(job) = self.running.remove(&index) {
            self.free_up(job.worker);
        }
    }

    /// Marks `worker` as lost, which failed the item. Returns whether another worker will try the item.
    pub(crate) fn lost(&mut self, index: usize, worker: &str) -> bool {
        self.living.remove(worker);
        self.free.retain(|free| free != worker);
        let Some(job) = self.running.remove(&index) else {
            return false;
        };
        self.free_up(job.worker);
        if self.living.is_empty() || job.attempts >= self.most_attempts {
            return false;
        }
        self.again.push_back((index, job.item, job.attempts));
        true
    }

    fn free_up(&mut self, worker: String) {
        if self.living.contains(&worker) {
            self.free.push_back(worker);
        }
    }

    /// Returns whether no worker is left.
    pub(crate) fn is_deserted(&self) -> bool {
        self.living.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(items: usize, workers: &[&str]) -> LoopQueue<std::ops::Range<usize>> {
        LoopQueue::new(0..items, workers.iter().map(|worker| (*worker).to_owned()).collect())
    }

    fn assigned(queue: &mut LoopQueue<std::ops::Range<usize>>) -> Vec<(usize, String)> {
        std::iter::from_fn(|| queue.assign())
            .map(|(index, worker, item)| {
                assert_eq!(index, item);
                (index, worker)
            })
            .collect()
    }

    fn given(pairs: &[(usize, &str)]) -> Vec<(usize, String)> {
        pairs
            .iter()
            .map(|(index, worker)| (*index, (*worker).to_owned()))
            .collect()
    }

    #[test]
    fn whoever_is_done_takes_the_next_item() {
        let mut queue = queue(4, &["a", "b"]);
        assert_eq!(assigned(&mut queue), given(&[(0, "a"), (1, "b")]));
        queue.done(1);
        assert_eq!(assigned(&mut queue), given(&[(2, "b")]));
        queue.done(2);
        assert_eq!(assigned(&mut queue), given(&[(3, "b")]));
        queue.done(0);
        queue.done(3);
        assert_eq!(assigned(&mut queue), given(&[]));
    }

    #[test]
    fn another_one_tries_what_was_lost_with_a_worker() {
        let mut queue = queue(3, &["a", "b"]);
        assigned(&mut queue);
        assert!(queue.lost(0, "a"));
        assert_eq!(assigned(&mut queue), given(&[]), "b is busy and a is gone");
        queue.done(1);
        assert_eq!(assigned(&mut queue), given(&[(0, "b")]));
        queue.done(0);
        assert_eq!(assigned(&mut queue), given(&[(2, "b")]));
        assert!(!queue.lost(2, "b"));
        assert!(queue.is_deserted());
    }

    #[test]
    fn an_item_that_is_lost_with_another_worker_than_its_own_is_not_tried_for_ever() {
        let mut queue = queue(1, &["a", "b"]);
        assert_eq!(assigned(&mut queue), given(&[(0, "a")]));
        assert!(queue.lost(0, "elsewhere"));
        assert_eq!(assigned(&mut queue), given(&[(0, "b")]));
        assert!(!queue.lost(0, "elsewhere"));
        assert!(!queue.is_deserted());
    }
}
