//! Runs: elements of a sequence that are all of one type, and lie in a row.

use super::{
    decoder::Decoder,
    encoder::{Encoder, FEWEST_IN_A_RUN},
    error::{Error, malformed},
    tag::{self, *},
};

/// What the elements of a run are.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Run {
    /// The type of the numbers.
    pub(super) tag: u8,
    /// The count of numbers in an element that is a tuple; 0 if the elements are numbers.
    pub(super) width: u8,
}

impl Run {
    pub(super) const fn numbers(tag: u8) -> Run {
        Run { tag, width: 0 }
    }

    pub(super) const fn tuples(tag: u8, width: u8) -> Run {
        Run { tag, width }
    }
}

impl Encoder {
    /// Writes a sequence whose elements are all in one run, which begins with `head`. Returns whether it did.
    pub(super) fn row(&mut self, head: &[u8], count: usize, bytes: &[u8]) -> bool {
        let Ok(in_run) = u32::try_from(count) else {
            return false;
        };
        if count < FEWEST_IN_A_RUN || in_run == u32::MAX || self.stack.check().is_err() {
            return false;
        }
        self.tag(SEQUENCE);
        self.expected(Some(count));
        self.output.tail.extend_from_slice(head);
        self.output.tail.extend_from_slice(&in_run.to_le_bytes());
        self.output.copy(bytes);
        self.tag(END);
        true
    }
}

impl<'de> Decoder<'de> {
    /// Reads the beginning of a run if one is next, and returns what its elements are and how many.
    pub(super) fn read_run(&mut self) -> Result<Option<(Run, usize)>, Error> {
        let run = if self.read_tag_if(RUN) {
            let [tag] = self.array()?;
            Run::numbers(tag)
        } else if self.read_tag_if(TUPLES) {
            let [width, tag] = self.array()?;
            if width == 0 {
                return Err(malformed());
            }
            Run::tuples(tag, width)
        } else {
            return Ok(None);
        };
        if !tag::is_number(run.tag) {
            return Err(malformed());
        }
        Ok(Some((run, u32::from_le_bytes(self.array()?) as usize)))
    }

    /// Reads a sequence if it is next and consists of one such run. Returns the count of its elements and their bytes;
    /// an element has `size` of them. Otherwise reads nothing.
    pub(super) fn row(&mut self, run: Run, size: usize) -> Option<(usize, &'de [u8])> {
        let begin = self.position;
        let found = self.try_row(run, size);
        if found.is_none() {
            self.position = begin;
        }
        found
    }

    fn try_row(&mut self, run: Run, size: usize) -> Option<(usize, &'de [u8])> {
        if self.is_left || self.stack.check().is_err() || !self.read_tag_if(SEQUENCE) {
            return None;
        }
        self.expected().ok()?;
        let (of, count) = self.read_run().ok()??;
        let bytes = self.take(count.checked_mul(size)?).ok()?;
        (of == run && count > 0 && self.read_end()).then_some((count, bytes))
    }
}
