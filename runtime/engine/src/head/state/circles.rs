//! Circles of waits: a method waits for a call that cannot begin before the method has ended. No I/O here.
//!
//! A tessera executes one call at a time. So a method that waits for a call of its own tessera, directly or through
//! other tesserae, would wait for ever. A wait of a method that has lasted for a while begins a [`CircleSearch`], which
//! follows what waits for what from process to process. Where it arrives at its origin, the wait fails.
//!
//! Each wait begins at most one search. That suffices: the wait that closes a circle is the last one, and the others
//! are there by then.

use super::{
    Action, HeadState,
    objects::{Kind, Stage},
};
use crate::{
    failures::failure,
    id::Id,
    wire::{CircleSearch, Hop, ToWorker},
};
use mosaic_abi::{FailureKind, Handle};
use std::collections::{HashSet, VecDeque};

/// The length of the longest circle that is found, in calls.
const LONGEST_CIRCLE: usize = 64;
/// The largest number of waits of one call that are followed.
const MOST_WAITS: usize = 1024;
/// The number of searches of which this process remembers where they were.
const REMEMBERED: usize = 256;

/// Where recent searches were, so that none goes twice through one call.
#[derive(Debug, Default)]
pub(super) struct Circles {
    /// The number of searches that began here.
    begun: u64,
    /// Each search by its origin and number, with the calls whose waits it has followed.
    followed: VecDeque<((Id, u64), HashSet<Id>)>,
}

impl Circles {
    /// Notes that a search follows the waits of a call. Returns `false` if it has done so before.
    fn follow(&mut self, search: (Id, u64), call: Id) -> bool {
        if let Some((_, calls)) = self.followed.iter_mut().find(|(known, _)| *known == search) {
            return calls.insert(call);
        }
        if self.followed.len() == REMEMBERED {
            self.followed.pop_front();
        }
        self.followed.push_back((search, HashSet::from([call])));
        true
    }
}

impl HeadState {
    /// Begins a search for each call of this process one of whose waits has lasted since the call before the last of
    /// this method.
    pub(crate) fn search_for_circles(&mut self) {
        for (origin, waited_for) in self.waits.grown_old() {
            self.circles.begun += 1;
            let number = self.circles.begun;
            self.circles.follow((origin, number), origin);
            for object in waited_for.into_iter().take(MOST_WAITS) {
                let Some(first) = self.objects.get(&object).map(|object| object.id) else {
                    continue;
                };
                self.send_search(object, |task, tessera, hop| CircleSearch {
                    origin,
                    number,
                    first,
                    task,
                    tessera,
                    path: vec![hop],
                });
            }
        }
    }

    /// Follows what a call of this process waits for.
    pub(crate) fn continue_search(&mut self, call: Id, search: &CircleSearch) {
        if search.path.len() == LONGEST_CIRCLE || !self.circles.follow((search.origin, search.number), call) {
            return;
        }
        for (_, object) in self.waits.of_call(call).into_iter().take(MOST_WAITS) {
            self.send_search(object, |task, tessera, hop| {
                let mut next = search.clone();
                (next.task, next.tessera) = (task, tessera);
                next.path.push(hop);
                next
            });
        }
    }

    /// Fails the wait of a search's origin, which waits for itself.
    pub(crate) fn close_circle(&mut self, search: &CircleSearch) {
        let is_first = |object: &Handle| self.objects.get(object).is_some_and(|it| it.id == search.first);
        let waits = self.waits.of_call(search.origin).into_iter();
        let closed: Vec<(Handle, Handle)> = waits.filter(|(_, object)| is_first(object)).collect();
        for (wait, object) in closed {
            let circle = failure(FailureKind::Circle, search.message());
            let circle = self
                .objects
                .get(&object)
                .map_or(circle.clone(), |object| object.named(circle));
            self.end_wait(wait, Err(circle));
        }
    }

    /// Sends a search to the worker that has an object, and on to the tasks that the object needs.
    fn send_search(&mut self, object: Handle, search: impl Fn(Id, Option<Id>, Hop) -> CircleSearch) {
        let mut open = vec![object];
        let mut seen = HashSet::from([object]);
        while let Some(handle) = open.pop() {
            let Some(object) = self.objects.get(&handle).filter(|object| !object.ended()) else {
                continue;
            };
            let needed = object.rare.producers.iter().copied();
            open.extend(needed.filter(|task| seen.len() < MOST_WAITS && seen.insert(*task)));
            let Some(place) = object.place.clone().filter(|_| !matches!(object.stage, Stage::Waiting)) else {
                continue;
            };
            let tessera = match object.kind {
                Kind::Task { tessera } => self.objects.get(&tessera).map(|tessera| tessera.id),
                _ => None,
            };
            let hop = Hop {
                name: object.full_name(),
                is_behind: false,
            };
            let frame = ToWorker::SearchCircle(Box::new(search(object.id, tessera, hop))).into();
            self.actions.push_back(Action::Send { place, frame });
        }
    }
}
