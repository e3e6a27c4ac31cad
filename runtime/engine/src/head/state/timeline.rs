//! The history: when objects and workers began and ended. No I/O here.

use super::objects::{Kind, Name, Object, Stage, Times};
use crate::{id::Id, shrinking_map::Map, warehouse, wire::WorkerAddress};
use mosaic_abi::{Span, State, Subject, Tasks, Timeline};
use std::{
    collections::{HashMap, VecDeque},
    num::NonZeroU64,
    sync::Arc,
};

/// The number of ended objects that are remembered: about 10 MB.
const MOST_REMEMBERED: usize = 50_000;

/// A remembered object, in the form that is fastest to record.
#[derive(Debug)]
struct Entry {
    subject: Subject,
    uid: Id,
    name: Arc<Name>,
    worker: Option<Arc<WorkerAddress>>,
    times: Times,
    /// When the last reference to the object went.
    freed: Option<u64>,
    failure: Option<String>,
}

/// The objects and workers that have ended, and the workers that run. The state has the objects that have not ended.
#[derive(Debug, Default)]
pub(super) struct History {
    /// The time of what the state is told next, in nanoseconds of [`crate::clock::now`].
    now: u64,
    /// The number of nanoseconds to add to a time to get the time since 1970.
    wall_clock: u64,
    /// The number of tasks that ended well.
    done: u64,
    /// The number of tasks that failed.
    failed: u64,
    ended: VecDeque<Entry>,
    /// The number of entries that were removed from the front of `ended`.
    forgotten: u64,
    /// Objects in `ended` that are not freed yet, each with its number since the first entry that was ever recorded.
    kept: Map<Id, u64>,
    /// The workers that run, each with the time at which that was first known.
    workers: HashMap<String, u64>,
    /// The workers that ended.
    former: Vec<Span>,
}

impl History {
    /// Returns the time of what the state is told.
    pub(super) fn now(&self) -> u64 {
        self.now
    }

    /// Sets the time of what the state is told next.
    pub(super) fn set_now(&mut self, now: u64) {
        self.now = now;
    }

    /// Sets the number of nanoseconds to add to a time to get the time since 1970.
    pub(super) fn set_wall_clock(&mut self, wall_clock: u64) {
        self.wall_clock = wall_clock;
    }

    /// Remembers an object that has ended.
    pub(super) fn object_ended(&mut self, object: &Object) {
        let Some(mut entry) = Entry::of(object) else { return };
        entry.times.ended = NonZeroU64::new(self.now);
        if entry.subject == Subject::Task {
            match entry.failure {
                None => self.done += 1,
                Some(_) => self.failed += 1,
            }
        }
        self.remember(entry);
    }

    fn remember(&mut self, entry: Entry) {
        if self.ended.len() >= MOST_REMEMBERED
            && let Some(oldest) = self.ended.pop_front()
        {
            self.kept.remove(&oldest.uid);
            self.forgotten += 1;
        }
        if entry.failure.is_none() && matches!(entry.subject, Subject::Tessera | Subject::Stored) {
            self.kept.insert(entry.uid, self.forgotten + self.ended.len() as u64);
        }
        self.ended.push_back(entry);
    }

    /// Notes that a tessera or a stored value is freed.
    pub(super) fn object_freed(&mut self, id: Id) {
        let Some(number) = self.kept.remove(&id) else { return };
        let index = usize::try_from(number - self.forgotten).ok();
        if let Some(entry) = index.and_then(|index| self.ended.get_mut(index)) {
            entry.freed = Some(self.now);
        }
    }

    /// Notes workers that run.
    pub(super) fn workers_run<'a>(&mut self, workers: impl Iterator<Item = &'a Arc<WorkerAddress>>) {
        for place in workers {
            self.workers.entry(place.uid.clone()).or_insert(self.now);
        }
    }

    /// Notes that a worker ended: asked to, or else as `how` says.
    pub(super) fn worker_ended(&mut self, uid: &str, how: Option<&str>) {
        if let Some(submitted) = self.workers.remove(uid) {
            let mut span = worker(uid, submitted);
            span.ended = Some(self.now);
            span.state = if how.is_some() { State::Failed } else { State::Done };
            span.failure = how.map(str::to_owned);
            self.former.push(span);
        }
    }

    /// Notes that all workers ended, since they were asked to.
    pub(super) fn all_workers_ended(&mut self) {
        let uids: Vec<String> = self.workers.keys().cloned().collect();
        for uid in uids {
            self.worker_ended(&uid, None);
        }
    }

    /// Counts the tasks that have ended.
    pub(super) fn ended_tasks(&self) -> Tasks {
        Tasks {
            done: self.done,
            failed: self.failed,
            ..Tasks::default()
        }
    }

    /// Returns what happened until now. `open` are the objects that have not ended.
    pub(super) fn timeline<'a>(&self, open: impl Iterator<Item = &'a Object>) -> Timeline {
        let ended = self.ended.iter().map(Entry::ended);
        let open = open.filter_map(|object| {
            let description = object.describe();
            Some(Entry::of(object)?.span(description.uid, description.state))
        });
        let living = self.workers.iter().map(|(uid, since)| worker(uid, *since));
        let former = self.former.iter().cloned();
        let mut spans: Vec<Span> = former.chain(living).chain(ended).chain(open).collect();
        spans.sort_by(|a, b| (a.submitted, &a.uid).cmp(&(b.submitted, &b.uid)));
        Timeline {
            spans,
            forgotten: self.forgotten,
            now: self.now,
            wall_clock: self.wall_clock,
        }
    }
}

