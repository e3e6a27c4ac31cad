//! Recording constructors, calls and functions. No I/O here.

use super::{
    Action, HeadState, OFF, Runtime,
    objects::{Kind, Name, Stage, Tessera},
    submission::{Operation, Request, Submission, Value},
};
use crate::{
    failures::{dependency_failed, failure, no_worker_left, tessera_failed},
    id::Id,
    wire::{Callee, Code, Near, Wish},
    worker_uid::LOCAL,
};
use mosaic_abi::{Failure, FailureKind, Handle, short_name};
use std::sync::Arc;

/// The error text of a call on an object that is no tessera. The types of proxies rule this out.
const NO_TESSERA: &str = "the call names a tessera that does not exist";

/// Returns whether the object is to be kept in this process.
fn is_local(request: &Request) -> bool {
    request.options.worker.as_deref() == Some(LOCAL)
}

impl HeadState {
    /// Returns why nothing can be placed on a worker now, if that is so.
    pub(super) fn placing_is_refused(&self, is_local: bool) -> Option<Failure> {
        match &self.runtime {
            Runtime::Off => Some(failure(FailureKind::NotRunning, OFF)),
            Runtime::On(workers) if workers.is_empty() && self.expected_workers == 0 && !is_local => {
                Some(no_worker_left())
            }
            Runtime::On(_) => None,
        }
    }

    /// Records a tessera to be created, by its constructor or by `maker`, and returns its handle.
    pub(crate) fn create(
        &mut self,
        code: Code,
        maker: Option<Code>,
        signatures: Vec<String>,
        request: Request,
    ) -> Result<Handle, Failure> {
        if let Some(refusal) = self.placing_is_refused(is_local(&request)) {
            return Err(refusal);
        }
        let handle = self.next_handle();
        let kind = Kind::Tessera(Box::new(Tessera::new(&code.name, signatures)));
        self.insert(handle, self.own_id(handle), Name::of(&code.name, "new"), kind);
        self.submit_unplaced(
            handle,
            Operation::Create {
                code: Box::new(code),
                maker: maker.map(Box::new),
            },
            request,
        );
        Ok(handle)
    }

    /// Records a function to be run without a tessera and returns the handle of its task.
    pub(crate) fn spawn(&mut self, code: Code, request: Request) -> Result<Handle, Failure> {
        if let Some(refusal) = self.placing_is_refused(is_local(&request)) {
            return Err(refusal);
        }
        let handle = self.next_handle();
        let queue = Box::default();
        let name = Name::of("", short_name(&code.name));
        self.insert(handle, self.own_id(handle), name, Kind::Function { queue });
        self.submit_unplaced(handle, Operation::Run(Box::new(code)), request);
        Ok(handle)
    }

    /// Submits an operation whose object has no worker yet. The monitor chooses the worker, unless the object goes to
    /// the worker of a task that it needs.
    fn submit_unplaced(&mut self, handle: Handle, operation: Operation, request: Request) {
        if let Some(object) = self.objects.get(&handle).filter(|_| request.near.is_none()) {
            self.actions.push_back(match is_local(&request) {
                true => Action::PlaceHere { tessera: object.id },
                false => Action::Place {
                    tessera: object.id,
                    type_name: object.name.type_name.to_string(),
                    wish: self.wish(&request),
                },
            });
        }
        self.remember_for_restart(handle, &operation, &request);
        let submission = Submission {
            object: handle,
            operation,
            request,
        };
        self.submit(handle, submission);
    }

    /// Returns where the object of a request is to be placed.
    fn wish(&self, request: &Request) -> Wish {
        let near = request.arguments.iter().filter_map(|argument| {
            let Value::Produced(task) = argument else {
                return None;
            };
            let (task, tessera) = (self.objects.get(task)?, self.tessera_of(*task)?);
            let tessera = self.objects.get(&tessera)?.id;
            Some(Near {
                tessera,
                bytes: task.bytes,
            })
        });
        Wish {
            worker: request.options.worker.clone(),
            near_to: request.options.near.as_deref().map(|uid| self.placed_with(uid)),
            near: near.collect(),
        }
    }

