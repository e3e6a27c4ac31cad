//! The books: which tesserae live, and attaching to one of them. No I/O here.
//!
//! The workers know what lives, so all of them are asked, on the connections that also carry what frees a tessera.

use super::{
    ledger::{Action, Ledger, OFF, Runtime},
    objects::{Kind, Name, Object, Tessera},
    queries::encoded,
};
use crate::{
    failures::{failure, worker_lost},
    id::Id,
    waits::Subject,
    wire::{LostWorker, Payload, Place, Resident, ToWorker},
};
use mosaic_abi::{Census, Failure, FailureKind, Handle, Kept, Listed};
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

/// All workers are asked what lives on them.
#[derive(Debug)]
pub(super) struct Inquiry {
    pub(super) purpose: Purpose,
    /// Those that have not answered.
    missing: HashSet<String>,
    found: Vec<(Resident, Arc<Place>)>,
    kept: Vec<Kept>,
}

/// What they are asked for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Purpose {
    /// For a wait.
    Show(Handle),
    /// To attach this tessera.
    Attach(Handle),
    /// For a wait until all of them have a stored value at hand.
    Publish(Handle),
    /// For a wait for how much is kept.
    Count(Handle),
}

/// The inquiries that are under way.
pub(super) type Inquiries = HashMap<u64, Inquiry>;

impl Ledger {
    /// Begins a wait for the list of all tesserae that live.
    pub(crate) fn tesserae(&mut self) -> Handle {
        let wait = self.wait(Subject::Runtime);
        self.inquire(Purpose::Show(wait), |request| ToWorker::List { request });
        wait
    }

    /// Records a tessera to be found by its uid, or finds it in these books; returns its handle.
    pub(crate) fn attach(&mut self, uid: &str, type_name: &str) -> Result<Handle, Failure> {
        if !self.is_on() {
            return Err(failure(FailureKind::NotRunning, OFF));
        }
        let id = Id::of_tessera(uid);
        if let Some(handle) = id.and_then(|id| self.handle_of(id))
            && let Some(object) = self.objects.get_mut(&handle)
        {
            if *object.name.type_name != *type_name {
                return Err(of_another_type(uid, &object.name.type_name, type_name));
            }
            if let Some(failure) = object.failure() {
                return Err(failure.clone());
            }
            object.owners += 1;
            return Ok(handle);
        }
        let handle = self.next();
        let kind = Kind::Tessera(Box::new(Tessera::new(type_name, Vec::new())));
        // What is no uid names nothing that lives: a new id stands for it, which no worker has.
        let id = id.unwrap_or_else(|| self.own_id(handle));
        self.insert(handle, id, Name::of(type_name, ""), kind);
        if let Some(object) = self.objects.get_mut(&handle) {
            object.rare.wanted = Some(uid.into());
        }
        self.inquire(Purpose::Attach(handle), |request| ToWorker::List { request });
        Ok(handle)
    }

    /// The signatures of a tessera's methods. Who asks for them takes the tessera over.
    pub(crate) fn signatures(&mut self, tessera: Handle) -> Vec<String> {
        let Some(object) = self.objects.get_mut(&tessera) else {
            return Vec::new();
        };
        if let Some(extras) = object.rare.some() {
            extras.wanted = None;
        }
        match &object.kind {
            Kind::Tessera(tessera) => tessera.signatures.clone(),
            Kind::Task { .. } | Kind::Function { .. } | Kind::Stored { .. } => Vec::new(),
        }
    }

    /// Asks all workers.
    pub(super) fn inquire(&mut self, purpose: Purpose, question: impl Fn(u64) -> ToWorker) {
        let request = self.next();
        let workers: Vec<Arc<Place>> = match &self.runtime {
            Runtime::On(workers) => workers.values().chain(&self.local).cloned().collect(),
            Runtime::Off => Vec::new(),
        };
        let inquiry = Inquiry {
            purpose,
            missing: workers.iter().map(|place| place.uid.clone()).collect(),
            found: Vec::new(),
            kept: Vec::new(),
        };
        self.inquiries.insert(request, inquiry);
        for place in workers {
            let frame = question(request).into();
            self.actions.push_back(Action::Send { place, frame });
        }
        self.conclude(request);
    }

