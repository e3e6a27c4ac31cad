//! The text that turning the runtime on prints: what the runtime consists of. No I/O here.

use crate::{
    line_prefix,
    wire::{RuntimePart, WorkerAddress},
    worker_uid,
};
use std::path::Path;

/// Returns a line for each part of the runtime, if there is something to `list` (the monitor's address, and the parts),
/// and a hint if the number of workers is not the one that was `wanted` (zero: any).
pub(super) fn text(list: Option<(&Path, &[RuntimePart])>, count: usize, wanted: usize) -> String {
    let mut lines = list
        .map(|(monitor, runtimes)| listing(monitor, runtimes))
        .unwrap_or_default();
    if wanted != 0 && wanted != count {
        let run = if count == 1 {
            "1 worker runs"
        } else {
            &format!("{count} workers run")
        };
        let off = "call `mosaic::interactive(Off).await?` first, which ends them and their tesserae";
        lines.push(format!("{run} already, which stays so: to have {wanted}, {off}"));
    }
    lines.join("\n")
}

/// Returns a line for each part, in columns.
fn listing(monitor: &Path, runtimes: &[RuntimePart]) -> Vec<String> {
    let head = format!(
        "{}Connected to <CommsManager object, uid=head, address={}, pid={}, state=connected>",
        line_prefix("head"),
        monitor.display(),
        std::process::id()
    );
    let others = runtimes.iter().map(|runtime| {
        format!(
            "{}Listening at <CommsManager object, uid={}, address={}, pid={}, state=listening>",
            line_prefix(&runtime.place.uid),
            runtime.place.uid,
            runtime.place,
            runtime.pid
        )
    });
    std::iter::once(head).chain(others).collect()
}

/// Returns the workers among the parts of a runtime.
pub(super) fn workers(runtimes: &[RuntimePart]) -> Vec<WorkerAddress> {
    let places = runtimes.iter().map(|runtime| &runtime.place);
    places
        .filter(|place| worker_uid::is_worker(&place.uid))
        .cloned()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::text;

    #[test]
    fn another_number_of_workers_than_was_wanted_is_told() {
        assert_eq!(text(None, 2, 0), "");
        assert_eq!(text(None, 2, 2), "");
        assert!(text(None, 2, 4).starts_with("2 workers run already, which stays so: to have 4, call"));
        assert!(text(None, 1, 2).starts_with("1 worker runs already"));
    }
}
