//! The tesserae of a worker, and who owns them. No I/O here.
//!
//! A tessera is freed when the last head that owns it says so. A head that merely ends frees nothing: its tesserae
//! stay, so that the next head can attach to them.

use crate::{id::Id, shrinking_map::Map, wire};
use mosaic_abi::{Failure, State};
use std::{cell::Cell, collections::HashSet, rc::Rc};
use tokio::sync::{mpsc::UnboundedSender, watch};

/// The condition of a tessera, as the task that does its jobs sets it. Only the I/O thread uses it.
#[derive(Debug)]
pub(super) struct Condition {
    tessera: Id,
    state: Cell<State>,
    /// The signatures of the methods, or why the tessera could not be constructed; `None` while neither is known.
    constructed: watch::Sender<Option<Result<Vec<String>, Failure>>>,
}

impl Condition {
    /// Returns the condition of a tessera whose constructor has not begun.
    pub(super) fn new(tessera: Id) -> Rc<Condition> {
        Rc::new(Condition {
            tessera,
            state: Cell::new(State::Queued),
            constructed: watch::Sender::default(),
        })
    }

    /// Returns the tessera.
    pub(super) fn tessera(&self) -> Id {
        self.tessera
    }

    /// Notes that a job is being executed.
    pub(super) fn set_busy(&self) {
        self.state.set(State::Running);
    }

    /// Notes that no job is being executed.
    pub(super) fn set_idle(&self) {
        self.state.set(State::Done);
    }

    /// Notes how the constructor ended.
    pub(super) fn set_constructed(&self, outcome: Result<Vec<String>, Failure>) {
        self.state.set(match outcome {
            Ok(_) => State::Done,
            Err(_) => State::Failed,
        });
        self.constructed.send_replace(Some(outcome));
    }

    /// Returns a receiver that sees how the constructor ended.
    pub(super) fn watch(&self) -> watch::Receiver<Option<Result<Vec<String>, Failure>>> {
        self.constructed.subscribe()
    }

    fn has_failed(&self) -> bool {
        self.state.get() == State::Failed
    }
}

/// A tessera that may still be called.
#[derive(Debug)]
struct Tessera<J> {
    type_name: String,
    /// The heads that have proxies of the tessera; none if all of them have ended.
    owners: HashSet<Id>,
    jobs: UnboundedSender<J>,
    condition: Rc<Condition>,
}

impl<J> Tessera<J> {
    /// Returns whether the tessera is of no use: it could not be constructed, and nobody owns it.
    fn is_useless(&self) -> bool {
        self.owners.is_empty() && self.condition.has_failed()
    }
}

/// All tesserae that may still be called, each with a queue of jobs of the type `J`.
///
/// Removing a tessera closes its queue. The task that does its jobs then does those that are queued, and drops the
/// object.
#[derive(Debug)]
pub(super) struct Tesserae<J>(Map<Id, Tessera<J>>);

impl<J> Default for Tesserae<J> {
    fn default() -> Tesserae<J> {
        Tesserae(Map::default())
    }
}

impl<J> Tesserae<J> {
    /// Adds a tessera that `owner` creates.
    pub(super) fn add(
        &mut self,
        tessera: Id,
        type_name: &str,
        owner: Id,
        jobs: UnboundedSender<J>,
        condition: Rc<Condition>,
    ) {
        let added = Tessera {
            type_name: type_name.to_owned(),
            owners: HashSet::from([owner]),
            jobs,
            condition,
        };
        self.0.insert(tessera, added);
    }

    /// Puts a job into the queue of its tessera; `false` if there is no such tessera.
    pub(super) fn queue(&self, tessera: Id, job: J) -> bool {
        self.0.get(&tessera).is_some_and(|found| found.jobs.send(job).is_ok())
    }

    /// Adds an owner to a tessera, and returns the tessera's condition.
    pub(super) fn share(&mut self, tessera: Id, head: Id) -> Option<Rc<Condition>> {
        let found = self.0.get_mut(&tessera)?;
        found.owners.insert(head);
        Some(found.condition.clone())
    }

    /// Removes an owner from a tessera, which stays for the next head.
    pub(super) fn detach(&mut self, tessera: Id, head: Id) {
        if let Some(found) = self.0.get_mut(&tessera) {
            found.owners.remove(&head);
            if found.is_useless() {
                self.0.remove(&tessera);
            }
        }
    }