    /// A worker has answered, perhaps with what lives on it.
    pub(crate) fn answered(&mut self, request: u64, worker: &str, tesserae: Vec<Resident>) {
        let Runtime::On(workers) = &self.runtime else { return };
        let local = self.local.as_ref().filter(|local| local.uid == worker);
        let (Some(inquiry), Some(place)) = (self.inquiries.get_mut(&request), workers.get(worker).or(local)) else {
            return;
        };
        if inquiry.missing.remove(worker) {
            inquiry
                .found
                .extend(tesserae.into_iter().map(|tessera| (tessera, place.clone())));
            self.conclude(request);
        }
    }

    /// A worker has said how much it keeps.
    pub(crate) fn counted(&mut self, request: u64, worker: &str, kept: Kept) {
        if let Some(inquiry) = self.inquiries.get_mut(&request) {
            inquiry.kept.push(kept);
        }
        self.answered(request, worker, Vec::new());
    }

    fn count(&mut self, wait: Handle, mut workers: Vec<Kept>) {
        // `worker:0:10` comes after `worker:0:9`.
        workers.sort_by(|a, b| (a.uid.len(), &a.uid).cmp(&(b.uid.len(), &b.uid)));
        let census = Census {
            objects: self.objects.len() as u64,
            // The one for the census itself is not meant.
            waits: (self.waits.len() as u64).saturating_sub(1),
            workers,
        };
        self.end_wait(wait, encoded(&census));
    }

    /// These workers have nothing to say any more.
    pub(super) fn inquire_no_more(&mut self, gone: impl Fn(&str) -> bool) {
        let mut requests: Vec<u64> = self.inquiries.keys().copied().collect();
        // In the order of asking, as answers of workers that live would come.
        requests.sort_unstable();
        for request in requests {
            if let Some(inquiry) = self.inquiries.get_mut(&request) {
                inquiry.missing.retain(|worker| !gone(worker));
                inquiry.found.retain(|(_, place)| !gone(&place.uid));
            }
            self.conclude(request);
        }
    }

    /// Uses the answers of an inquiry, once all are there.
    fn conclude(&mut self, request: u64) {
        if !self
            .inquiries
            .get(&request)
            .is_some_and(|inquiry| inquiry.missing.is_empty())
        {
            return;
        }
        let Some(Inquiry {
            purpose, found, kept, ..
        }) = self.inquiries.remove(&request)
        else {
            return;
        };
        match purpose {
            Purpose::Show(wait) => {
                let list = self.list(&found);
                self.end_wait(wait, encoded(&list));
            }
            Purpose::Attach(tessera) => self.attach_to(tessera, found),
            Purpose::Count(wait) => self.count(wait, kept),
            Purpose::Publish(wait) => self.end_wait(wait, Ok(Payload::default())),
        }
    }

    /// What lives: as the workers have it, and what is not with them yet.
    fn list(&self, found: &[(Resident, Arc<Place>)]) -> Vec<Listed> {
        let mut list: Vec<Listed> = found.iter().map(|(tessera, place)| shown(tessera, place)).collect();
        let known: HashSet<Id> = found.iter().map(|(tessera, _)| tessera.tessera).collect();
        let not_there_yet = self.objects.values().filter(|object| {
            let is_own_tessera = matches!(object.kind, Kind::Tessera(_)) && object.rare.wanted.is_none();
            is_own_tessera && !object.ended() && !known.contains(&object.id)
        });
        list.extend(not_there_yet.map(|object| {
            let description = object.describe();
            Listed {
                uid: description.uid,
                type_name: object.name.type_name.to_string(),
                runtime: description.runtime,
                state: description.state,
            }
        }));
        // `worker:0:10` comes after `worker:0:9`.
        let worker = |listed: &Listed| listed.runtime.clone().map(|worker| (worker.len(), worker));
        list.sort_by_cached_key(|listed| (listed.type_name.clone(), worker(listed), listed.uid.clone()));
        list
    }

