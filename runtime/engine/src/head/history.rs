//! The books: what happened, and when. No I/O here.

use super::{
    ledger::Ledger,
    objects::{Kind, Name, Object, Stage},
};
use crate::{id::Id, map::Map, warehouse, wire::Place};
use mosaic_abi::{Span, State, Subject, Tasks, Timeline};
use std::{
    collections::{HashMap, VecDeque},
    num::NonZeroU64,
    sync::Arc,
};

/// How many of those that ended are remembered: some 10 MB.
const MOST: usize = 50_000;

/// When an object got how far.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Times {
    pub(super) submitted: u64,
    pub(super) queued: Option<NonZeroU64>,
    pub(super) started: Option<NonZeroU64>,
    pub(super) ended: Option<NonZeroU64>,
}

/// What is remembered of an object, in what it costs least to put down.
#[derive(Debug)]
struct Entry {
    subject: Subject,
    uid: Id,
    name: Arc<Name>,
    worker: Option<Arc<Place>>,
    times: Times,
    /// When nobody referred to it any more.
    freed: Option<u64>,
    failure: Option<String>,
}

/// What happened. What has not ended is where it always is, among the objects.
#[derive(Debug, Default)]
pub(super) struct History {
    /// What the books are told happens at this time.
    now: u64,
    /// What is to be added to a time to have nanoseconds since 1970.
    wall_clock: u64,
    /// How many tasks ended well, and how many did not.
    done: u64,
    failed: u64,
    ended: VecDeque<Entry>,
    forgotten: u64,
    /// The numbers of those among them that may yet be freed, counted from the first that was ever remembered.
    kept: Map<Id, u64>,
    /// When each worker that lives was known to run.
    workers: HashMap<String, u64>,
    /// The workers that ended.
    former: Vec<Span>,
}

impl Times {
    pub(super) fn submitted(at: u64) -> Times {
        Times {
            submitted: at,
            ..Times::default()
        }
    }
}

impl History {
    pub(super) fn now(&self) -> u64 {
        self.now
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
        if self.ended.len() >= MOST
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

    /// A tessera or a stored value is freed, unless it was lost before.
    pub(super) fn object_freed(&mut self, id: Id) {
        let Some(number) = self.kept.remove(&id) else { return };
        let index = usize::try_from(number - self.forgotten).ok();
        if let Some(entry) = index.and_then(|index| self.ended.get_mut(index)) {
            entry.freed = Some(self.now);
        }
    }

    pub(super) fn workers_run<'a>(&mut self, workers: impl Iterator<Item = &'a Arc<Place>>) {
        for place in workers {
            self.workers.entry(place.uid.clone()).or_insert(self.now);
        }
    }

    pub(super) fn worker_ended(&mut self, uid: &str, how: Option<&str>) {
        if let Some(submitted) = self.workers.remove(uid) {
            let mut span = worker(uid, submitted);
            span.ended = Some(self.now);
            span.state = if how.is_some() { State::Failed } else { State::Done };
            span.failure = how.map(str::to_owned);
            self.former.push(span);
        }
    }

    pub(super) fn all_workers_ended(&mut self) {
        let uids: Vec<String> = self.workers.keys().cloned().collect();
        for uid in uids {
            self.worker_ended(&uid, None);
        }
    }
}

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
    /// What is to be remembered of an object; nothing of what was found.
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
        let name = self.name.type_name.to_lowercase();
        let uid = match self.subject {
            Subject::Tessera | Subject::Worker => format!("tess-{name}-{}", self.uid),
            Subject::Task if name.is_empty() => format!("task-{}-{}", self.name.method, self.uid),
            Subject::Task => format!("task-{name}-{}-{}", self.name.method, self.uid),
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

impl Ledger {
    /// What the books are told next happened at this time.
    pub(crate) fn happened(&mut self, at: u64) {
        self.history.now = at;
    }

    /// From here on, times can be told as those of a calendar.
    pub(crate) fn know_wall_clock(&mut self, wall_clock: u64) {
        self.history.wall_clock = wall_clock;
    }

    /// How many tasks are how far.
    pub(super) fn tasks(&self) -> Tasks {
        let mut tasks = Tasks {
            done: self.history.done,
            failed: self.history.failed,
            ..Tasks::default()
        };
        for object in self.objects.values() {
            match (&object.kind, &object.stage) {
                (Kind::Task { .. } | Kind::Function { .. }, Stage::Waiting) => tasks.pending += 1,
                (Kind::Task { .. } | Kind::Function { .. }, Stage::Sent) => tasks.queued += 1,
                (Kind::Task { .. } | Kind::Function { .. }, Stage::Started) => tasks.running += 1,
                _ => {}
            }
        }
        tasks
    }

    /// What happened until now.
    pub(crate) fn timeline(&self) -> Timeline {
        let history = &self.history;
        let ended = history.ended.iter().map(Entry::ended);
        let open = self
            .objects
            .values()
            .filter(|object| !object.ended())
            .filter_map(|object| {
                let description = object.describe();
                Some(Entry::of(object)?.span(description.uid, description.state))
            });
        let living = history.workers.iter().map(|(uid, since)| worker(uid, *since));
        let former = history.former.iter().cloned();
        let mut spans: Vec<Span> = former.chain(living).chain(ended).chain(open).collect();
        spans.sort_by(|a, b| (a.submitted, &a.uid).cmp(&(b.submitted, &b.uid)));
        Timeline {
            spans,
            forgotten: history.forgotten,
            now: history.now,
            wall_clock: history.wall_clock,
        }
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
        for number in 0..MOST as u128 {
            let is_task = number % 2 == 1;
            history.remember(entry(number, if is_task { Subject::Task } else { Subject::Tessera }));
        }
        history.remember(entry(1_000_000, Subject::Stored));
        history.now = 7;
        // The first one is forgotten, the second one a task, which is never freed, and what is freed twice was so before.
        for number in [0, 1, 2, 1_000_000] {
            history.object_freed(Id::of(number));
        }
        history.now = 8;
        history.object_freed(Id::of(2));
        let freed = history.ended.iter().filter(|entry| entry.freed.is_some());
        let freed: Vec<(Id, Option<u64>)> = freed.map(|entry| (entry.uid, entry.freed)).collect();
        assert_eq!(freed, [(Id::of(2), Some(7)), (Id::of(1_000_000), Some(7))]);
        assert_eq!((history.forgotten, history.kept.len()), (1, MOST / 2 - 2));
    }
}
