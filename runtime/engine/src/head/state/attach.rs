//! Listing tesserae, and attaching to one of them. No I/O here.

use super::{
    Action, Awaited, HeadState, OFF,
    inquiries::InquiryPurpose,
    objects::{Kind, Name, Object, Tessera},
};
use crate::{
    failures::{failure, worker_lost},
    id::Id,
    wire::{LivingTessera, LostWorker, ToWorker, WorkerAddress},
    worker_uid::WorkerUid,
};
use mosaic_abi::{Failure, FailureKind, Handle, Listed};
use std::{collections::HashSet, sync::Arc};

impl HeadState {
    /// Begins a wait for the list of all living tesserae.
    pub(crate) fn tesserae(&mut self) -> Handle {
        let wait = self.wait(Awaited::Runtime);
        self.ask_workers(InquiryPurpose::Show(wait), |request| ToWorker::List { request });
        wait
    }

    /// Looks for the tessera with this uid, in this state or else on all workers, and returns its handle.
    pub(crate) fn attach(&mut self, uid: &str, type_name: &str) -> Result<Handle, Failure> {
        if !self.is_on() {
            return Err(failure(FailureKind::NotRunning, OFF));
        }
        let id = Id::of_tessera(uid);
        if let Some(handle) = id.and_then(|id| self.handle_of(id))
            && let Some(object) = self.objects.get_mut(&handle)
        {
            if *object.name.type_name != *type_name {
                return Err(wrong_type(uid, &object.name.type_name, type_name));
            }
            if let Some(failure) = object.failure() {
                return Err(failure.clone());
            }
            object.owners += 1;
            return Ok(handle);
        }
        let handle = self.next_handle();
        let kind = Kind::Tessera(Box::new(Tessera::new(type_name, Vec::new())));
        // A text that is no uid names no tessera: a new id stands for it, which no worker has.
        let id = id.unwrap_or_else(|| self.own_id(handle));
        self.insert(handle, id, Name::of(type_name, ""), kind);
        if let Some(object) = self.objects.get_mut(&handle) {
            object.rare.wanted = Some(uid.into());
        }
        self.ask_workers(InquiryPurpose::Attach(handle), |request| ToWorker::List { request });
        Ok(handle)
    }

    /// Returns the signatures of a tessera's methods. The guest that asks for them takes a found tessera over.
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

    /// Lists all living tesserae: those that the workers have, and those that no worker has yet.
    pub(super) fn list(&self, found: &[(LivingTessera, Arc<WorkerAddress>)]) -> Vec<Listed> {
        let mut list: Vec<Listed> = found.iter().map(|(tessera, place)| listed(tessera, place)).collect();
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
        list.sort_by(|a, b| list_order(a).cmp(&list_order(b)));
        list
    }

    /// Asks the worker that has a tessera to share it.
    pub(super) fn attach_to(&mut self, tessera: Handle, found: Vec<(LivingTessera, Arc<WorkerAddress>)>) {
        let Some(object) = self.objects.get_mut(&tessera).filter(|object| !object.ended()) else {
            return;
        };
        let (id, name) = (object.id, object.name.clone());
        let type_name = &*name.type_name;
        let Some((living, place)) = found.iter().find(|(living, _)| living.tessera == id) else {
            object.rare.others = found
                .into_iter()
                .filter(|(other, _)| other.type_name == type_name)
                .collect();
            return self.actions.push_back(Action::FindLost { tessera: id });
        };
        if living.type_name != type_name {
            let uid = object.rare.wanted.as_deref().unwrap_or_default().to_owned();
            return self.fail(tessera, wrong_type(&uid, &living.type_name, type_name));
        }
        object.place = Some(place.clone());
        let (place, frame) = (place.clone(), ToWorker::Attach { tessera: id }.into());
        self.actions.push_back(Action::Send { place, frame });
    }

    /// Notes that a worker shares a tessera and says its methods' signatures, or cannot share it.
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
            tessera.set_methods(&object.name.type_name, signatures);
        }
        self.end_object(handle, Ok(()), false);
        self.send_queue(handle);
    }

    /// Fails a tessera that no worker has: it was lost with a worker, or the monitor never heard of it.
    pub(crate) fn tessera_is_missing(&mut self, tessera: Id, lost: Option<LostWorker>) {
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
            None => no_such_tessera(object, &others),
        };
        self.fail(handle, failure);
    }
}

/// Returns the key that orders a list: the type, then the worker, then the uid.
fn list_order(listed: &Listed) -> (&str, Option<WorkerUid<'_>>, &str) {
    let worker = listed.runtime.as_deref().map(WorkerUid);
    (&listed.type_name, worker, &listed.uid)
}

/// Describes a living tessera for a list.
fn listed(tessera: &LivingTessera, place: &WorkerAddress) -> Listed {
    Listed {
        uid: tessera.tessera.uid_of_tessera(&tessera.type_name),
        type_name: tessera.type_name.clone(),
        runtime: Some(place.uid.clone()),
        state: tessera.state,
    }
}

/// Returns the failure of attaching to a tessera of another type.
fn wrong_type(uid: &str, is: &str, wanted: &str) -> Failure {
    let message = format!("{uid} is a `{is}`, not a `{wanted}`: call `{is}::attach`");
    failure(FailureKind::Runtime, message)
}

/// Returns the failure of attaching to a tessera that does not exist, with the living tesserae of its type.
fn no_such_tessera(object: &Object, others: &[(LivingTessera, Arc<WorkerAddress>)]) -> Failure {
    let (uid, type_name) = (
        object.rare.wanted.as_deref().unwrap_or_default(),
        &object.name.type_name,
    );
    let mut message = format!("no tessera \"{uid}\" lives, ");
    if others.is_empty() {
        message += &format!("and no other `{type_name}` either: make one with `{type_name}::remote`");
    } else {
        message += &format!("but of the type `{type_name}`:");
        let mut others: Vec<Listed> = others.iter().map(|(other, place)| listed(other, place)).collect();
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
