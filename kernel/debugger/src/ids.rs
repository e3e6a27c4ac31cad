//! The numbers of frames and variables. An adapter's numbers are unique for its process, and a client's for all
//! processes.

use std::collections::HashMap;

/// The first number for a client. Small numbers are left out: some clients take 0 for none.
const FIRST: u64 = 1000;

/// A frame of a stopped process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    /// The session of the process.
    pub(crate) session: u32,
    /// The thread.
    pub(crate) thread: u64,
    /// The adapter's number.
    pub(crate) frame: u64,
}

/// What a client can expand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reference {
    /// The local variables of a frame.
    Locals(Frame),
    /// The parts of a variable, by the session and the adapter's number.
    Parts(u32, u64),
    /// The parts of a variable of a process that runs, by its place among the values that were read.
    Read(usize),
}

/// The numbers that clients have.
#[derive(Debug, Default)]
pub(crate) struct Ids {
    count: u64,
    frames: HashMap<u64, Frame>,
    references: HashMap<u64, Reference>,
}

impl Ids {
    fn next(&mut self) -> u64 {
        self.count += 1;
        FIRST + self.count
    }

    /// Returns a number for a frame: the same as long as its process is stopped.
    pub(crate) fn add_frame(&mut self, frame: Frame) -> u64 {
        let known = self
            .frames
            .iter()
            .find(|(_, known)| **known == frame)
            .map(|(id, _)| *id);
        known.unwrap_or_else(|| {
            let id = self.next();
            self.frames.insert(id, frame);
            id
        })
    }

    /// Returns a number for what can be expanded.
    pub(crate) fn add_reference(&mut self, reference: Reference) -> u64 {
        let id = self.next();
        self.references.insert(id, reference);
        id
    }

    /// Returns the frame of a number.
    pub(crate) fn frame(&self, id: u64) -> Option<Frame> {
        self.frames.get(&id).copied()
    }

    /// Returns what a number expands to.
    pub(crate) fn reference(&self, id: u64) -> Option<Reference> {
        self.references.get(&id).copied()
    }

    /// Forgets the numbers of a process that runs on. Their frames and variables are gone.
    pub(crate) fn forget(&mut self, session: u32) {
        self.frames.retain(|_, frame| frame.session != session);
        self.references.retain(|_, reference| match reference {
            Reference::Locals(frame) => frame.session != session,
            Reference::Parts(of, _) => *of != session,
            Reference::Read(_) => true,
        });
    }

    /// Forgets the values that were read from processes that run.
    pub(crate) fn forget_read(&mut self) {
        self.references.retain(|_, it| !matches!(it, Reference::Read(_)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_unique_and_end_when_the_process_runs_on() {
        let mut ids = Ids::default();
        let frame = |session| Frame {
            session,
            thread: 7,
            frame: 524_288,
        };
        let (one, two) = (ids.add_frame(frame(1)), ids.add_frame(frame(2)));
        assert!(one != two);
        assert_eq!(ids.add_frame(frame(1)), one);
        let locals = ids.add_reference(Reference::Locals(frame(1)));
        let parts = ids.add_reference(Reference::Parts(2, 4));
        let read = ids.add_reference(Reference::Read(0));
        ids.forget(1);
        assert_eq!((ids.frame(one), ids.frame(two)), (None, Some(frame(2))));
        assert_eq!(ids.reference(locals), None);
        assert_eq!(ids.reference(parts), Some(Reference::Parts(2, 4)));
        assert_eq!(ids.reference(read), Some(Reference::Read(0)));
        ids.forget_read();
        assert_eq!(ids.reference(read), None);
    }
}
