//! The tesserae of a worker, and who owns them. No I/O here.
//!
//! A tessera is freed when the last head that owns it says so. A head that just ends frees nothing: its tesserae stay, so
//! that the next one can attach to them.

use super::tessera::Job;
use crate::{id::Id, map::Map, wire};
use mosaic_abi::{Failure, State};
use std::{cell::Cell, collections::HashSet, rc::Rc};
use tokio::sync::{mpsc::UnboundedSender, watch};

/// How a tessera is; kept by whoever does its jobs.
#[derive(Debug)]
pub(super) struct Condition {
    state: Cell<State>,
    /// The signatures of its methods, or why it could not be constructed; `None` until it is known which.
    constructed: watch::Sender<Option<Result<Vec<String>, Failure>>>,
}

impl Condition {
    pub(super) fn new() -> Rc<Condition> {
        Rc::new(Condition {
            state: Cell::new(State::Queued),
            constructed: watch::Sender::default(),
        })
    }

    pub(super) fn is_busy(&self) {
        self.state.set(State::Running);
    }

    pub(super) fn is_idle(&self) {
        self.state.set(State::Done);
    }

    /// Its constructor has ended.
    pub(super) fn constructed(&self, outcome: Result<Vec<String>, Failure>) {
        self.state.set(match outcome {
            Ok(_) => State::Done,
            Err(_) => State::Failed,
        });
        self.constructed.send_replace(Some(outcome));
    }

    /// Where it will be seen how its constructor ended.
    pub(super) fn watch(&self) -> watch::Receiver<Option<Result<Vec<String>, Failure>>> {
        self.constructed.subscribe()
    }

    fn has_failed(&self) -> bool {
        self.state.get() == State::Failed
    }
}

#[derive(Debug)]
struct Resident {
    type_name: String,
    /// The heads that have proxies of it; none where it lost them.
    owners: HashSet<Id>,
    jobs: UnboundedSender<Job>,
    condition: Rc<Condition>,
}

impl Resident {
    /// Whether nobody will ever want it.
    fn is_useless(&self) -> bool {
        self.owners.is_empty() && self.condition.has_failed()
    }
}

/// All tesserae that may still be called. Whoever does the jobs of one that is removed does those that are queued, and
/// then drops the object.
#[derive(Debug, Default)]
pub(super) struct Residents(Map<Id, Resident>);

impl Residents {
    /// A tessera that `owner` creates.
    pub(super) fn add(
        &mut self,
        tessera: Id,
        type_name: &str,
        owner: Id,
        jobs: UnboundedSender<Job>,
        condition: Rc<Condition>,
    ) {
        let resident = Resident {
            type_name: type_name.to_owned(),
            owners: HashSet::from([owner]),
            jobs,
            condition,
        };
        self.0.insert(tessera, resident);
    }

    /// Queues a job behind the others of its tessera; `false` if there is no such tessera.
    pub(super) fn queue(&self, tessera: Id, job: Job) -> bool {
        self.0
            .get(&tessera)
            .is_some_and(|resident| resident.jobs.send(job).is_ok())
    }

    /// Has one more head own a tessera.
    pub(super) fn share(&mut self, tessera: Id, head: Id) -> Option<Rc<Condition>> {
        let resident = self.0.get_mut(&tessera)?;
        resident.owners.insert(head);
        Some(resident.condition.clone())
    }

    /// A head owns a tessera no longer, which stays for the next one.
    pub(super) fn detach(&mut self, tessera: Id, head: Id) {
        if let Some(resident) = self.0.get_mut(&tessera) {
            resident.owners.remove(&head);
            if resident.is_useless() {
                self.0.remove(&tessera);
            }
        }
    }

    /// A head wants a tessera no longer, which goes if no other head does.
    pub(super) fn release(&mut self, tessera: Id, head: Id) {
        if let Some(resident) = self.0.get_mut(&tessera) {
            resident.owners.remove(&head);
            if resident.owners.is_empty() {
                self.0.remove(&tessera);
            }
        }
    }

    /// A head is gone.
    pub(super) fn leave(&mut self, head: Id) {
        self.0.retain(|_, resident| {
            resident.owners.remove(&head);
            !resident.is_useless()
        });
    }

    /// The constructor of a tessera has ended, however.
    pub(super) fn constructed(&mut self, tessera: Id) {
        if self.0.get(&tessera).is_some_and(Resident::is_useless) {
            self.0.remove(&tessera);
        }
    }

    /// What lives here.
    pub(super) fn list(&self) -> Vec<wire::Resident> {
        let living = self.0.iter().filter(|(_, resident)| !resident.condition.has_failed());
        let listed = living.map(|(tessera, resident)| wire::Resident {
            tessera: *tessera,
            type_name: resident.type_name.clone(),
            state: resident.condition.state.get(),
        });
        listed.collect()
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

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

    /// Tesserae 1 and 2 of the first head, of which the second one's constructor has not ended.
    fn residents() -> (Residents, [Rc<Condition>; 2]) {
        let mut residents = Residents::default();
        let conditions = [1, 2].map(|tessera| {
            let condition = Condition::new();
            let (jobs, _) = unbounded_channel();
            residents.add(Id::of(tessera), "Solver", Id::of(HEAD), jobs, condition.clone());
            condition
        });
        conditions[0].constructed(Ok(vec!["solve()".to_owned()]));
        (residents, conditions)
    }

    fn living(residents: &Residents) -> Vec<(u128, State)> {
        let mut listed = residents.list();
        listed.sort_by_key(|resident| resident.tessera);
        let number = |id: Id| (0..10).find(|number| Id::of(*number) == id).unwrap();
        listed
            .iter()
            .map(|resident| (number(resident.tessera), resident.state))
            .collect()
    }

    #[test]
    fn tesserae_outlive_a_head_that_ends() {
        let (mut residents, _conditions) = residents();
        residents.leave(Id::of(HEAD));
        assert_eq!(living(&residents), [(1, State::Done), (2, State::Queued)]);
    }

    #[test]
    fn a_tessera_goes_when_its_last_owner_drops_it() {
        let (mut residents, _conditions) = residents();
        residents.release(Id::of(1), Id::of(HEAD));
        assert_eq!(living(&residents), [(2, State::Queued)]);
        residents.share(Id::of(2), Id::of(NEXT_HEAD)).unwrap();
        residents.release(Id::of(2), Id::of(HEAD));
        assert_eq!(living(&residents), [(2, State::Queued)]);
        residents.release(Id::of(2), Id::of(NEXT_HEAD));
        assert_eq!(living(&residents), []);
        assert!(residents.share(Id::of(2), Id::of(HEAD)).is_none());
    }

    #[test]
    fn who_detaches_frees_nothing() {
        let (mut residents, _conditions) = residents();
        residents.leave(Id::of(HEAD));
        residents.share(Id::of(1), Id::of(NEXT_HEAD)).unwrap();
        residents.detach(Id::of(1), Id::of(NEXT_HEAD));
        assert_eq!(living(&residents).len(), 2);
    }

    #[test]
    fn what_was_never_constructed_does_not_stay() {
        let (mut residents, conditions) = residents();
        residents.leave(Id::of(HEAD));
        conditions[1].constructed(Err(failure(FailureKind::Panicked, "no stones")));
        residents.constructed(Id::of(2));
        assert_eq!(residents.0.len(), 1);
    }
}
