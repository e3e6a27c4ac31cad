//! The directory of workers and of the tesserae on them. No I/O here.

use super::{
    loads::Loads,
    placement::{Candidate, choose},
};
use crate::{
    failures::{no_such_worker, no_worker_left, retired},
    id::Id,
    shrinking_map::Map,
    wire::{LostWorker, Near, Wish, WorkerAddress},
    worker_uid::{self, WorkerUid},
};
use mosaic_abi::{Failure, Placement};
use std::collections::HashMap;

/// A worker on which tesserae may be placed.
#[derive(Debug)]
struct Worker {
    place: WorkerAddress,
    /// The number of tesserae that live on the worker.
    tesserae: u64,
    /// The number of tesserae that were placed on the worker since it last said how busy it is.
    placed: u64,
    /// Whether the worker takes no new tesserae.
    is_retiring: bool,
}

/// The workers, in the order of their numbers, and the tesserae on them.
#[derive(Debug, Default)]
pub(in super::super) struct Directory {
    workers: Vec<Worker>,
    placement: Placement,
    /// The index of the worker whose turn it is.
    next: usize,
    /// The worker of each tessera that was not freed.
    tesserae: Map<Id, String>,
    /// The tesserae that were lost with their workers. Whoever asks for one of them learns why it is gone.
    lost: HashMap<Id, LostWorker>,
}

impl Directory {
    /// Makes an empty directory that chooses workers with this strategy.
    pub(in super::super) fn new(placement: Placement) -> Directory {
        Directory {
            placement,
            ..Directory::default()
        }
    }

    /// Adds a worker.
    pub(in super::super) fn add(&mut self, place: WorkerAddress) {
        self.workers.push(Worker {
            place,
            tesserae: 0,
            placed: 0,
            is_retiring: false,
        });
        self.workers
            .sort_by(|a, b| WorkerUid(&a.place.uid).cmp(&WorkerUid(&b.place.uid)));
    }

    /// Removes a worker that is gone. Its tesserae are lost.
    pub(in super::super) fn remove(&mut self, worker: &LostWorker) {
        let LostWorker { uid, .. } = worker;
        self.withdraw(uid);
        let lost = self.tesserae.extract_if(|_, of| of == uid);
        self.lost.extend(lost.map(|(tessera, _)| (tessera, worker.clone())));
    }

    /// Removes a worker that is ending: nothing is placed on it any more.
    pub(in super::super) fn withdraw(&mut self, worker: &str) {
        if let Some(index) = self.index(worker) {
            self.workers.remove(index);
            // The turn does not change.
            if index < self.next {
                self.next -= 1;
            }
        }
    }

    /// Places nothing on a worker any more, but leaves what it has; `false` if there is no such worker.
    pub(in super::super) fn retire(&mut self, worker: &str) -> bool {
        let found = self.workers.iter_mut().find(|found| found.place.uid == worker);
        found.map(|worker| worker.is_retiring = true).is_some()
    }

    /// Notes that a worker has said how busy it is. That includes the tesserae that were placed on it before.
    pub(in super::super) fn reported(&mut self, worker: &str) {
        if let Some(index) = self.index(worker) {
            self.workers[index].placed = 0;
        }
    }

    /// Places a tessera on the worker that is wished for, or chooses a worker.
    ///
    /// # Errors
    ///
    /// No worker is left, or the worker that is wished for does not exist or is retiring.
    pub(in super::super) fn place(
        &mut self,
        tessera: Id,
        wish: &Wish,
        loads: &Loads,
    ) -> Result<WorkerAddress, Failure> {
        let index = match &wish.worker {
            Some(worker) => self.named(worker)?,
            None => self.choose(wish, loads)?,
        };
        // The tessera may have been placed before, on a worker that is gone.
        self.lost.remove(&tessera);
        let worker = &mut self.workers[index];
        worker.tesserae += 1;
        worker.placed += 1;
        self.tesserae.insert(tessera, worker.place.uid.clone());
        Ok(worker.place.clone())
    }

    /// Chooses the worker on which the next tessera would be placed, and ends its turn.
    pub(in super::super) fn select(&mut self, loads: &Loads) -> Result<String, Failure> {
        let index = self.choose(&Wish::default(), loads)?;
        self.workers[index].placed += 1;
        Ok(self.workers[index].place.uid.clone())
    }

