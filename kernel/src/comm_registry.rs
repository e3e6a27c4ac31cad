//! Which comms are open, and what was delivered through them and not handled yet. No I/O here.
//!
//! A comm is a channel between a front end and the cell process, where the crate `notebook` answers. The kernel keeps
//! books of them, as clients ask for, and knows which targets the cells have registered.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, MutexGuard, PoisonError},
};

use mosaic_message::{CommKind, CommMessage, Delivery};
use tokio::sync::oneshot;

/// The books.
#[derive(Debug, Default)]
pub(crate) struct Comms(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// What front ends may open comms to.
    targets: BTreeSet<String>,
    /// The target of each open comm.
    open: BTreeMap<String, String>,
    /// By number: which comm, and who waits.
    deliveries: BTreeMap<u64, (String, oneshot::Sender<()>)>,
    last_delivery: u64,
}

/// What is to be done with a client's message.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// It goes to the cell process, and the receiver hears when it was handled or will never be.
    Deliver(Delivery, oneshot::Receiver<()>),
    /// There is no such comm, or nobody for it.
    Unknown,
}

impl Comms {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Cells answer comms that are opened to this target.
    pub(crate) fn register(&self, target: String) {
        self.lock().targets.insert(target);
    }

    /// Cells do so no more.
    pub(crate) fn unregister(&self, target: &str) {
        self.lock().targets.remove(target);
    }

    /// A cell has sent this.
    pub(crate) fn sent(&self, message: &CommMessage) {
        self.lock().note(message);
    }

    /// A client has sent this.
    pub(crate) fn received(&self, message: CommMessage) -> Verdict {
        let mut state = self.lock();
        let known = match &message.kind {
            CommKind::Open { target } => state.targets.contains(target),
            CommKind::Message | CommKind::Close => state.open.contains_key(&message.comm_id),
        };
        if !known {
            return Verdict::Unknown;
        }
        state.note(&message);
        state.last_delivery += 1;
        let number = state.last_delivery;
        let (handled, waiting) = oneshot::channel();
        state.deliveries.insert(number, (message.comm_id.clone(), handled));
        Verdict::Deliver(Delivery { number, message }, waiting)
    }

    /// The cell process has handled a delivery.
    pub(crate) fn handled(&self, number: u64) {
        let delivery = self.lock().deliveries.remove(&number);
        if let Some((_, waiting)) = delivery {
            // Who waited may have been cancelled.
            let _ = waiting.send(());
        }
    }

    /// The open comms and their targets: all, or those of one target.
    pub(crate) fn open(&self, target: Option<&str>) -> BTreeMap<String, String> {
        let mut open = self.lock().open.clone();
        open.retain(|_, of| target.is_none_or(|target| of == target));
        open
    }

    /// The cell process is gone, and all comms with it; gives back which they were.
    pub(crate) fn process_ended(&self) -> Vec<String> {
        let mut state = self.lock();
        state.targets.clear();
        // Whoever waits hears of it by the drop.
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

    fn delivered(verdict: Verdict) -> Option<(u64, oneshot::Receiver<()>)> {
        match verdict {
            Verdict::Deliver(delivery, waiting) => Some((delivery.number, waiting)),
            Verdict::Unknown => None,
        }
    }

    #[test]
    fn clients_open_comms_to_registered_targets_only() {
        let comms = Comms::default();
        assert!(delivered(comms.received(open("plot", "a"))).is_none());
        comms.register("plot".into());
        assert!(delivered(comms.received(open("plot", "a"))).is_some());
        comms.unregister("plot");
        assert!(delivered(comms.received(open("plot", "b"))).is_none());
        assert!(delivered(comms.received(message(CommKind::Message, "a"))).is_some());
        assert!(delivered(comms.received(message(CommKind::Message, "b"))).is_none());
    }

    #[test]
    fn what_is_open_is_known_until_it_is_closed() {
        let comms = Comms::default();
        comms.sent(&open("x", "a"));
        comms.sent(&open("y", "b"));
        assert_eq!(comms.open(None).len(), 2);
        assert_eq!(comms.open(Some("x")), BTreeMap::from([("a".into(), "x".into())]));
        assert!(delivered(comms.received(message(CommKind::Close, "a"))).is_some());
        assert!(delivered(comms.received(message(CommKind::Message, "a"))).is_none());
        assert_eq!(comms.process_ended(), ["b"]);
        assert!(comms.open(None).is_empty());
    }

    #[test]
    fn a_delivery_ends_when_it_is_handled_or_nobody_is_left_to() {
        let comms = Comms::default();
        comms.sent(&open("x", "a"));
        let deliver = || delivered(comms.received(message(CommKind::Message, "a"))).unwrap();
        let ((first, mut handled), (_, mut lost)) = (deliver(), deliver());
        assert!(handled.try_recv().is_err());
        comms.handled(first);
        assert!(handled.try_recv().is_ok());
        comms.process_ended();
        assert_eq!(lost.try_recv(), Err(oneshot::error::TryRecvError::Closed));
    }
}
