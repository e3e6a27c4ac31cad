//! What the runtime consists of, and the text that turning it on prints. No I/O here.

use crate::wire::{Place, RuntimeInfo};
use std::path::Path;

/// A line for each part of the runtime where there is something to `list` (the hub's address and the parts), and a word
/// where the number of workers is another than was `wanted` (zero: any).
pub(super) fn text(list: Option<(&Path, &[RuntimeInfo])>, count: usize, wanted: usize) -> String {
    let mut lines = list.map(|(hub, runtimes)| listing(hub, runtimes)).unwrap_or_default();
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

/// A line for each part, in columns.
fn listing(hub: &Path, runtimes: &[RuntimeInfo]) -> Vec<String> {
    let head = format!(
        "{:<16}Connected to <CommsManager object, uid=head, address={}, pid={}, state=connected>",
        "HEAD",
        hub.display(),
        std::process::id()
    );
    let others = runtimes.iter().map(|runtime| {
        format!(
            "{:<16}Listening at <CommsManager object, uid={}, address={}, pid={}, state=listening>",
            runtime.uid.to_uppercase(),
            runtime.uid,
            runtime.address.display(),
            runtime.pid
        )
    });
    std::iter::once(head).chain(others).collect()
}

/// The workers among the parts of a runtime.
pub(super) fn workers(runtimes: &[RuntimeInfo]) -> Vec<Place> {
    let workers = runtimes.iter().filter(|runtime| runtime.uid.starts_with("worker:"));
    let place = |worker: &RuntimeInfo| Place {
        uid: worker.uid.clone(),
        address: worker.address.clone(),
    };
    workers.map(place).collect()
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
