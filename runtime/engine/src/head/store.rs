//! The books: stored values. No I/O here.
//!
//! A stored value lies in the warehouse, and not on a worker: it needs no place, and outlives them all. It is owned as
//! tasks are, by handles, by waits and by operations that need it. The monitor frees it when no head holds it any more.

use super::{
    find::Purpose,
    ledger::{Action, Ledger, OFF},
    objects::{Kind, Name, Stage},
};
use crate::{
    failures::failure,
    id::Id,
    waits::Subject,
    warehouse::{dropped, of_another_type},
    wire::{Payload, ToWarehouse, ToWorker},
};
use mosaic_abi::{Buffer, Failure, FailureKind, Handle};
use std::sync::Arc;

impl Ledger {
    /// Records a value to be stored.
    pub(crate) fn put(&mut self, value: Buffer, type_name: &str) -> Result<Handle, Failure> {
        if !self.is_on() {
            return Err(failure(FailureKind::NotRunning, OFF));
        }
        let handle = self.next();
        let ware = self.own_id(handle);
        self.insert(handle, ware, Name::of(type_name, ""), Kind::stored());
        self.enter_flight(handle, value.len() as u64);
        self.actions.push_back(Action::Store {
            ware,
            type_name: type_name.to_owned(),
            value: Arc::new(value),
        });
        Ok(handle)
    }

    /// Records a stored value to be found by its uid, or finds it in these books.
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
                    of_another_type(uid, &object.name.type_name, type_name),
                ));
            }
            object.owners += 1;
            return Ok(handle);
        }
        // What is no uid names nothing that is stored: a new id stands for it.
        let handle = self.next();
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

    /// A value is stored, or was found, or neither.
    pub(crate) fn stored(&mut self, ware: Id, outcome: Result<(), Failure>) {
        let Some(handle) = self.handle_of(ware) else { return };
        match outcome {
            Ok(()) => self.end(handle, Ok(()), false),
            Err(failure) => self.fail(handle, failure),
        }
    }

    /// Frees a value for everybody; what was submitted before still gets it.
    pub(crate) fn discard(&mut self, handle: Handle) {
        let Some(object) = self
            .objects
            .get_mut(&handle)
            .filter(|object| object.failure().is_none())
        else {
            return;
        };
        let (ware, gone) = (object.id, dropped(&object.uid()));
        let Kind::Stored { uses } = object.kind else { return };
        object.rare.lost = Some(gone);
        self.history.object_freed(ware);
        if uses == 0 {
            self.warehouse(ToWarehouse::Discard { ware });
        }
    }

    /// An operation that is not over needs this object.
    pub(super) fn use_object(&mut self, handle: Handle) {
        if let Some(object) = self.objects.get_mut(&handle) {
            object.owners += 1;
            if let Kind::Stored { uses } = &mut object.kind {
                *uses += 1;
            }
        }
    }

    /// The operation is over.
    pub(super) fn leave_object(&mut self, handle: Handle) {
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

    /// Whether this is a stored value that is still there.
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
        let wait = self.wait(Subject::Runtime);
        let object = self.objects.get(&handle);
        let failed = match object.map(|object| (&object.kind, object.failure())) {
            Some((Kind::Stored { .. }, None)) => None,
            Some((Kind::Stored { .. }, Some(failure))) => Some(failure.clone()),
            _ => Some(failure(FailureKind::Runtime, "only a stored value can be published")),
        };
        match (failed, object) {
            (None, Some(object)) => {
                let (ware, uid) = (object.id, object.uid());
                self.inquire(Purpose::Publish(wait), |request| ToWorker::Keep {
                    request,
                    ware,
                    uid: uid.clone(),
                });
            }
            (failed, _) => self.end_wait(wait, failed.map_or_else(|| Ok(Payload::default()), Err)),
        }
        wait
    }

    /// A worker has a stored value at hand, or cannot.
    pub(crate) fn kept(&mut self, request: u64, worker: &str, outcome: Result<(), Failure>) {
        match outcome {
            Ok(()) => self.answered(request, worker, Vec::new()),
            Err(failure) => {
                if let Some(Purpose::Publish(wait)) = self.inquiries.remove(&request).map(|inquiry| inquiry.purpose) {
                    self.end_wait(wait, Err(failure));
                }
            }
        }
    }
}