    /// Asks the worker that has a tessera to share it.
    fn attach_to(&mut self, tessera: Handle, found: Vec<(Resident, Arc<Place>)>) {
        let Some(object) = self.objects.get_mut(&tessera).filter(|object| !object.ended()) else {
            return;
        };
        let (id, name) = (object.id, object.name.clone());
        let type_name = &*name.type_name;
        let Some((resident, place)) = found.iter().find(|(resident, _)| resident.tessera == id) else {
            object.rare.others = found
                .into_iter()
                .filter(|(other, _)| other.type_name == type_name)
                .collect();
            return self.actions.push_back(Action::Find { tessera: id });
        };
        if resident.type_name != type_name {
            let uid = object.rare.wanted.as_deref().unwrap_or_default().to_owned();
            return self.fail(tessera, of_another_type(&uid, &resident.type_name, type_name));
        }
        object.place = Some(place.clone());
        let (place, frame) = (place.clone(), ToWorker::Attach { tessera: id }.into());
        self.actions.push_back(Action::Send { place, frame });
    }

    /// A worker shares a tessera, or cannot.
    pub(crate) fn attached(&mut self, tessera: Id, outcome: Result<Vec<String>, Failure>) {
        let Some(handle) = self.handle_of(tessera) else {
            return;
        };
        let signatures = match outcome {
            Ok(signatures) => signatures,
            Err(failure) => return self.fail(handle, failure),
        };
        if let Some(object) = self.objects.get_mut(&handle)
            && let Kind::Tessera(tessera) = &mut object.kind
        {
            tessera.has_methods(&object.name.type_name, signatures);
        }
        self.end(handle, Ok(()), false);
        self.flush(handle);
    }

    /// What became of a tessera that no worker has.
    pub(crate) fn found(&mut self, tessera: Id, lost: Option<LostWorker>) {
        let Some((handle, object)) = self
            .handle_of(tessera)
            .and_then(|handle| self.objects.get_mut(&handle).map(|object| (handle, object)))
        else {
            return;
        };
        let others = std::mem::take(&mut object.rare.others);
        let failure = match lost {
            Some(LostWorker { uid, status }) => Failure {
                worker: uid.clone(),
                ..worker_lost(&uid, &status)
            },
            None => nothing_of_that_name(object, &others),
        };
        self.fail(handle, failure);
    }
}

fn shown(resident: &Resident, place: &Place) -> Listed {
    Listed {
        uid: Object::uid_of_tessera(&resident.type_name, resident.tessera),
        type_name: resident.type_name.clone(),
        runtime: Some(place.uid.clone()),
        state: resident.state,
    }
}

fn of_another_type(uid: &str, is: &str, wanted: &str) -> Failure {
    let message = format!("{uid} is a `{is}`, not a `{wanted}`: call `{is}::attach`");
    failure(FailureKind::Runtime, message)
}

fn nothing_of_that_name(object: &Object, others: &[(Resident, Arc<Place>)]) -> Failure {
    let (uid, type_name) = (
        object.rare.wanted.as_deref().unwrap_or_default(),
        &object.name.type_name,
    );
    let mut message = format!("no tessera \"{uid}\" lives, ");
    if others.is_empty() {
        message += &format!("and no other `{type_name}` either: make one with `{type_name}::remote`");
    } else {
        message += &format!("but of the type `{type_name}`:");
        let mut others: Vec<Listed> = others.iter().map(|(other, place)| shown(other, place)).collect();
        others.sort_by(|a, b| a.uid.cmp(&b.uid));
        for Listed {
            uid, runtime, state, ..
        } in others
        {
            message += &format!("\n  {uid} on {}, {state}", runtime.unwrap_or_default());
        }
    }
    failure(FailureKind::Runtime, message)
}
