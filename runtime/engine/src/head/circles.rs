//! Searches for circles of waits, as the worker in this process meets them. A process without a head has no waits.

use super::current::made_head;
use crate::{id::Id, wire::CircleSearch};

/// Looks for methods of this process that wait for themselves. Call it at intervals.
pub(crate) fn search_for_circles() {
    if let Some(head) = made_head() {
        head.change_untimed(|state| state.search_for_circles());
    }
}

/// Follows what a call of this process waits for.
pub(crate) fn continue_search(call: Id, search: &CircleSearch) {
    if let Some(head) = made_head() {
        head.change_untimed(|state| state.continue_search(call, search));
    }
}

/// Fails the wait of a call of this process that waits for itself.
pub(crate) fn close_circle(search: &CircleSearch) {
    if let Some(head) = made_head() {
        head.change_untimed(|state| state.close_circle(search));
    }
}
