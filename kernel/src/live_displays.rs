//! Displays that change where they stand: progress bars of methods, and tables that the user watches.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
};

use mosaic_engine::{Progress, Question};
use mosaic_evaluator::BuildProgress;
use mosaic_message::{Ask, MimeBundle, encode};

use crate::front_end::{Asker, FrontEnd};

/// The ids of the displays that are shown and will change.
#[derive(Default)]
pub(crate) struct LiveDisplays(Mutex<HashSet<String>>);

impl LiveDisplays {
    /// Shows the progress bar of a task or tessera, or updates it.
    pub(crate) fn show_progress(&self, front_end: &FrontEnd, uid: String, label: &str, progress: Progress) {
        let is_last = progress.done >= progress.total;
        self.show(front_end, uid, progress_bar(label, progress), is_last);
    }

    /// Shows how far cargo is with the crates of the running cell. Without a running cell nothing is shown.
    pub(crate) fn show_build(self: &Arc<Self>, front_end: &FrontEnd, progress: &BuildProgress) {
        let (displays, shower) = (Arc::clone(self), front_end.clone());
        let (bar, display_id, ended) = (build_bar(progress), format!("build-{}", progress.build), progress.ended);
        front_end.with_cell(move || displays.show(&shower, display_id, bar, ended));
    }

    /// Shows a display, or updates it if the display of this id is still changing. After the last update, the id stands
    /// for a new display.
    pub(crate) fn show(&self, front_end: &FrontEnd, display_id: String, bundle: MimeBundle, is_last: bool) {
        let mut shown = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_new = shown.insert(display_id.clone());
        if is_last {
            shown.remove(&display_id);
        }
        drop(shown);
        let ask = match is_new {
            true => Ask::Display {
                bundle,
                display_id: Some(display_id),
            },
            false => Ask::Update { bundle, display_id },
        };
        // The display goes the way of a worker's displays. Nobody waits for it.
        front_end.take(Question::new(encode(&ask), |_| ()), Asker::Worker);
    }
}

/// Describes how far a build is.
fn build_bar(progress: &BuildProgress) -> MimeBundle {
    let BuildProgress {
        done, total, compiled, ..
    } = *progress;
    let seconds = progress.elapsed.as_secs();
    if progress.ended && done == total {
        let crates = if compiled == 1 { "crate" } else { "crates" };
        return MimeBundle::new().with_text("text/plain", format!("compiled {compiled} {crates} in {seconds} s"));
    }
    let counted = format!("{done} of {total} crates, {seconds} s");
    if progress.ended {
        return MimeBundle::new().with_text("text/plain", format!("stopped compiling after {counted}"));
    }
    let label = format!("{counted}: {}", progress.current);
    MimeBundle::new()
        .with_text("text/plain", format!("compiling {label}"))
        .with_text("text/html", bar(done, total, &label))
}

fn progress_bar(label: &str, Progress { done, total }: Progress) -> MimeBundle {
    let label = format!("{label}: {done} of {total}");
    MimeBundle::new()
        .with_text("text/html", bar(done, total, &label))
        .with_text("text/plain", label)
}

/// Draws a bar in HTML.
fn bar(done: u64, total: u64, label: &str) -> String {
    let label = label.replace('&', "&amp;").replace('<', "&lt;");
    format!("<progress value=\"{done}\" max=\"{total}\"></progress> {label}")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_build_says_how_far_it_is_and_how_it_ended() {
        for (done, ended, expected) in [
            (3, false, "compiling 3 of 9 crates, 4 s: serde, <a>"),
            (9, true, "compiled 5 crates in 4 s"),
            (8, true, "stopped compiling after 8 of 9 crates, 4 s"),
        ] {
            let progress = BuildProgress {
                build: 1,
                done,
                total: 9,
                compiled: 5,
                current: "serde, <a>".to_owned(),
                elapsed: Duration::from_millis(4700),
                ended,
            };
            let (contents, _) = build_bar(&progress).into_parts();
            let text = mosaic_message::Content::Text(expected.to_owned());
            assert_eq!(contents["text/plain"], text);
            assert_eq!(contents.contains_key("text/html"), !ended);
        }
    }

    #[test]
    fn a_bar_says_what_it_is_of() {
        let (contents, _) = progress_bar("Vec<u8>::sum on worker:0:1", Progress { done: 1, total: 3 }).into_parts();
        let html = mosaic_message::Content::Text(
            "<progress value=\"1\" max=\"3\"></progress> Vec&lt;u8>::sum on worker:0:1: 1 of 3".to_owned(),
        );
        assert_eq!(contents["text/html"], html);
    }
}
