//! The queue of cells: one runs, the others wait. No I/O here.

use std::collections::VecDeque;

/// The cells that wait for the running one, and the number of the last cell that was counted.
pub(super) struct ExecutionQueue<C> {
    waiting: VecDeque<C>,
    is_running: bool,
    count: u32,
}

impl<C> Default for ExecutionQueue<C> {
    fn default() -> Self {
        ExecutionQueue {
            waiting: VecDeque::new(),
            is_running: false,
            count: 0,
        }
    }
}

impl<C> ExecutionQueue<C> {
    /// Adds a cell at the end.
    pub(super) fn push(&mut self, cell: C) {
        self.waiting.push_back(cell);
    }

    /// Takes the next cell and notes that it runs. Returns `None` if a cell runs already, or none waits.
    pub(super) fn start_next(&mut self) -> Option<C> {
        if self.is_running {
            return None;
        }
        let next = self.waiting.pop_front();
        self.is_running = next.is_some();
        next
    }

    /// Returns whether a cell is running.
    pub(super) fn is_running(&self) -> bool {
        self.is_running
    }

    /// Notes that the running cell has ended.
    pub(super) fn end(&mut self) {
        self.is_running = false;
    }

    /// Takes all cells that wait.
    pub(super) fn abort(&mut self) -> Vec<C> {
        self.waiting.drain(..).collect()
    }

    /// Returns the number of the cell that starts: a new one if the cell is counted, the last one if not.
    pub(super) fn number(&mut self, is_counted: bool) -> u32 {
        self.count += u32::from(is_counted);
        self.count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_cell_at_a_time_in_order() {
        let mut queue = ExecutionQueue::default();
        queue.push('a');
        queue.push('b');
        assert_eq!(queue.start_next(), Some('a'));
        assert_eq!(queue.start_next(), None);
        queue.end();
        assert_eq!(queue.start_next(), Some('b'));
        queue.end();
        assert_eq!(queue.start_next(), None);
        queue.push('c');
        assert_eq!(queue.start_next(), Some('c'));
    }

    #[test]
    fn what_waits_can_be_aborted() {
        let mut queue = ExecutionQueue::default();
        "abc".chars().for_each(|cell| queue.push(cell));
        queue.start_next();
        assert_eq!(queue.abort(), ['b', 'c']);
        queue.end();
        assert_eq!(queue.start_next(), None);
    }

    #[test]
    fn only_cells_that_are_kept_are_counted() {
        let mut queue = ExecutionQueue::<char>::default();
        assert_eq!(queue.number(true), 1);
        assert_eq!(queue.number(false), 1);
        assert_eq!(queue.number(true), 2);
    }
}