    /// Returns the uid of the object whose worker has what is called `uid`: for a task, its tessera.
    fn placed_with(&self, uid: &str) -> String {
        let task = Id::of_task(uid).and_then(|task| self.handle_of(task));
        let tessera = task.and_then(|task| self.objects.get(&self.tessera_of(task)?));
        tessera.map_or_else(|| uid.to_owned(), |tessera| tessera.uid())
    }

    /// Records a call of method `number` and returns the handle of its task.
    ///
    /// # Errors
    ///
    /// There is no such tessera or method. Every other failure is the task's.
    pub(crate) fn call(&mut self, tessera: Handle, number: u32, request: Request) -> Result<Handle, Failure> {
        let object = self.objects.get(&tessera);
        let Some((Kind::Tessera(tessera_data), of)) = object.map(|object| (&object.kind, &object.name)) else {
            return Err(failure(FailureKind::Runtime, NO_TESSERA));
        };
        let Some(name) = tessera_data.calls.get(number as usize).cloned() else {
            let message = format!("`{}` has no method number {number}", of.type_name);
            return Err(failure(FailureKind::Runtime, message));
        };
        self.submit_call(tessera, name, Callee::Method(number), request)
    }

    /// Records a function to be run on a tessera's object and returns the handle of its task.
    pub(crate) fn apply(&mut self, tessera: Handle, code: Code, request: Request) -> Result<Handle, Failure> {
        let Some(object) = self.objects.get(&tessera) else {
            return Err(failure(FailureKind::Runtime, NO_TESSERA));
        };
        let name = Name::of(&object.name.type_name, short_name(&code.name));
        self.submit_call(tessera, name, Callee::Function(Box::new(code)), request)
    }

    /// Records a task of a tessera and submits its operation.
    fn submit_call(
        &mut self,
        tessera: Handle,
        name: Arc<Name>,
        callee: Callee,
        request: Request,
    ) -> Result<Handle, Failure> {
        let handle = self.next_handle();
        let Some(object) = self.objects.get_mut(&tessera) else {
            return Err(failure(FailureKind::Runtime, NO_TESSERA));
        };
        self.unawaited += 1;
        // The call keeps its tessera until it has ended.
        object.owners += 1;
        let place = object.place.clone();
        self.insert(handle, self.own_id(handle), name, Kind::Task { tessera });
        if let Some(task) = self.objects.get_mut(&handle) {
            task.place = place;
        }
        let submission = Submission {
            object: handle,
            operation: Operation::Call(callee),
            request,
        };
        self.submit(tessera, submission);
        Ok(handle)
    }

    /// Puts an operation into the queue of its tessera, or fails it if something that it needs has failed.
    fn submit(&mut self, tessera: Handle, submission: Submission) {
        let handle = submission.object;
        if let Some(timeout) = submission.request.options.timeout {
            self.limit(handle, timeout);
        }
        self.charge(handle, submission.request.bytes());
        let producers: Vec<Handle> = submission.producers().collect();
        for producer in &producers {
            self.retain_for_operation(*producer);
        }
        let mut obstacle = None;
        for producer in &producers {
            match self.objects.get_mut(producer) {
                None => {
                    obstacle = Some(failure(
                        FailureKind::Runtime,
                        "an argument names a task that does not exist",
                    ))
                }
                Some(object) => {
                    if matches!(object.stage, Stage::Waiting) {
                        object.rare.dependents.push(handle);
                    }
                    if let (None, Some(cause)) = (&obstacle, object.failure()) {
                        obstacle = Some(dependency_failed(&object.uid(), cause));
                    }
                }
            }
        }
        let Some(object) = self.objects.get_mut(&handle) else {
            return;
        };
        if !producers.is_empty() {
            object.rare.producers = producers;
        }
        if tessera != handle
            && let Some(cause) = self
                .objects
                .get(&tessera)
                .and_then(|tessera| tessera.failure().map(|f| (tessera, f)))
        {
            obstacle = Some(tessera_failed(&cause.0.uid(), cause.1));
        }
        if let Some(obstacle) = obstacle {
            return self.fail(handle, obstacle);
        }
        if let Some(queue) = self.objects.get_mut(&tessera).and_then(|object| object.queue_mut()) {
            queue.push_back(submission);
        }
        self.send_queue(tessera);
    }
}
