//! Displays that change where they stand: progress bars of methods, and tables that the user watches.

use std::{
    collections::HashSet,
    sync::{Mutex, PoisonError},
};

use mosaic_engine::{Progress, Question};
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

fn progress_bar(label: &str, Progress { done, total }: Progress) -> MimeBundle {
    let label = label.replace('&', "&amp;").replace('<', "&lt;");
    MimeBundle::new()
        .with_text("text/plain", format!("{label}: {done} of {total}"))
        .with_text(
            "text/html",
            format!("<progress value=\"{done}\" max=\"{total}\"></progress> {label}: {done} of {total}"),
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_says_what_it_is_of() {
        let (contents, _) = progress_bar("Vec<u8>::sum on worker:0:1", Progress { done: 1, total: 3 }).into_parts();
        let html = mosaic_message::Content::Text(
            "<progress value=\"1\" max=\"3\"></progress> Vec&lt;u8>::sum on worker:0:1: 1 of 3".to_owned(),
        );
        assert_eq!(contents["text/html"], html);
    }
}
