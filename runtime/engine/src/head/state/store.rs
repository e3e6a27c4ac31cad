//! Stored values. No I/O here.
//!
//! A stored value lies in the warehouse and not on a worker: it needs no place, and outlives all workers. Like a task
//! it is owned by handles, waits and operations that need it. The monitor frees it when no head refers to it any more.

use super::{
    Action, Awaited, HeadState, OFF,
    inquiries::InquiryPurpose,
    objects::{Kind, Name, Stage},
};
use crate::{
    failures::failure,
    id::Id,
    warehouse::{value_dropped, wrong_type_text},
    wire::{Payload, ToWarehouse, ToWorker},
};
use mosaic_abi::{Buffer, Failure, FailureKind, Handle};
use std::sync::Arc;

impl HeadState {
    /// Records a value to be stored.
    pub(crate) fn put(&mut self, value: Buffer, type_name: &str) -> Result<Handle, Failure> {
        if !self.is_on() {
            return Err(failure(FailureKind::NotRunning, OFF));
        }
        let handle = self.next_handle();
        let ware = self.own_id(handle);
        self.insert(handle, ware, Name::of(type_name, ""), Kind::stored());
        self.charge(handle, value.len() as u64);
        self.actions.push_back(Action::Store {
            ware,
            type_name: type_name.to_owned(),
            value: Arc::new(value),
        });
        Ok(handle)
    }

    /// Looks for the stored value with this uid, in this state or else in the warehouse, and returns its handle.
    pub(crate) fn find_stored(&mut self, uid: &str, type_name: &str) -> Result<Handle, Failure> {
        if !self.is_on() {
            return Err(failure(FailureKind::NotRunning, OFF));
        }
        let id = Id::of_stored(uid);
        if let Some(handle) = id.and_then(|id| self.handle_of(id))
            && let Some(object) = self.objects.get_mut(&handle)
        {
            if let Some(failure) = object.failure() {
                return Err(failure.clone());
            }
            if *object.name.type_name != *type_name {
                return Err(failure(
                    FailureKind::NotPortable,
                    wrong_type_text(uid, &object.name.type_name, type_name),
                ));
            }
            object.owners += 1;
            return Ok(handle);
        }
        // A text that is no uid names no stored value: a new id stands for it.
        let handle = self.next_handle();
        let ware = id.unwrap_or_else(|| self.own_id(handle));
        self.insert(handle, ware, Name::of(type_name, ""), Kind::stored());
        let uid = uid.to_owned();
        if let Some(object) = self.objects.get_mut(&handle) {
            object.rare.wanted = Some(uid.as_str().into());
        }
        let type_name = type_name.to_owned();
        self.warehouse(ToWarehouse::Find { ware, type_name, uid });
        Ok(handle)
    }

    fn warehouse(&mut self, message: ToWarehouse) {
        self.actions.push_back(Action::Warehouse(message));
    }

    /// Notes that a value was stored or found, or why not.
    pub(crate) fn stored(&mut self, ware: Id, outcome: Result<(), Failure>) {
        let Some(handle) = self.handle_of(ware) else { return };
        match outcome {
            Ok(()) => self.end_object(handle, Ok(()), false),
            Err(failure) => self.fail(handle, failure),
        }
    }

    /// Frees a value for everybody. Operations that were submitted before still get it.
    pub(crate) fn discard(&mut self, handle: Handle) {
        let Some(object) = self
            .objects
            .get_mut(&handle)
            .filter(|object| object.failure().is_none())
        else {
            return;
        };
        let (ware, gone) = (object.id, value_dropped(&object.uid()));
        let Kind::Stored { uses } = object.kind else { return };
        object.rare.lost = Some(gone);
        self.history.object_freed(ware);
        if uses == 0 {
            self.warehouse(ToWarehouse::Discard { ware });
        }
    }

    /// Adds an operation as an owner of an object.
    pub(super) fn retain_for_operation(&mut self, handle: Handle) {
        if let Some(object) = self.objects.get_mut(&handle) {
            object.owners += 1;
            if let Kind::Stored { uses } = &mut object.kind {
                *uses += 1;
            }
        }
    }

    /// Releases an object whose owner was an operation that is over.
    pub(super) fn release_from_operation(&mut self, handle: Handle) {
        if let Some(object) = self.objects.get_mut(&handle)
            && let Kind::Stored { uses } = &mut object.kind
        {
            *uses = uses.saturating_sub(1);
            if *uses == 0 && object.rare.lost.is_some() {
                let ware = object.id;
                self.warehouse(ToWarehouse::Discard { ware });
            }
        }
        self.release_object(handle);
    }

    /// Returns whether an object is a stored value that is there.
    pub(super) fn is_stored(&self, handle: Handle) -> bool {
        (self.objects.get(&handle)).is_some_and(|object| {
            matches!(
                (&object.kind, &object.stage),
                (Kind::Stored { .. }, Stage::Ended(Ok(())))
            )
        })
    }

    /// Begins a wait until all workers have a stored value at hand.
    pub(crate) fn publish(&mut self, handle: Handle) -> Handle {
        let wait = self.wait(Awaited::Runtime);
        let object = self.objects.get(&handle);
        let failed = match object.map(|object| (&object.kind, object.failure())) {
            Some((Kind::Stored { .. }, None)) => None,
            Some((Kind::Stored { .. }, Some(failure))) => Some(failure.clone()),
            _ => Some(failure(FailureKind::Runtime, "only a stored value can be published")),
        };
        match (failed, object) {
            (None, Some(object)) => {
                let (ware, uid) = (object.id, object.uid());
                self.ask_workers(InquiryPurpose::Publish(wait), |request| ToWorker::Keep {
                    request,
                    ware,
                    uid: uid.clone(),
                });
            }
            (failed, _) => self.end_wait(wait, failed.map_or_else(|| Ok(Payload::default()), Err)),
        }
        wait
    }
}
