//! The arguments of constructors and calls, which may be results that are still to come.

use super::{
    peers::Wanted,
    site::{Head, Site},
    stock::Outcome,
};
use crate::{
    failures::{dependency_failed, failure, worker_lost},
    id::Id,
    wire::{Argument, Needs, Payload, Source},
};
use mosaic_abi::{Failure, FailureKind};
use std::rc::Rc;
use tokio::{
    sync::{oneshot, watch},
    task::{JoinHandle, spawn_local},
};

/// The encoded arguments of a job.
#[derive(Debug)]
pub(super) enum Inputs {
    Ready(Vec<Payload>),
    Fetching(JoinHandle<Result<Vec<Payload>, Failure>>),
}

impl Inputs {
    /// Asks at once for what an operation of `head` needs, and fails the operation as soon as that fails.
    pub(super) fn begin(site: &Rc<Site>, head: &Head, operation: Id, needs: Needs, payloads: Vec<Payload>) -> Inputs {
        let mut payloads = payloads.into_iter();
        let is_here = |argument: &Argument| matches!(argument, Argument::Value);
        if needs.after.is_empty() && needs.arguments.iter().all(is_here) {
            return Inputs::Ready(payloads.collect());
        }
        let arguments = needs.arguments.into_iter().map(|argument| match argument {
            Argument::Value => Input::Here(payloads.next().unwrap_or_default()),
            Argument::Task(source) => Input::ask(site, head, source, true),
            Argument::Stored { ware, uid } => {
                let value = site.wares.get(ware, &uid);
                Input::Stored(value.map_err(|cause| dependency_failed(&uid, &cause)))
            }
        });
        let arguments: Vec<Input> = arguments.collect();
        let after = needs
            .after
            .into_iter()
            .map(|source| Input::ask(site, head, source, false));
        let after: Vec<Input> = after.collect();
        let (site, head) = (site.clone(), head.clone());
        Inputs::Fetching(spawn_local(async move {
            let gathered = gather(arguments, after).await;
            if let Err(failure) = &gathered {
                site.finish(&head, operation, Err(failure.clone()), false);
            }
            gathered
        }))
    }

    pub(super) async fn get(self) -> Result<Vec<Payload>, Failure> {
        match self {
            Inputs::Ready(values) => Ok(values),
            Inputs::Fetching(fetching) => {
                let lost = |error: tokio::task::JoinError| Err(failure(FailureKind::Runtime, error.to_string()));
                fetching.await.unwrap_or_else(lost)
            }
        }
    }

    /// Gives up what is still on its way.
    pub(super) fn cancel(self) {
        if let Inputs::Fetching(fetching) = self {
            fetching.abort();
        }
    }
}

async fn gather(arguments: Vec<Input>, after: Vec<Input>) -> Result<Vec<Payload>, Failure> {
    let mut values = Vec::with_capacity(arguments.len());
    for argument in arguments {
        values.push(argument.get().await?);
    }
    for task in after {
        task.get().await?;
    }
    Ok(values)
}

/// One argument, or a task that must be done before.
enum Input {
    Here(Payload),
    /// A stored value, or why it cannot be had.
    Stored(Outcome),
    /// A task of this worker.
    Own {
        uid: String,
        interest: Interest,
    },
    /// A task of another worker, which was asked for it.
    Other {
        source: Source,
        outcome: oneshot::Receiver<Outcome>,
    },
}

impl Input {
    fn ask(site: &Rc<Site>, head: &Head, source: Source, value: bool) -> Input {
        let (task, head) = (source.task, head.id);
        if source.place.uid == site.uid {
            return Input::Own {
                uid: source.uid,
                interest: Interest::new(site, task, head),
            };
        }
        let outcome = site.peers.fetch(&source.place, Wanted { task, head, value });
        Input::Other { source, outcome }
    }

    async fn get(self) -> Outcome {
        match self {
            Input::Here(payload) => Ok(payload),
            Input::Stored(outcome) => outcome,
            Input::Own { uid, interest } => interest
                .outcome()
                .await
                .map_err(|cause| dependency_failed(&uid, &cause)),
            Input::Other { source, outcome } => {
                let lost = |_| Err(worker_lost(&source.place.uid, "its connection closed"));
                let outcome = outcome.await.unwrap_or_else(lost);
                outcome.map_err(|cause| dependency_failed(&source.uid, &cause))
            }
        }
    }
}

/// Somebody who waits for a task of this worker.
pub(super) struct Interest {
    site: Rc<Site>,
    task: Id,
    /// `None` if the task will never be done.
    watch: Option<watch::Receiver<Option<Outcome>>>,
}

impl Interest {
    /// Begins to wait for a task that `head` submitted or will submit.
    pub(super) fn new(site: &Rc<Site>, task: Id, head: Id) -> Interest {
        Interest {
            site: site.clone(),
            task,
            watch: site.stock.borrow_mut().watch(task, head),
        }
    }

    /// How the task ended, once it has.
    pub(super) async fn outcome(mut self) -> Outcome {
        if let Some(watch) = &mut self.watch
            && let Ok(outcome) = watch.wait_for(Option::is_some).await
        {
            return outcome.clone().expect("it was waited for until it is some");
        }
        Err(failure(
            FailureKind::Runtime,
            "the process that submitted it, or was to, has ended",
        ))
    }
}

impl Drop for Interest {
    fn drop(&mut self) {
        drop(self.watch.take());
        self.site.stock.borrow_mut().free_unwanted(self.task);
    }
}
