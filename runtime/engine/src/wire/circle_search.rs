//! The search for waits in a circle, which goes from process to process along what waits for what.

use crate::id::Id;
use serde::{Deserialize, Serialize};

/// A call that is waited for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Hop {
    /// The type and the method, such as `Pong::back`.
    pub(crate) name: String,
    /// Whether the call has not begun, and waits for another call of its tessera.
    pub(crate) is_behind: bool,
}

/// A search that has followed some waits, and is at a call that the last of them waits for.
///
/// It begins at a call that waits, its origin. If it arrives at a call that the origin holds up, the origin waits for
/// itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CircleSearch {
    /// The call at which the search began.
    pub(crate) origin: Id,
    /// Tells searches of one origin apart.
    pub(crate) number: u64,
    /// What the origin waits for, on this path.
    pub(crate) first: Id,
    /// The task or the tessera at which the search is.
    pub(crate) task: Id,
    /// The tessera whose call the task is, if it is one.
    pub(crate) tessera: Option<Id>,
    /// The calls that are waited for, from the origin on. The last one is `task`.
    pub(crate) path: Vec<Hop>,
}

impl CircleSearch {
    /// Returns the sentence that tells the origin how it waits for itself.
    pub(crate) fn message(&self) -> String {
        let mut message = "it is in a circle of waits: this call".to_owned();
        for hop in &self.path {
            message += &format!(" waits for `{}`, which", hop.name);
            if hop.is_behind {
                message += " is behind another call of its tessera, which";
            }
        }
        message
            + match self.task == self.origin {
                true => " is this call",
                false => " cannot begin before this call has ended",
            }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_names_the_calls_of_the_circle() {
        let hop = |name: &str, is_behind| Hop {
            name: name.to_owned(),
            is_behind,
        };
        for (task, path, expected) in [
            (
                3,
                vec![hop("Ping::own", false)],
                "waits for `Ping::own`, which cannot begin before this call has ended",
            ),
            (
                1,
                vec![hop("Pong::back", false), hop("Ping::run", false)],
                "waits for `Pong::back`, which waits for `Ping::run`, which is this call",
            ),
            (
                3,
                vec![hop("Pong::back", true), hop("Ping::own", false)],
                "waits for `Pong::back`, which is behind another call of its tessera, which waits for `Ping::own`, \
                 which cannot begin before this call has ended",
            ),
        ] {
            let search = CircleSearch {
                origin: Id::of(1),
                number: 0,
                first: Id::of(2),
                task: Id::of(task),
                tessera: None,
                path,
            };
            let expected = format!("it is in a circle of waits: this call {expected}");
            assert_eq!(search.message(), expected);
        }
    }
}
