//! Workers on other hosts, and the code that they get.

use super::{Event, Link, MESSAGES_AT_ONCE, Stamped, undelivered::Asked};
use crate::{
    failures::failure,
    wire::{
        Callee, Code, Frame, FromWorker, Network, Object, Receiver, ToMonitor, ToWorker, Unconnected, WorkerAddress,
    },
};
use mosaic_abi::{Failure, FailureKind};
use std::{fs::File, future::Future, io, sync::Arc};
use tokio::sync::mpsc::UnboundedSender;

impl Link {
    /// Prepares a message for the host of its worker: for another host, code is put where that host can fetch it.
    ///
    /// # Errors
    ///
    /// The code cannot be read.
    pub(super) fn for_host(
        &mut self,
        place: &WorkerAddress,
        mut frame: Frame<ToWorker>,
    ) -> Result<Frame<ToWorker>, (Asked, Failure)> {
        if self.head.network.is_elsewhere(place) {
            for code in codes(&mut frame.message) {
                if let Err(error) = self.pack(code) {
                    let message = format!("the code of `{}` cannot be sent to {}: {error}", code.name, place.uid);
                    let failure = failure(FailureKind::Runtime, message);
                    return Err((Asked::by(&frame.message), failure));
                }
            }
        }
        Ok(frame)
    }

    fn pack(&mut self, code: &mut Code) -> io::Result<()> {
        if let Object::File(path) = &code.location.object {
            let files = self.packer.pack(path)?;
            let host = self.head.network.own;
            code.location.object = Object::Files { files, host };
        }
        Ok(())
    }

    /// Deals with a worker whose connection closed and of which the monitor has not said that it is gone. On this host,
    /// it is. On another one, perhaps only the connection is: the monitor ends the worker, so that all agree.
    pub(super) fn worker_gone(&mut self, uid: String) {
        let place = self.head.change(|state| state.place_of(&uid));
        if place.is_some_and(|place| self.head.network.is_elsewhere(&place)) && self.monitor.is_some() {
            self.closed.insert(uid.clone());
            return self.to_monitor(ToMonitor::Unreachable { worker: uid });
        }
        self.workers.remove(&uid);
        self.head.change(|state| state.worker_gone(&uid));
    }
}

/// The number of file descriptors that a connection to another host takes, with those that it takes for a moment.
const DESCRIPTORS: usize = 6;

/// Checks that this process has room for one more connection to another host, which is made later.
///
/// # Errors
///
/// It has not.
pub(super) fn check_descriptors() -> io::Result<()> {
    let files: io::Result<Vec<File>> = (0..DESCRIPTORS).map(|_| File::open("/dev/null")).collect();
    files.map(drop)
}

/// Returns the code that a message is about.
fn codes(message: &mut ToWorker) -> Vec<&mut Code> {
    match message {
        ToWorker::Create { code, maker, .. } => [Some(&mut **code), maker.as_deref_mut()]
            .into_iter()
            .flatten()
            .collect(),
        ToWorker::Call {
            callee: Callee::Function(code),
            ..
        }
        | ToWorker::Run { code, .. } => vec![code],
        _ => Vec::new(),
    }
}

/// Reports what a worker says.
#[derive(Clone)]
pub(super) struct Hearing {
    uid: Arc<str>,
    events: UnboundedSender<Stamped>,
    /// The runtime that the worker belongs to.
    run: u64,
}

impl Hearing {
    /// Reports what the worker at `place` says, as events of this `run`.
    pub(super) fn of(place: &WorkerAddress, events: UnboundedSender<Stamped>, run: u64) -> Hearing {
        Hearing {
            uid: Arc::from(&*place.uid),
            events,
            run,
        }
    }

    fn report(&self, event: Event) {
        let run = self.run;
        let _ = self.events.send(Stamped { run, event });
    }

    /// Connects to a worker on another host, and reports what it says until the connection ends.
    pub(super) fn connect(
        self,
        unconnected: Unconnected<ToWorker>,
        network: &Network,
        place: WorkerAddress,
    ) -> impl Future<Output = ()> + use<> {
        let network = network.clone();
        async move {
            match unconnected.connect(&network, &place).await {
                Ok(receiver) => self.hear(receiver).await,
                Err(error) => {
                    tracing::debug!(%error, worker = place.uid, "a worker cannot be reached");
                    self.report(Event::WorkerClosed(self.uid.to_string()));
                }
            }
        }
    }

    /// Reports what a worker says until the connection ends.
    pub(super) async fn hear(self, mut receiver: Receiver) {
        while let Ok(Some(frame)) = receiver.receive::<FromWorker>().await {
            let mut frames = vec![frame];
            while frames.len() < MESSAGES_AT_ONCE
                && let Ok(Some(frame)) = receiver.received()
            {
                frames.push(frame);
            }
            for late in frames.extract_if(.., |frame| !frame.coming.is_empty()) {
                let hearing = self.clone();
                tokio::spawn(async move {
                    let (uid, frames) = (hearing.uid.clone(), vec![late.arrived().await]);
                    hearing.report(Event::Worker { uid, frames });
                });
            }
            if !frames.is_empty() {
                let uid = self.uid.clone();
                self.report(Event::Worker { uid, frames });
            }
        }
        self.report(Event::WorkerClosed(self.uid.to_string()));
    }
}
