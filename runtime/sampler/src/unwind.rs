//! Finds the return addresses in the copy of a stack.

use crate::{
    loaded::{Loaded, new_objects},
    registers::{Cache, Unwinder as FramehopUnwinder},
    slots::RawSample,
};
use framehop::Unwinder as _;

/// How many frames of a stack are kept. Those further out are missing in the sample.
const MAX_FRAMES: usize = 2_000;
/// How many bytes an address on the stack has.
const WORD: usize = 8;

/// The addresses of a stack.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Addresses {
    /// An address in each frame, the innermost first. It lies in the instruction that is being executed or that has
    /// called.
    pub(crate) frames: Vec<u64>,
    /// Whether the outermost frames are missing.
    pub(crate) is_cut: bool,
}

/// Unwinds stacks of this process.
pub(crate) struct Unwinder {
    unwinder: FramehopUnwinder<Vec<u8>>,
    cache: Cache,
    loaded: Vec<Loaded>,
}

impl Unwinder {
    /// Makes an unwinder that knows what is loaded now.
    pub(crate) fn new() -> Unwinder {
        let mut unwinder = Unwinder {
            unwinder: FramehopUnwinder::new(),
            cache: Cache::new(),
            loaded: Vec::new(),
        };
        unwinder.add_loaded();
        unwinder
    }

    fn add_loaded(&mut self) {
        for object in new_objects(&self.loaded) {
            self.loaded.push(object.loaded.clone());
            self.unwinder.add_module(object.module());
        }
    }

    /// Returns what has been loaded.
    pub(crate) fn loaded(&self) -> &[Loaded] {
        &self.loaded
    }

    /// Unwinds the stack of a sample.
    pub(crate) fn unwind(&mut self, sample: &RawSample) -> Addresses {
        let address = sample.registers.instruction;
        if !self.loaded.iter().any(|it| it.range.contains(&address)) {
            // A library may have been loaded meanwhile.
            self.add_loaded();
        }
        let stack = &sample.stack[..sample.len];
        let begin = sample.registers.stack;
        let mut read = |address: u64| {
            let at = address.checked_sub(begin).and_then(|at| usize::try_from(at).ok());
            let word = at.and_then(|at| stack.get(at..)?.first_chunk::<WORD>());
            word.map(|word| u64::from_ne_bytes(*word)).ok_or(())
        };
        let registers = sample.registers.for_unwinder();
        let mut found = self
            .unwinder
            .iter_frames(address, registers, &mut self.cache, &mut read);
        let mut frames = Vec::new();
        while frames.len() < MAX_FRAMES {
            match found.next() {
                Ok(Some(frame)) => frames.push(frame.address_for_lookup()),
                Ok(None) => return Addresses { frames, is_cut: false },
                Err(_) => break,
            }
        }
        Addresses { frames, is_cut: true }
    }
}
