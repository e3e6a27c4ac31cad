//! The books: how much is in flight, and who waits until that is less. No I/O here.
//!
//! A task that has not ended takes up memory, and its arguments do, as does a value that is not stored yet: in this
//! process, on their way, and at a worker. So there is a bound, and whoever submits beyond it goes on when enough has
//! ended. A method may not wait so: what it waits for may need its thread. It is refused instead.

use super::ledger::Ledger;
use crate::{failures::failure, waits::Subject, wire::Payload};
use mosaic_abi::{Failure, FailureKind, Handle};
use std::num::NonZeroU64;

/// What a task takes up beside its arguments, in bytes: some 0.3 KB here, and less at its worker.
const TASK: NonZeroU64 = NonZeroU64::new(512).unwrap();

/// What is submitted and has not ended.
#[derive(Debug)]
pub(super) struct Flight {
    tasks: usize,
    bytes: u64,
    /// The bytes beyond which nothing more should be submitted.
    most: u64,
    /// Those who wait, and how many of the bytes are their own.
    waits: Vec<(Handle, u64)>,
    /// Whether the user was told why calls take so long.
    told: bool,
}

impl Default for Flight {
    fn default() -> Flight {
        Flight {
            tasks: 0,
            bytes: 0,
            most: u64::MAX,
            waits: Vec::new(),
            told: false,
        }
    }
}

impl Flight {
    /// One has ended. Returns the waits that are over.
    fn leave(&mut self, weight: u64) -> Vec<Handle> {
        self.tasks -= 1;
        self.bytes -= weight;
        if self.waits.is_empty() {
            return Vec::new();
        }
        // To wait and wake up for each task would take longer than many a task does.
        let enough = self.most - self.most / 8;
        let others = |own: u64| self.bytes.saturating_sub(own);
        let over = self.waits.extract_if(.., |(_, own)| others(*own) <= enough);
        over.map(|(wait, _)| wait).collect()
    }

    /// Whether there is too much, beside so many bytes.
    fn is_full(&self, own: u64) -> bool {
        self.bytes.saturating_sub(own) > self.most
    }
}

impl Ledger {
    /// So many bytes may be in flight.
    pub(crate) fn limit_flight(&mut self, most: u64) {
        self.flight.most = most;
        self.flight.told = false;
    }

    /// An object is submitted with so many bytes.
    pub(super) fn enter_flight(&mut self, object: Handle, bytes: u64) {
        let weight = TASK.saturating_add(bytes);
        if let Some(object) = self.objects.get_mut(&object) {
            object.in_flight = Some(weight);
            self.flight.tasks += 1;
            self.flight.bytes += weight.get();
        }
    }

    /// Why nothing more may be submitted where nobody can wait, if that is so.
    pub(crate) fn refuse_beyond(&self) -> Result<(), Failure> {
        if !self.flight.is_full(0) {
            return Ok(());
        }
        let Flight { tasks, bytes, .. } = self.flight;
        let message = format!(
            "{tasks} tasks are in flight and take up {} MB, which is as much as they may: await some before the method \
             submits more, or raise `interactive(On).in_flight_limit(…)`",
            bytes >> 20
        );
        Err(failure(FailureKind::Runtime, message))
    }

    /// Begins a wait for what was submitted as `object`, where there was too much before it.
    pub(crate) fn wait_for_room(&mut self, object: Handle) -> Option<Handle> {
        let own = self.objects.get(&object)?.in_flight?.get();
        if !self.flight.is_full(own) {
            return None;
        }
        let wait = self.wait(Subject::Room);
        self.flight.waits.push((wait, own));
        if !std::mem::replace(&mut self.flight.told, true) {
            tracing::warn!(
                "{} tasks are in flight and take up {} MB, which is as much as they may: calls wait until some have ended \
                 (`interactive(On).in_flight_limit(…)`)",
                self.flight.tasks,
                self.flight.bytes >> 20
            );
        }
        Some(wait)
    }

    /// An object has ended: what it took up is free.
    pub(super) fn land(&mut self, object: Handle) {
        let weight = self.objects.get_mut(&object).and_then(|object| object.in_flight.take());
        let over = weight.map(|weight| self.flight.leave(weight.get()));
        for wait in over.into_iter().flatten() {
            self.end_wait(wait, Ok(Payload::default()));
        }
    }
}