    /// Finds a worker that is wished for.
    fn named(&self, worker: &str) -> Result<usize, Failure> {
        match self.index(worker) {
            Some(index) if self.workers[index].is_retiring => Err(retired(worker)),
            Some(index) => Ok(index),
            None => {
                let uids: Vec<&str> = self.workers().map(|place| place.uid.as_str()).collect();
                Err(no_such_worker(worker, &uids))
            }
        }
    }

    /// Returns the index of a worker.
    fn index(&self, worker: &str) -> Option<usize> {
        self.workers.iter().position(|found| found.place.uid == worker)
    }

    /// Chooses a worker with the placement strategy, and ends its turn.
    fn choose(&mut self, wish: &Wish, loads: &Loads) -> Result<usize, Failure> {
        let host = wish.near_to.as_deref().and_then(|uid| self.host_of(uid));
        let candidates: Vec<Candidate> = self
            .workers
            .iter()
            .map(|worker| self.candidate(worker, &wish.near, host, loads))
            .collect();
        let chosen = choose(self.placement, &candidates, self.next).ok_or_else(no_worker_left)?;
        self.next = chosen + 1;
        Ok(chosen)
    }

    /// Describes a worker for the placement strategy.
    fn candidate(&self, worker: &Worker, near: &[Near], host: Option<u32>, loads: &Loads) -> Candidate {
        let uid = &worker.place.uid;
        let own_host = worker_uid::host_of(uid);
        let neighbours = self
            .workers
            .iter()
            .filter(|other| worker_uid::host_of(&other.place.uid) == own_host);
        let here = near.iter().filter(|near| self.tesserae.get(&near.tessera) == Some(uid));
        let load = loads.of(uid);
        Candidate {
            jobs: u64::from(load.running) + u64::from(load.waiting) + worker.placed,
            tesserae: worker.tesserae,
            arguments: here.fold((0, 0), |(bytes, count), near| (bytes + near.bytes, count + 1)),
            tesserae_of_host: neighbours.map(|worker| worker.tesserae).sum(),
            is_near: host.is_some() && host == own_host,
            is_retiring: worker.is_retiring,
        }
    }

    /// Returns the host of a tessera, of a function's task or of a worker, or the host of this uid.
    fn host_of(&self, uid: &str) -> Option<u32> {
        let placed = Id::of_tessera(uid).or_else(|| Id::of_task(uid));
        let worker = placed.and_then(|placed| self.tesserae.get(&placed));
        worker_uid::host_of(worker.map_or(uid, String::as_str)).or_else(|| worker_uid::number_of_node(uid))
    }

    /// Forgets a tessera that was freed.
    pub(in super::super) fn forget(&mut self, tessera: Id) {
        if let Some(worker) = self.tesserae.remove(&tessera)
            && let Some(index) = self.index(&worker)
        {
            self.workers[index].tesserae -= 1;
        }
    }

    /// Returns the worker with which a tessera was lost.
    pub(in super::super) fn lost(&self, tessera: Id) -> Option<&LostWorker> {
        self.lost.get(&tessera)
    }

    /// Returns the number of tesserae on a worker.
    pub(in super::super) fn tesserae(&self, worker: &str) -> u64 {
        self.index(worker).map_or(0, |index| self.workers[index].tesserae)
    }

    /// Returns the workers, in the order of their numbers.
    pub(in super::super) fn workers(&self) -> impl Iterator<Item = &WorkerAddress> {
        self.workers.iter().map(|worker| &worker.place)
    }

    /// Returns whether there is no worker.
    pub(in super::super) fn is_empty(&self) -> bool {
        self.workers.is_empty()
    }