    /// Removes an owner from a tessera, and the tessera with its last owner.
    pub(super) fn release(&mut self, tessera: Id, head: Id) {
        if let Some(found) = self.0.get_mut(&tessera) {
            found.owners.remove(&head);
            if found.owners.is_empty() {
                self.0.remove(&tessera);
            }
        }
    }

    /// Removes a head that is gone from the owners of all tesserae.
    pub(super) fn leave(&mut self, head: Id) {
        self.0.retain(|_, found| {
            found.owners.remove(&head);
            !found.is_useless()
        });
    }

    /// Removes a tessera whose constructor has ended, if it is of no use.
    pub(super) fn constructed(&mut self, tessera: Id) {
        if self.0.get(&tessera).is_some_and(Tessera::is_useless) {
            self.0.remove(&tessera);
        }
    }

    /// Lists the living tesserae.
    pub(super) fn list(&self) -> Vec<wire::LivingTessera> {
        let living = self.0.iter().filter(|(_, found)| !found.condition.has_failed());
        let listed = living.map(|(tessera, found)| wire::LivingTessera {
            tessera: *tessera,
            type_name: found.type_name.clone(),
            state: found.condition.state.get(),
        });
        listed.collect()
    }

    /// Returns the number of tesserae.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Removes all tesserae.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failures::failure;
    use mosaic_abi::FailureKind;
    use tokio::sync::mpsc::unbounded_channel;

    const HEAD: u128 = 100;
    const NEXT_HEAD: u128 = 200;

    /// Tesserae 1 and 2 of the first head. The constructor of tessera 2 has not ended.
    fn tesserae() -> (Tesserae<()>, [Rc<Condition>; 2]) {
        let mut tesserae = Tesserae::default();
        let conditions = [1, 2].map(|tessera| {
            let condition = Condition::new(Id::of(tessera));
            let (jobs, _) = unbounded_channel();
            tesserae.add(Id::of(tessera), "Solver", Id::of(HEAD), jobs, condition.clone());
            condition
        });
        conditions[0].set_constructed(Ok(vec!["solve()".to_owned()]));
        (tesserae, conditions)
    }

    fn living(tesserae: &Tesserae<()>) -> Vec<(u128, State)> {
        let mut listed = tesserae.list();
        listed.sort_by_key(|found| found.tessera);
        let number = |id: Id| (0..10).find(|number| Id::of(*number) == id).unwrap();
        listed
            .iter()
            .map(|found| (number(found.tessera), found.state))
            .collect()
    }

    #[test]
    fn tesserae_outlive_a_head_that_ends() {
        let (mut tesserae, _conditions) = tesserae();
        tesserae.leave(Id::of(HEAD));
        assert_eq!(living(&tesserae), [(1, State::Done), (2, State::Queued)]);
    }

    #[test]
    fn a_tessera_goes_when_its_last_owner_drops_it() {
        let (mut tesserae, _conditions) = tesserae();
        tesserae.release(Id::of(1), Id::of(HEAD));
        assert_eq!(living(&tesserae), [(2, State::Queued)]);
        tesserae.share(Id::of(2), Id::of(NEXT_HEAD)).unwrap();
        tesserae.release(Id::of(2), Id::of(HEAD));
        assert_eq!(living(&tesserae), [(2, State::Queued)]);
        tesserae.release(Id::of(2), Id::of(NEXT_HEAD));
        assert_eq!(living(&tesserae), []);
        assert!(tesserae.share(Id::of(2), Id::of(HEAD)).is_none());
    }

    #[test]
    fn who_detaches_frees_nothing() {
        let (mut tesserae, _conditions) = tesserae();
        tesserae.leave(Id::of(HEAD));
        tesserae.share(Id::of(1), Id::of(NEXT_HEAD)).unwrap();
        tesserae.detach(Id::of(1), Id::of(NEXT_HEAD));
        assert_eq!(living(&tesserae).len(), 2);
    }

    #[test]
    fn what_was_never_constructed_does_not_stay() {
        let (mut tesserae, conditions) = tesserae();
        tesserae.leave(Id::of(HEAD));
        conditions[1].set_constructed(Err(failure(FailureKind::Panicked, "no stones")));
        tesserae.constructed(Id::of(2));
        assert_eq!(tesserae.0.len(), 1);
    }
}
