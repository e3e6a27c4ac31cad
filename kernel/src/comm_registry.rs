//! The registry of comms: targets, open comms, and messages that are not handled yet. No I/O here.
//!
//! A comm is a channel between a front end and the cell process, where the crate `notebook` answers. Clients ask the
//! kernel which comms are open. See
//! [Custom messages](https://jupyter-client.readthedocs.io/en/stable/messaging.html#custom-messages).

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, MutexGuard, PoisonError},
};

use mosaic_message::{CommKind, CommMessage, Delivery};
use tokio::sync::oneshot;

/// The registry of a kernel's comms.
#[derive(Debug, Default)]
pub(crate) struct CommRegistry(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// Targets that front ends may open comms to.
    targets: BTreeSet<String>,
    /// The target of each open comm.
    open: BTreeMap<String, String>,
    /// Deliveries that are not handled yet, by number: id of the comm, and the task that waits.
    deliveries: BTreeMap<u64, (String, oneshot::Sender<()>)>,
    last_delivery: u64,
}

/// Where a client's comm message goes.
#[derive(Debug)]
pub(crate) enum Route {
    /// To the cell process. The receiver gets a value when the message is handled, and an error if it never will be.
    Deliver(Delivery, oneshot::Receiver<()>),
    /// Nowhere: there is no such comm or no such target.
    Unknown,
}

impl CommRegistry {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that cells answer comms to a target.
    pub(crate) fn register_target(&self, target: String) {
        self.lock().targets.insert(target);
    }

    /// Notes that cells no longer answer comms to a target.
    pub(crate) fn unregister_target(&self, target: &str) {
        self.lock().targets.remove(target);
    }

    /// Notes a message that a cell has sent.
    pub(crate) fn note_sent(&self, message: &CommMessage) {
        self.lock().note(message);
    }

    /// Takes a client's message and decides where it goes.
    pub(crate) fn receive(&self, message: CommMessage) -> Route {
        let mut state = self.lock();
        let known = match &message.kind {
            CommKind::Open { target } => state.targets.contains(target),
            CommKind::Message | CommKind::Close => state.open.contains_key(&message.comm_id),
        };
        if !known {
            return Route::Unknown;
        }
        state.note(&message);
        state.last_delivery += 1;
        let number = state.last_delivery;
        let (handled, waiting) = oneshot::channel();
        state.deliveries.insert(number, (message.comm_id.clone(), handled));
        Route::Deliver(Delivery { number, message }, waiting)
    }

    /// Notes that the cell process has handled a delivery.
    pub(crate) fn note_handled(&self, number: u64) {
        let delivery = self.lock().deliveries.remove(&number);
        if let Some((_, waiting)) = delivery {
            // The task that waited may have been cancelled.
            let _ = waiting.send(());
        }
    }

    /// Returns the open comms with their targets: all comms, or the comms of one target.
    pub(crate) fn open_comms(&self, target: Option<&str>) -> BTreeMap<String, String> {
        let mut open = self.lock().open.clone();
        open.retain(|_, of| target.is_none_or(|target| of == target));
        open
    }

    /// Forgets everything that ended with the cell process; returns the ids of the comms that were open.
    pub(crate) fn process_ended(&self) -> Vec<String> {
        let mut state = self.lock();
        state.targets.clear();
        // Dropping the senders tells the tasks that wait.
        state.deliveries.clear();
        std::mem::take(&mut state.open).into_keys().collect()
    }
}

impl State {
    fn note(&mut self, message: &CommMessage) {
        match &message.kind {
            CommKind::Open { target } => {
                self.open.insert(message.comm_id.clone(), target.clone());
            }
            CommKind::Message => {}
            CommKind::Close => {
                self.open.remove(&message.comm_id);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(kind: CommKind, comm_id: &str) -> CommMessage {
        CommMessage {
            kind,
            comm_id: comm_id.into(),
            data: "{}".into(),
            metadata: "{}".into(),
            buffers: Vec::new(),
        }
    }

    fn open(target: &str, comm_id: &str) -> CommMessage {
        message(CommKind::Open { target: target.into() }, comm_id)
    }

    fn delivered(route: Route) -> Option<(u64, oneshot::Receiver<()>)> {
        match route {
            Route::Deliver(delivery, waiting) => Some((delivery.number, waiting)),
            Route::Unknown => None,
        }
    }

    #[test]
    fn clients_open_comms_to_registered_targets_only() {
        let comms = CommRegistry::default();
        assert!(delivered(comms.receive(open("plot", "a"))).is_none());
        comms.register_target("plot".into());
        assert!(delivered(comms.receive(open("plot", "a"))).is_some());
        comms.unregister_target("plot");
        assert!(delivered(comms.receive(open("plot", "b"))).is_none());
        assert!(delivered(comms.receive(message(CommKind::Message, "a"))).is_some());
        assert!(delivered(comms.receive(message(CommKind::Message, "b"))).is_none());
    }

    #[test]
    fn what_is_open_is_known_until_it_is_closed() {
        let comms = CommRegistry::default();
        comms.note_sent(&open("x", "a"));
        comms.note_sent(&open("y", "b"));
        assert_eq!(comms.open_comms(None).len(), 2);
        assert_eq!(comms.open_comms(Some("x")), BTreeMap::from([("a".into(), "x".into())]));
        assert!(delivered(comms.receive(message(CommKind::Close, "a"))).is_some());
        assert!(delivered(comms.receive(message(CommKind::Message, "a"))).is_none());
        assert_eq!(comms.process_ended(), ["b"]);
        assert!(comms.open_comms(None).is_empty());
    }

    #[test]
    fn a_delivery_ends_when_it_is_handled_or_nobody_is_left_to() {
        let comms = CommRegistry::default();
        comms.note_sent(&open("x", "a"));
        let deliver = || delivered(comms.receive(message(CommKind::Message, "a"))).unwrap();
        let ((first, mut handled), (_, mut lost)) = (deliver(), deliver());
        assert!(handled.try_recv().is_err());
        comms.note_handled(first);
        assert!(handled.try_recv().is_ok());
        comms.process_ended();
        assert_eq!(lost.try_recv(), Err(oneshot::error::TryRecvError::Closed));
    }
}
