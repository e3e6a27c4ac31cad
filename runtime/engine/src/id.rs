//! Ids: the unique part of the uids of tesserae, tasks, stored values and heads.

use serde::{Deserialize, Serialize};
use std::{
    fmt,
    sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering},
    },
};

/// The distance between consecutive ids: odd and without a pattern, so that consecutive ids do not look alike.
const STRIDE: u128 = 0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835;

/// The inverse of the stride modulo 2^128: their product is 1.
const INVERSE: u128 = inverse(STRIDE);

/// Computes the inverse of an odd number modulo 2^128 with Newton's method. The number itself is right in the lowest
/// three bits, and each step doubles the number of right bits.
const fn inverse(odd: u128) -> u128 {
    let (mut inverse, mut step) = (odd, 0);
    while step < 6 {
        inverse = inverse.wrapping_mul(2_u128.wrapping_sub(odd.wrapping_mul(inverse)));
        step += 1;
    }
    inverse
}

/// The unique part of a uid, by which processes name an object.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Id(u128);

impl Id {
    /// Returns an id that nothing else has.
    pub(crate) fn unique() -> Id {
        // The first id of a process is random. Random ids for all would cost a system call each.
        static FIRST: OnceLock<u128> = OnceLock::new();
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let first = *FIRST.get_or_init(|| uuid::Uuid::new_v4().as_u128());
        let count = u128::from(COUNT.fetch_add(1, Ordering::Relaxed));
        Id(first.wrapping_add(count.wrapping_mul(STRIDE)))
    }

    /// Returns the id of object `number` of whoever has this id. Nothing else has that id.
    pub(crate) fn numbered(self, number: u64) -> Id {
        // Rotated, so that these ids are far from those of `unique`.
        Id(self
            .0
            .rotate_left(64)
            .wrapping_add(u128::from(number).wrapping_mul(STRIDE)))
    }

    /// Returns the number of an id that [`Id::numbered`] made from this id, or an arbitrary number for any other id.
    pub(crate) fn number_of(self, id: Id) -> u64 {
        let stride = id.0.wrapping_sub(self.0.rotate_left(64));
        u64::try_from(stride.wrapping_mul(INVERSE)).unwrap_or(u64::MAX)
    }

    /// Returns the uid of the tessera that has this id, such as `tess-solver1-70c4…`.
    pub(crate) fn uid_of_tessera(self, type_name: &str) -> String {
        format!("tess-{}-{self}", type_name.to_lowercase())
    }

    /// Returns the uid of the task that has this id, such as `task-solver1-solve-70c4…`. The type's name is empty for a
    /// function that runs without a tessera.
    pub(crate) fn uid_of_task(self, type_name: &str, method: &str) -> String {
        match type_name {
            "" => format!("task-{method}-{self}"),
            _ => format!("task-{}-{method}-{self}", type_name.to_lowercase()),
        }
    }

    /// Returns the id as bytes.
    pub(crate) fn to_bytes(self) -> [u8; 16] {
        self.0.to_ne_bytes()
    }

    /// Returns the id with these bytes.
    pub(crate) fn from_bytes(bytes: [u8; 16]) -> Id {
        Id(u128::from_ne_bytes(bytes))
    }

    /// Returns the id at the end of a tessera's uid, such as `tess-solver1-70c4…`.
    pub(crate) fn of_tessera(uid: &str) -> Option<Id> {
        Id::at_end_of(uid.strip_prefix("tess-")?)
    }

    /// Returns the id at the end of a task's uid, such as `task-solver1-solve-70c4…`.
    pub(crate) fn of_task(uid: &str) -> Option<Id> {
        Id::at_end_of(uid.strip_prefix("task-")?)
    }

    /// Returns the id at the end of a stored value's uid, such as `ware-array3-70c4…`.
    pub(crate) fn of_stored(uid: &str) -> Option<Id> {
        Id::at_end_of(uid.strip_prefix("ware-")?)
    }

    /// Returns the id at the end of a name.
    fn at_end_of(name: &str) -> Option<Id> {
        let (_, digits) = name.rsplit_once('-')?;
        let is_id = digits.len() == 32 && digits.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'));
        u128::from_str_radix(digits, 16).ok().filter(|_| is_id).map(Id)
    }

    /// Returns the id with this number, for tests.
    #[cfg(test)]
    pub(crate) fn of(number: u128) -> Id {
        Id(number)
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_found_again_in_its_id() {
        let (mine, other) = (Id::unique(), Id::unique());
        for number in [0, 1, 2, 1 << 40, u64::MAX - 1] {
            assert_eq!(mine.number_of(mine.numbered(number)), number);
            assert_ne!(mine.numbered(number), other.numbered(number));
        }
        assert_eq!(mine.number_of(other), u64::MAX);
    }

    #[test]
    fn a_tesseras_uid_ends_in_its_id() {
        let id = Id::unique();
        for (uid, found) in [
            (format!("tess-solver1-{id}"), Some(id)),
            (format!("tess-a_b-c-{id}"), Some(id)),
            (format!("task-solver1-{id}"), None),
            (format!("tess-solver1-{id}0"), None),
            (format!("tess-solver1-+{}", &id.to_string()[1..]), None),
            ("tess-solver1-".to_owned(), None),
            (String::new(), None),
        ] {
            assert_eq!(Id::of_tessera(&uid), found, "{uid}");
        }
    }
}
