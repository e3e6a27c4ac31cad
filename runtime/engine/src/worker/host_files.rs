//! Files of other hosts: code and stored values. A process asks the monitor of its host (the monitor itself, or the node
//! process), which fetches a file once for all processes of the host.

use crate::{
    failures::failure,
    id::Id,
    wire::{CodeFile, Host, Sender, ToMonitor},
};
use mosaic_abi::{Failure, FailureKind};
use serde::{Deserialize, Serialize};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::oneshot;

/// A file of another host.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) enum WantedFile {
    /// A file with code, and a host that has it.
    Code { file: CodeFile, host: Host },
    /// A stored value. The monitor knows the host that has it.
    Value { ware: Id },
}

/// Asks for files of other hosts. All threads of a process share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct HostFiles(Arc<Mutex<Requests>>);

/// The requests to which there is no answer yet, by number.
#[derive(Debug, Default)]
struct Requests {
    /// The connection to the monitor, once there is one.
    monitor: Option<Sender<ToMonitor>>,
    last: u64,
    open: HashMap<u64, oneshot::Sender<Result<(), String>>>,
}

impl HostFiles {
    fn lock(&self) -> MutexGuard<'_, Requests> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks over this connection from now on.
    pub(crate) fn ask_over(&self, monitor: Sender<ToMonitor>) {
        self.lock().monitor = Some(monitor);
    }

    /// Returns whether other hosts may have files that this one lacks.
    pub(crate) fn is_useful(&self) -> bool {
        self.lock().monitor.is_some()
    }

    /// Ends all waits, since the connection has closed.
    pub(crate) fn closed(&self) {
        let mut requests = self.lock();
        requests.monitor = None;
        requests.open.clear();
    }

    /// Has a file brought to this host, unless it is here, and waits for it.
    ///
    /// # Errors
    ///
    /// The file is gone, or its host cannot be reached.
    pub(crate) async fn obtain(&self, file: WantedFile) -> Result<(), Failure> {
        let obtained = {
            let mut requests = self.lock();
            requests.last += 1;
            let request = requests.last;
            let (told, obtained) = oneshot::channel();
            if let Some(monitor) = requests.monitor.clone() {
                requests.open.insert(request, told);
                monitor.send(ToMonitor::Obtain { request, file });
            }
            obtained
        };
        let outcome = obtained
            .await
            .unwrap_or_else(|_| Err("the connection to the mosaic runtime closed".to_owned()));
        outcome.map_err(|reason| failure(FailureKind::Runtime, reason))
    }

    /// Notes the answer to a request.
    pub(crate) fn obtained(&self, request: u64, outcome: Result<(), String>) {
        if let Some(told) = self.lock().open.remove(&request) {
            // Whoever asked may have given up meanwhile.
            let _ = told.send(outcome);
        }
    }
}