/// Returns the span of a worker that runs.
fn worker(uid: &str, submitted: u64) -> Span {
    Span {
        subject: Subject::Worker,
        uid: uid.to_owned(),
        name: uid.to_owned(),
        worker: Some(uid.to_owned()),
        submitted,
        queued: None,
        started: Some(submitted),
        ended: None,
        freed: None,
        state: State::Running,
        failure: None,
    }
}

impl Entry {
    /// Returns what is to be remembered of an object; `None` for an object that was made elsewhere.
    fn of(object: &Object) -> Option<Entry> {
        let subject = match object.kind {
            Kind::Tessera(_) if object.name.method.is_empty() => return None,
            Kind::Tessera(_) => Subject::Tessera,
            Kind::Task { .. } | Kind::Function { .. } => Subject::Task,
            Kind::Stored { .. } if object.rare.wanted.is_some() => return None,
            Kind::Stored { .. } => Subject::Stored,
        };
        Some(Entry {
            subject,
            uid: object.id,
            name: object.name.clone(),
            worker: object.place.clone(),
            times: object.times,
            freed: None,
            failure: match &object.stage {
                Stage::Ended(Err(failure)) => Some(failure.message.clone()),
                _ => None,
            },
        })
    }

    fn span(&self, uid: String, state: State) -> Span {
        let Times {
            submitted,
            queued,
            started,
            ended,
        } = self.times;
        Span {
            subject: self.subject,
            uid,
            name: self.name.full(),
            worker: self.worker.as_ref().map(|place| place.uid.clone()),
            submitted,
            queued: queued.map(NonZeroU64::get),
            started: started.map(NonZeroU64::get),
            ended: ended.map(NonZeroU64::get),
            freed: self.freed,
            state,
            failure: self.failure.clone(),
        }
    }

    fn ended(&self) -> Span {
        let Name { type_name, method } = &*self.name;
        let uid = match self.subject {
            Subject::Tessera | Subject::Worker => self.uid.uid_of_tessera(type_name),
            Subject::Task => self.uid.uid_of_task(type_name, method),
            Subject::Stored => warehouse::uid(&self.name.type_name, self.uid),
        };
        let state = if self.failure.is_some() {
            State::Failed
        } else {
            State::Done
        };
        self.span(uid, state)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(number: u128, subject: Subject) -> Entry {
        Entry {
            subject,
            uid: Id::of(number),
            name: Name::of("S", "new"),
            worker: None,
            times: Times::submitted(0),
            freed: None,
            failure: None,
        }
    }

    #[test]
    fn what_is_freed_is_found_among_what_is_remembered() {
        let mut history = History::default();
        for number in 0..MOST_REMEMBERED as u128 {
            let is_task = number % 2 == 1;
            history.remember(entry(number, if is_task { Subject::Task } else { Subject::Tessera }));
        }
        history.remember(entry(1_000_000, Subject::Stored));
        history.now = 7;
        // Entry 0 is forgotten, entry 1 is a task, which is never freed, and entry 2 is freed twice.
        for number in [0, 1, 2, 1_000_000] {
            history.object_freed(Id::of(number));
        }
        history.now = 8;
        history.object_freed(Id::of(2));
        let freed = history.ended.iter().filter(|entry| entry.freed.is_some());
        let freed: Vec<(Id, Option<u64>)> = freed.map(|entry| (entry.uid, entry.freed)).collect();
        assert_eq!(freed, [(Id::of(2), Some(7)), (Id::of(1_000_000), Some(7))]);
        assert_eq!((history.forgotten, history.kept.len()), (1, MOST_REMEMBERED / 2 - 2));
    }
}
