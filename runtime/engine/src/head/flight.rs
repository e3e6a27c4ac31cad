//! The books: how much is in flight, and who waits until that is less. No I/O here.
//!
//! A task that has not ended takes up memory, and its arguments do, as does a value that is not stored yet: in this
//! process, on their way, and at a worker. So there is a bound, and whoever submits beyond it goes on when enough has
//! ended. A method may not wait so: what it waits for may need its thread. What methods submit counts for itself, and is
//! refused beyond the bound.

use super::ledger::Ledger;
use crate::{failures::failure, waits::Subject, wire::Payload};
use mosaic_abi::{Failure, FailureKind, Handle};
use std::num::NonZeroU64;

/// What a task takes up beside its arguments, in bytes: some 0.3 KB here, and less at its worker.
const TASK: NonZeroU64 = NonZeroU64::new(512).unwrap();

/// What is submitted and has not ended.
#[derive(Debug)]
pub(super) struct Flight {
    /// By those who wait, and by methods.
    by_others: Sum,
    by_methods: Sum,
    /// The bytes beyond which nothing more should be submitted, of either.
    most: u64,
    pub(super) waits: Vec<Waiting>,
    /// Whether the user was told why calls take so long.
    told: bool,
    /// Whether it is a method that submits now.
    is_method: bool,
}

#[derive(Clone, Copy, Debug, Default)]
struct Sum {
    count: usize,
    bytes: u64,
}

impl Sum {
    /// In words.
    fn shown(self) -> String {
        let Sum { count, bytes } = self;
        format!(
            "{count} tasks and values are in flight and take up {} MB",
            bytes.div_ceil(1 << 20)
        )
    }
}

/// Who waits until there is room beside what was submitted last, which takes up so many bytes while it is in flight.
#[derive(Debug)]
pub(super) struct Waiting {
    wait: Handle,
    object: Handle,
    own: u64,
}

/// What an object takes up until it has ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct InFlight {
    bytes: NonZeroU64,
    by_method: bool,
}

impl Default for Flight {
    fn default() -> Flight {
        Flight {
            by_others: Sum::default(),
            by_methods: Sum::default(),
            most: u64::MAX,
            waits: Vec::new(),
            told: false,
            is_method: false,
        }
    }
}

impl Flight {
    fn sum(&mut self, by_method: bool) -> &mut Sum {
        match by_method {
            true => &mut self.by_methods,
            false => &mut self.by_others,
        }
    }

    /// What takes up so many bytes is submitted.
    fn enter(&mut self, bytes: NonZeroU64) -> InFlight {
        let by_method = self.is_method;
        let sum = self.sum(by_method);
        sum.count += 1;
        sum.bytes += bytes.get();
        InFlight { bytes, by_method }
    }

    /// It has ended. Returns the waits that are over.
    fn leave(&mut self, object: Handle, InFlight { bytes, by_method }: InFlight) -> Vec<Handle> {
        let sum = self.sum(by_method);
        sum.count -= 1;
        sum.bytes -= bytes.get();
        if self.waits.is_empty() {
            return Vec::new();
        }
        for waiting in self.waits.iter_mut().filter(|it| it.object == object) {
            waiting.own = 0;
        }
        // To wait and wake up for each task would take longer than many a task does.
        let enough = self.most - self.most / 8;
        let all = self.by_others.bytes;
        let over = self.waits.extract_if(.., |it| all.saturating_sub(it.own) <= enough);
        over.map(|it| it.wait).collect()
    }
}

impl Ledger {
    /// So many bytes may be in flight.
    pub(crate) fn limit_flight(&mut self, most: u64) {
        self.flight.most = most;
        self.flight.told = false;
    }

    /// What `submit` submits is a method's, or not.
    pub(crate) fn submitted_by<T>(&mut self, is_method: bool, submit: impl FnOnce(&mut Ledger) -> T) -> T {
        self.flight.is_method = is_method;
        submit(self)
    }

    /// An object is submitted with so many bytes.
    pub(super) fn enter_flight(&mut self, object: Handle, bytes: u64) {
        let in_flight = self.flight.enter(TASK.saturating_add(bytes));
        if let Some(object) = self.objects.get_mut(&object) {
            object.in_flight = Some(in_flight);
        }
    }

    /// Why a method may submit nothing more, if that is so.
    pub(crate) fn refuse_beyond(&self) -> Result<(), Failure> {
        let sum = self.flight.by_methods;
        if sum.bytes <= self.flight.most {
            return Ok(());
        }
        let message = format!(
            "{} by methods of this process, which is as much as they may: await some before more are submitted \
             (`in_flight_limit` of `mosaic::interactive(On)` says how much)",
            sum.shown()
        );
        Err(failure(FailureKind::Busy, message))
    }

    /// Begins a wait for what was submitted as `object`, where there was too much before it.
    pub(crate) fn wait_for_room(&mut self, object: Handle) -> Option<Handle> {
        let (sum, most) = (self.flight.by_others, self.flight.most);
        if sum.bytes <= most {
            return None;
        }
        let in_flight = self.objects.get(&object)?.in_flight?;
        let own = in_flight.bytes.get();
        if in_flight.by_method || sum.bytes.saturating_sub(own) <= most {
            return None;
        }
        let wait = self.wait(Subject::Room);
        self.flight.waits.push(Waiting { wait, object, own });
        if !std::mem::replace(&mut self.flight.told, true) {
            tracing::warn!(
                "{}, which is as much as they may: calls wait until some have ended (`in_flight_limit` of \
                 `mosaic::interactive(On)` says how much)",
                sum.shown()
            );
        }
        Some(wait)
    }

    /// Nobody waits there any more.
    pub(super) fn waits_no_more(&mut self, wait: Handle) {
        self.flight.waits.retain(|it| it.wait != wait);
    }

    /// What an object took up is free.
    pub(super) fn land(&mut self, object: Handle, in_flight: InFlight) {
        for wait in self.flight.leave(object, in_flight) {
            self.end_wait(wait, Ok(Payload::default()));
        }
    }
}
