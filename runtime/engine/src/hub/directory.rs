//! The monitor's books: which workers there are and which tessera is where. No I/O here.

use crate::{
    failures::{no_such_worker, no_worker_left},
    id::Id,
    wire::{LostWorker, Place},
};
use mosaic_abi::Failure;
use std::collections::HashMap;

/// The workers, in the order of their numbers, and the tesserae on them.
#[derive(Debug, Default)]
pub(super) struct Directory {
    workers: Vec<Place>,
    /// The worker that gets the next tessera: round robin.
    next: usize,
    /// The worker of each tessera that was not freed.
    tesserae: HashMap<Id, String>,
    /// The tesserae that were lost with their workers: who wants one of them is to learn why it is gone.
    lost: HashMap<Id, LostWorker>,
}

impl Directory {
    /// Makes a worker available.
    pub(super) fn add(&mut self, place: Place) {
        self.workers.push(place);
        // `worker:0:10` comes after `worker:0:9`.
        self.workers
            .sort_by(|a, b| (a.uid.len(), &a.uid).cmp(&(b.uid.len(), &b.uid)));
    }

    /// Never places on this worker again: what it had is lost.
    pub(super) fn remove(&mut self, worker: &LostWorker) {
        let LostWorker { uid, .. } = worker;
        if let Some(index) = self.workers.iter().position(|place| place.uid == *uid) {
            self.workers.remove(index);
            // Whoever was next stays next.
            if index < self.next {
                self.next -= 1;
            }
        }
        let lost = self.tesserae.extract_if(|_, of| of == uid);
        self.lost.extend(lost.map(|(tessera, _)| (tessera, worker.clone())));
    }

    /// Chooses a worker for a tessera, which may have to be the one named `worker`.
    pub(super) fn place(&mut self, tessera: Id, worker: Option<&str>) -> Result<Place, Failure> {
        let place = match worker {
            Some(worker) => self.named(worker)?,
            None => self.next().ok_or_else(no_worker_left)?,
        };
        self.tesserae.insert(tessera, place.uid.clone());
        Ok(place)
    }

    fn named(&self, worker: &str) -> Result<Place, Failure> {
        let found = self.workers.iter().find(|place| place.uid == worker);
        found.cloned().ok_or_else(|| {
            let uids: Vec<&str> = self.workers.iter().map(|place| place.uid.as_str()).collect();
            no_such_worker(worker, &uids)
        })
    }

    fn next(&mut self) -> Option<Place> {
        if self.next >= self.workers.len() {
            self.next = 0;
        }
        let place = self.workers.get(self.next)?.clone();
        self.next += 1;
        Some(place)
    }

    /// A tessera was freed.
    pub(super) fn forget(&mut self, tessera: Id) {
        self.tesserae.remove(&tessera);
    }

    /// The worker that a tessera was lost with, if it was.
    pub(super) fn lost(&self, tessera: Id) -> Option<&LostWorker> {
        self.lost.get(&tessera)
    }

    /// How many tesserae are on a worker.
    pub(super) fn tesserae(&self, worker: &str) -> u64 {
        self.tesserae.values().filter(|of| *of == worker).count() as u64
    }

    pub(super) fn workers(&self) -> &[Place] {
        &self.workers
    }

    pub(super) fn clear(&mut self) {
        *self = Directory::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn directory(workers: usize) -> Directory {
        let mut directory = Directory::default();
        for number in (0..workers).rev() {
            directory.add(Place {
                uid: format!("worker:0:{number}"),
                address: format!("/run/worker-0-{number}.sock").into(),
            });
        }
        directory
    }

    fn lose(directory: &mut Directory, worker: &str) {
        directory.remove(&LostWorker {
            uid: worker.to_owned(),
            status: "signal: 9 (SIGKILL)".to_owned(),
        });
    }

    fn places(directory: &mut Directory, count: u128) -> Vec<String> {
        (0..count)
            .map(|id| {
                let place = directory.place(Id::of(id), None);
                place.map_or("none".to_owned(), |place| place.uid)
            })
            .collect()
    }

    #[test]
    fn tesserae_go_round_in_the_order_of_the_workers() {
        assert_eq!(places(&mut directory(2), 3), ["worker:0:0", "worker:0:1", "worker:0:0"]);
        assert_eq!(places(&mut directory(11), 11)[9..], ["worker:0:9", "worker:0:10"]);
    }

    #[test]
    fn nothing_is_placed_on_a_worker_that_is_gone() {
        let mut directory = directory(3);
        assert_eq!(places(&mut directory, 2), ["worker:0:0", "worker:0:1"]);
        lose(&mut directory, "worker:0:0");
        assert_eq!(places(&mut directory, 3), ["worker:0:2", "worker:0:1", "worker:0:2"]);
        lose(&mut directory, "worker:0:1");
        lose(&mut directory, "worker:0:2");
        assert_eq!(places(&mut directory, 1), ["none"]);
    }

    #[test]
    fn who_names_a_worker_gets_it_and_nobody_loses_a_turn() {
        let mut directory = directory(2);
        let named = directory.place(Id::of(7), Some("worker:0:1")).unwrap();
        assert_eq!(named.uid, "worker:0:1");
        assert_eq!(places(&mut directory, 2), ["worker:0:0", "worker:0:1"]);
        let unknown = directory.place(Id::of(8), Some("worker:0:2")).unwrap_err();
        assert_eq!(
            unknown.message,
            "there is no worker `worker:0:2`: the workers are worker:0:0, worker:0:1"
        );
    }

    #[test]
    fn what_was_lost_is_remembered_and_what_was_freed_is_not() {
        let mut directory = directory(2);
        places(&mut directory, 4);
        directory.forget(Id::of(0));
        directory.forget(Id::of(1));
        lose(&mut directory, "worker:0:1");
        let lost = |id| directory.lost(Id::of(id)).map(|worker| worker.uid.as_str());
        assert_eq!([0, 1, 2, 3].map(lost), [None, None, None, Some("worker:0:1")]);
    }
}
