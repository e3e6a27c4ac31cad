//! A hash map that gives its memory back.
//!
//! The standard library's map keeps the capacity for the largest number of entries that it ever had. The state of a
//! runtime holds hundreds of thousands of objects for a moment, and a handful for hours.

use foldhash::fast::RandomState;
use std::{
    borrow::Borrow,
    collections::{HashMap, hash_map},
    hash::Hash,
    ops::{Deref, DerefMut},
};

/// The capacity up to which a map does not shrink.
const SMALL: usize = 1 << 10;

/// A [`HashMap`] whose `remove` shrinks the map when little of its capacity is used.
///
/// The keys are numbers that the runtime makes itself, so that a fast hash suffices: the standard library's hash would
/// take longer than everything else that is done with an entry.
#[derive(Debug)]
pub(crate) struct Map<K, V>(HashMap<K, V, RandomState>);

impl<K, V> Default for Map<K, V> {
    fn default() -> Map<K, V> {
        Map(HashMap::default())
    }
}

impl<K, V> Deref for Map<K, V> {
    type Target = HashMap<K, V, RandomState>;

    fn deref(&self) -> &HashMap<K, V, RandomState> {
        &self.0
    }
}

impl<K, V> DerefMut for Map<K, V> {
    fn deref_mut(&mut self) -> &mut HashMap<K, V, RandomState> {
        &mut self.0
    }
}

impl<'a, K, V> IntoIterator for &'a Map<K, V> {
    type Item = (&'a K, &'a V);
    type IntoIter = hash_map::Iter<'a, K, V>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl<K: Eq + Hash, V> Map<K, V> {
    /// Removes an entry, as [`HashMap::remove`] does, and shrinks the map if little of it is used.
    pub(crate) fn remove<Q: Eq + Hash + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let value = self.0.remove(key);
        self.give_back();
        value
    }

    /// Shrinks the map if little of its capacity is used. The cost is spread over the many entries that were removed
    /// before.
    pub(crate) fn give_back(&mut self) {
        let capacity = self.0.capacity();
        if capacity <= SMALL || self.0.len() >= capacity / 8 {
            return;
        }
        self.0.shrink_to((2 * self.0.len()).max(SMALL / 2));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_given_back() {
        let mut map = Map::default();
        for key in 0..100_000 {
            map.insert(key, key);
        }
        let most = map.capacity();
        for key in 0..99_999 {
            assert_eq!(map.remove(&key), Some(key));
        }
        assert!(most > 100_000 && map.capacity() <= 2 * SMALL, "{}", map.capacity());
        assert_eq!((map.len(), map.remove(&99_999)), (1, Some(99_999)));
    }
}
