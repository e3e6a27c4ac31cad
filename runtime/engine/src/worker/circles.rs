//! Looks for methods of this process that wait for themselves; see [`crate::head::search_for_circles`].

use super::state::WorkerState;
use crate::{head, wire::CircleSearch};
use std::{rc::Rc, time::Duration};
use tokio::time::sleep;

/// How often a worker looks for waits that have lasted since its last look.
const INTERVAL: Duration = Duration::from_millis(200);

/// Looks at intervals for methods that wait for themselves, for as long as the worker runs.
pub(crate) async fn search() {
    loop {
        sleep(INTERVAL).await;
        head::search_for_circles();
    }
}

/// Follows a search from a task of this worker to what holds the task up.
pub(super) fn follow(state: &Rc<WorkerState>, mut search: CircleSearch) {
    let Some(call) = state.running.holding_up(search.task, search.tessera) else {
        return;
    };
    if call == search.origin {
        return head::close_circle(&search);
    }
    if call != search.task
        && let Some(hop) = search.path.last_mut()
    {
        hop.is_behind = true;
    }
    head::continue_search(call, &search);
}
