//! Bounds the memory that messages take whose signature nobody has checked yet.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use super::CutOff;

/// How many bytes all clients together may have sent of unfinished messages before any of them was verified.
const TOTAL: usize = 256 << 20;
/// How many bytes a client may always have sent, so that strangers cannot keep a new client out.
const FREE: usize = 64 << 10;

/// What all clients together hold; cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct UnverifiedMemory(Arc<AtomicUsize>);

impl UnverifiedMemory {
    /// Makes the account of a client that holds nothing yet.
    pub(super) fn account(&self) -> Unverified {
        Unverified {
            memory: self.clone(),
            held: 0,
        }
    }
}

/// What one client holds. It is given back when this is dropped.
#[derive(Debug)]
pub(crate) struct Unverified {
    memory: UnverifiedMemory,
    held: usize,
}

impl Unverified {
    /// Notes that the client now holds so many bytes.
    pub(super) fn hold(&mut self, held: usize) -> Result<(), CutOff> {
        let total = &self.memory.0;
        // The counter guards no other memory, so no ordering is needed.
        let before = total.fetch_add(held, Ordering::Relaxed);
        total.fetch_sub(self.held, Ordering::Relaxed);
        let grows = held > self.held;
        self.held = held;
        if grows && held > FREE && before > TOTAL {
            return Err(CutOff::TooMuchUnverified);
        }
        Ok(())
    }
}

impl Drop for Unverified {
    fn drop(&mut self) {
        self.memory.0.fetch_sub(self.held, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_clients_share_one_bound() {
        let memory = UnverifiedMemory::default();
        let (mut first, mut second, mut small) = (memory.account(), memory.account(), memory.account());
        assert_eq!(first.hold(TOTAL / 2), Ok(()));
        assert_eq!(second.hold(TOTAL / 2), Ok(()));
        assert_eq!(first.hold(TOTAL / 2 + 1), Ok(()));
        assert_eq!(second.hold(TOTAL / 2 + 1), Err(CutOff::TooMuchUnverified));
        assert_eq!(small.hold(FREE), Ok(()), "small messages always pass");
        assert_eq!(second.hold(0), Ok(()));
        assert_eq!(small.hold(FREE + 1), Ok(()));
        drop((first, second, small));
        assert_eq!(memory.0.load(Ordering::Relaxed), 0);
    }
}
