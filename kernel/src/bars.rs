//! Bars that show how far methods have got.

use std::{
    collections::HashSet,
    sync::{Mutex, PoisonError},
};

use mosaic_engine::{Progress, Question};
use mosaic_message::{Ask, MimeBundle, encode};

use crate::questions::{Asker, Questions};

/// The bars that are shown and not full.
#[derive(Default)]
pub(crate) struct Bars(Mutex<HashSet<String>>);

impl Bars {
    /// Shows a bar, or how much further it is.
    pub(crate) fn show(&self, questions: &Questions, uid: &str, label: &str, progress: Progress) {
        let display_id = uid.to_owned();
        let bundle = bundle(label, progress);
        let mut shown = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_new = shown.insert(display_id.clone());
        if progress.done >= progress.total {
            shown.remove(uid);
        }
        drop(shown);
        let ask = match is_new {
            true => Ask::Display {
                bundle,
                display_id: Some(display_id),
            },
            false => Ask::Update { bundle, display_id },
        };
        // It is shown among what the worker says; nobody waits for that.
        questions.take(Question::new(encode(&ask), |_| ()), Asker::Worker);
    }
}

fn bundle(label: &str, Progress { done, total }: Progress) -> MimeBundle {
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
        let (contents, _) = bundle("Vec<u8>::sum on worker:0:1", Progress { done: 1, total: 3 }).into_parts();
        let html = mosaic_message::Content::Text(
            "<progress value=\"1\" max=\"3\"></progress> Vec&lt;u8>::sum on worker:0:1: 1 of 3".to_owned(),
        );
        assert_eq!(contents["text/html"], html);
    }
}