    /// Forgets all workers and tesserae.
    pub(in super::super) fn clear(&mut self) {
        *self = Directory::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Load;

    fn directory(workers: usize) -> Directory {
        let mut directory = Directory::default();
        for number in (0..workers).rev() {
            directory.add(WorkerAddress {
                uid: format!("worker:0:{number}"),
                socket: format!("/run/worker-0-{number}.sock").into(),
                host: crate::wire::Host::Monitor,
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
                let place = directory.place(Id::of(id), &Wish::default(), &Loads::default());
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
        let wish = |worker: &str| Wish {
            worker: Some(worker.to_owned()),
            ..Wish::default()
        };
        let named = directory
            .place(Id::of(7), &wish("worker:0:1"), &Loads::default())
            .unwrap();
        assert_eq!(named.uid, "worker:0:1");
        assert_eq!(places(&mut directory, 2), ["worker:0:0", "worker:0:1"]);
        let unknown = directory
            .place(Id::of(8), &wish("worker:0:2"), &Loads::default())
            .unwrap_err();
        assert_eq!(
            unknown.message,
            "there is no worker `worker:0:2`: the workers are worker:0:0, worker:0:1"
        );
    }

    #[test]
    fn what_is_near_goes_to_the_host() {
        let mut directory = directory(2);
        for number in 0..2 {
            directory.add(WorkerAddress {
                uid: format!("worker:1:{number}"),
                socket: format!("/run/worker-1-{number}.sock").into(),
                host: crate::wire::Host::Monitor,
            });
        }
        // The first two are on host 0, the others on host 1.
        places(&mut directory, 4);
        let uid = |kind: &str, id| format!("{kind}-solver-{}", Id::of(id));
        for (near, expected) in [
            (uid("tess", 2), ["worker:1:0", "worker:1:1"]),
            (uid("tess", 1), ["worker:0:0", "worker:0:1"]),
            (uid("task", 3), ["worker:1:0", "worker:1:1"]),
            ("worker:0:1".to_owned(), ["worker:0:0", "worker:0:1"]),
            ("node:1".to_owned(), ["worker:1:0", "worker:1:1"]),
            // A place that is nowhere leaves the strategy the choice.
            ("node:7".to_owned(), ["worker:0:0", "worker:0:1"]),
        ] {
            let wish = Wish {
                near_to: Some(near.clone()),
                ..Wish::default()
            };
            let placed = [8, 9].map(|id| directory.place(Id::of(id), &wish, &Loads::default()).unwrap().uid);
            assert_eq!(placed, expected, "{near}");
        }
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

    #[test]
    fn a_worker_that_retires_keeps_what_it_has_and_gets_nothing_new() {
        let mut directory = directory(2);
        places(&mut directory, 2);
        assert!(directory.retire("worker:0:0"));
        assert!(!directory.retire("worker:0:2"));
        assert_eq!(places(&mut directory, 2), ["worker:0:1", "worker:0:1"]);
        let wish = Wish {
            worker: Some("worker:0:0".to_owned()),
            ..Wish::default()
        };
        let refused = directory.place(Id::of(9), &wish, &Loads::default()).unwrap_err();
        assert_eq!(refused.message, "worker:0:0 was retired: it takes nothing new");
    }

    #[test]
    fn what_was_placed_counts_until_the_worker_has_said_how_busy_it_is() {
        let mut directory = directory(2);
        directory.placement = Placement::LeastLoaded;
        let mut loads = Loads::default();
        let load = |running| Load {
            running,
            ..Load::default()
        };
        loads.reported("worker:0:0", load(2));
        let place = |directory: &mut Directory, id, loads: &Loads| {
            let place = directory.place(Id::of(id), &Wish::default(), loads);
            place.unwrap().uid
        };
        let placed: Vec<String> = (0..3).map(|id| place(&mut directory, id, &loads)).collect();
        assert_eq!(placed, ["worker:0:1", "worker:0:1", "worker:0:0"]);
        loads.reported("worker:0:0", load(0));
        directory.reported("worker:0:0");
        assert_eq!(place(&mut directory, 3, &loads), "worker:0:0");
    }

    #[test]
    fn data_locality_follows_the_most_bytes() {
        let mut directory = directory(2);
        places(&mut directory, 2);
        directory.placement = Placement::DataLocality;
        let near = |tessera, bytes| Near {
            tessera: Id::of(tessera),
            bytes,
        };
        for (near, worker) in [
            (vec![near(0, 10), near(1, 20)], "worker:0:1"),
            (vec![near(0, 30), near(1, 20)], "worker:0:0"),
            (vec![near(1, 0)], "worker:0:1"),
        ] {
            let wish = Wish {
                near,
                ..Wish::default()
            };
            let place = directory.place(Id::of(7), &wish, &Loads::default()).unwrap();
            assert_eq!(place.uid, worker, "{wish:?}");
        }
    }
}
