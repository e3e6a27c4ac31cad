//! Names of tesserae and tasks.

use serde::{Deserialize, Serialize};
use std::fmt;

/// The unique part of a uid: what tesserae and tasks are called on the wire.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Id(u128);

impl Id {
    /// An id that nothing else has.
    pub(crate) fn unique() -> Id {
        Id(uuid::Uuid::new_v4().as_u128())
    }

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
