//! A [`HeadState`] for tests, with objects that have names.

use super::super::{Action, GuestWaker, HeadState, Request, Value};
use crate::{
    id::Id,
    wire::{Code, Host, Location, Object, Payload, ToWarehouse, ToWorker, WorkerAddress},
};
use mosaic_abi::{FailureKind, Handle, State, Waker};
use std::{ffi::c_void, ptr};

/// A state, and the names of its objects, with which actions are described.
pub(super) struct Fixture {
    pub(super) state: HeadState,
    pub(super) names: Vec<(Id, String)>,
}

pub(super) fn place(worker: &str) -> WorkerAddress {
    WorkerAddress {
        uid: worker.to_owned(),
        socket: worker.into(),
        host: Host::Monitor,
    }
}

impl Fixture {
    pub(super) fn new(workers: &[&str]) -> Fixture {
        let mut state = HeadState::new(Id::of(1));
        state.runtime_started(workers.iter().map(|worker| place(worker)));
        let names = Vec::new();
        Fixture { state, names }
    }

    pub(super) fn id(&self, handle: Handle) -> Id {
        self.state.objects[&handle].id
    }

    pub(super) fn create(&mut self, name: &str) -> Handle {
        self.create_with(name, Request::default())
    }

    pub(super) fn create_with(&mut self, name: &str, request: Request) -> Handle {
        let location = Location {
            object: Object::Program,
            offset: 0,
        };
        let code = Code {
            name: "Solver".to_owned(),
            location,
        };
        let signatures = vec!["solve() -> ()".to_owned()];
        let handle = self.state.create(code, None, signatures, request).unwrap();
        self.names.push((self.id(handle), name.to_owned()));
        handle
    }

    pub(super) fn call(&mut self, name: &str, tessera: Handle, needs: &[Handle]) -> Handle {
        let arguments = needs.iter().map(|task| Value::Produced(*task)).collect();
        let request = Request {
            arguments,
            ..Request::default()
        };
        let handle = self.state.call(tessera, 0, request).unwrap();
        self.names.push((self.id(handle), name.to_owned()));
        handle
    }

    /// Submits a function that is placed near one of the tasks that it needs, or anywhere.
    pub(super) fn spawn(&mut self, name: &str, near: Option<Handle>, needs: &[Handle]) -> Handle {
        let location = Location {
            object: Object::Program,
            offset: 8,
        };
        let code = Code {
            name: "ctx::double".to_owned(),
            location,
        };
        let request = Request {
            after: needs.to_vec(),
            near,
            ..Request::default()
        };
        let handle = self.state.spawn(code, request).unwrap();
        self.names.push((self.id(handle), name.to_owned()));
        handle
    }

    pub(super) fn place(&mut self, tessera: Handle, worker: &str) {
        self.state.placed(self.id(tessera), Ok(place(worker)));
    }

    /// Ends an object with a value that is too large to be sent along.
    pub(super) fn finish(&mut self, handle: Handle) {
        self.state.finished(self.id(handle), Ok(1 << 20), false);
    }

    pub(super) fn name(&self, id: Id) -> &str {
        let name = self.names.iter().find(|(named, _)| *named == id);
        name.map_or("?", |(_, name)| name)
    }

    /// Describes the actions since the last call.
    pub(super) fn actions(&mut self) -> Vec<String> {
        let actions: Vec<Action> = std::iter::from_fn(|| self.state.next_action()).collect();
        let word = |action: Action| match action {
            Action::PlaceHere { tessera } => format!("place {} here", self.name(tessera)),
            Action::Place { tessera, .. } => format!("place {}", self.name(tessera)),
            Action::Forget { tessera } => format!("forget {}", self.name(tessera)),
            Action::FindLost { .. } => "find".to_owned(),
            Action::Store { ware, .. } => format!("store {}", self.name(ware)),
            Action::Load { ware, .. } => format!("load {}", self.name(ware)),
            Action::Warehouse(ToWarehouse::Release { ware }) => format!("release {}", self.name(ware)),
            Action::Warehouse(ToWarehouse::Discard { ware }) => format!("discard {}", self.name(ware)),
            Action::Warehouse(_) => "look for a value".to_owned(),
            Action::Progress(_) => "progress".to_owned(),
            Action::Sync { .. } => "sync".to_owned(),
            Action::Timer { .. } => "timer".to_owned(),
            Action::Query { .. } => "query".to_owned(),
            Action::Wake(_) => "wake".to_owned(),
            Action::Discard(_) => "discard".to_owned(),
            Action::Say(notice) => {
                let words = notice.split_once("awaited ").map_or("", |(_, words)| words);
                let (uid, reason) = words.trim_end().split_once(", ").unwrap_or_default();
                let named = self.names.iter().find(|(id, _)| uid.ends_with(&id.to_string()));
                format!("say {} {reason}", named.map_or("?", |(_, name)| name))
            }
            Action::SendDelayed => "hurry".to_owned(),
            Action::Send { place, frame } | Action::SendWithin { place, frame, .. } => match frame.message {
                ToWorker::Create { tessera, .. } => format!("create {} on {}", self.name(tessera), place.uid),
                ToWorker::Call { task, .. } => format!("call {} on {}", self.name(task), place.uid),
                ToWorker::Run { task, .. } => format!("run {} on {}", self.name(task), place.uid),
                ToWorker::Fetch { task, .. } => format!("fetch {}", self.name(task)),
                ToWorker::SearchCircle(search) => format!("search {} on {}", self.name(search.task), place.uid),
                ToWorker::Cancel { task } => format!("cancel {}", self.name(task)),
                ToWorker::DropTask { task } => format!("drop {}", self.name(task)),
                ToWorker::DropTessera { tessera } => format!("drop {}", self.name(tessera)),
                ToWorker::List { .. } => format!("list {}", place.uid),
                ToWorker::Attach { .. } => format!("attach on {}", place.uid),
                ToWorker::Detach { .. } => format!("detach on {}", place.uid),
                ToWorker::Keep { ware, .. } => format!("keep {} on {}", self.name(ware), place.uid),
                ToWorker::Count { .. } => format!("count on {}", place.uid),
                ToWorker::Profile { step, .. } => format!("profile on {}: {step:?}", place.uid),
                ToWorker::Hello(_) | ToWorker::Adopt | ToWorker::Fence { .. } => "?".to_owned(),
            },
        };
        actions.into_iter().map(word).collect()
    }

    pub(super) fn state_of(&self, handle: Handle) -> State {
        self.state.describe(handle).unwrap().state
    }

    pub(super) fn ending(&mut self, wait: Handle) -> Option<Result<(), FailureKind>> {
        let ending = self.state.waits.poll(wait, waker()).0?;
        Some(ending.map(|_| ()).map_err(|failure| failure.kind))
    }

    pub(super) fn value(&mut self, wait: Handle) -> Payload {
        self.state.waits.poll(wait, waker()).0.unwrap().unwrap()
    }
}

/// Returns a waker that wakes nothing.
pub(super) fn waker() -> GuestWaker {
    unsafe extern "C" fn nothing(_: *mut c_void) {}
    GuestWaker::new(Waker {
        data: ptr::null_mut(),
        wake: nothing,
        drop: nothing,
    })
}
