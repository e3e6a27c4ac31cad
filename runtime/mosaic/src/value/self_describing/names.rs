//! The names of fields and variants in one encoded value.

use std::ptr;

/// Most values have fewer names.
pub(super) const USUALLY_ENOUGH: usize = 16;

/// The names that the encoder has written, in their order.
#[derive(Default)]
pub(super) struct Names {
    known: Vec<Name>,
    /// The number of the name that was written last.
    last: usize,
}

struct Name {
    text: &'static str,
    /// The number of the name that followed this one the last time. Values of one type write their names in the same
    /// order, so it is usually the next one as well.
    next: usize,
}

impl Names {
    /// Returns the number of a name if it is the expected one.
    #[inline]
    pub(super) fn expected(&mut self, text: &'static str) -> Option<usize> {
        let number = self.known.get(self.last)?.next;
        self.known.get(number)?.is(text).then(|| self.last = number)?;
        Some(number)
    }

    /// Returns the number of a name, and whether the name is new.
    pub(super) fn number(&mut self, text: &'static str) -> (usize, bool) {
        let found = self.known.iter().position(|name| name.is(text));
        let number = found.unwrap_or(self.known.len());
        if let Some(last) = self.known.get_mut(self.last) {
            last.next = number;
        }
        if found.is_none() {
            if self.known.is_empty() {
                self.known.reserve(USUALLY_ENOUGH);
            }
            self.known.push(Name { text, next: 0 });
        }
        self.last = number;
        (number, found.is_none())
    }
}

impl Name {
    /// Returns whether this is the name. Comparing addresses is quicker than comparing texts; a name with two addresses
    /// is written twice.
    #[inline]
    fn is(&self, text: &'static str) -> bool {
        ptr::eq(self.text, text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_numbered_in_the_order_of_their_first_use() {
        let mut names = Names::default();
        let numbers = ["a", "b", "a", "c", "b", "a", "b", "c"].map(|text| match names.expected(text) {
            Some(number) => (number, false),
            None => names.number(text),
        });
        let expected = [0, 1, 0, 2, 1, 0, 1, 2];
        assert_eq!(numbers.map(|(number, _)| number), expected);
        let new: Vec<usize> = (0..8).filter(|index| numbers[*index].1).collect();
        assert_eq!(new, [0, 1, 3]);
    }
}
