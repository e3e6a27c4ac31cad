//! A hash map that gives its memory back.
//!
//! The standard library's keeps the room for as many entries as it ever had. The books of a runtime hold hundreds of
//! thousands of objects for a moment, and a handful for hours.

use foldhash::fast::RandomState;
use std::{
    borrow::Borrow,
    collections::{HashMap, hash_map},
    hash::Hash,
    ops::{Deref, DerefMut},
};

/// A map with fewer entries than this is left alone.
const SMALL: usize = 1 << 10;

/// A [`HashMap`] whose `remove` gives room back where little of it is used. Its keys are numbers of the runtime's own, for
/// which the standard library's way to hash takes longer than all else that is done with an entry.
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
    /// As [`HashMap::remove`].
    pub(crate) fn remove<Q: Eq + Hash + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let value = self.0.remove(key);
        self.give_back();
        value
    }

    /// Gives room back where little of it is used. What that costs is spread over the many entries that went before.
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
    fn room_is_given_back() {
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
