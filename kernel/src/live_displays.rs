//! What changes where it is shown: bars of how far methods have got, and tables that are watched.

use std::{
    collections::HashSet,
    sync::{Mutex, PoisonError},
};

use mosaic_engine::{Progress, Question};
use mosaic_message::{Ask, MimeBundle, encode};

use crate::front_end::{Asker, Questions};

/// What is shown and will change.
#[derive(Default)]
pub(crate) struct Live(Mutex<HashSet<String>>);

impl Live {
    /// Shows a bar, or how much further it is.
    pub(crate) fn bar(&self, questions: &Questions, uid: String, label: &str, progress: Progress) {
        self.show(questions, uid, bar(label, progress), progress.done >= progress.total);
    }

    /// Shows something at the place of the name `uid`, which is a new one if there was none, or the last one said so.
    pub(crate) fn show(&self, questions: &Questions, uid: String, bundle: MimeBundle, is_last: bool) {
        let mut shown = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_new = shown.insert(uid.clone());
        if is_last {
            shown.remove(&uid);
        }
        drop(shown);
        let ask = match is_new {
            true => Ask::Display {
                bundle,
                display_id: Some(uid),
            },
            false => Ask::Update {
                bundle,
                display_id: uid,
            },
        };
        // It is shown among what the worker says; nobody waits for that.
        questions.take(Question::new(encode(&ask), |_| ()), Asker::Worker);
    }
}

fn bar(label: &str, Progress { done, total }: Progress) -> MimeBundle {
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
        let (contents, _) = bar("Vec<u8>::sum on worker:0:1", Progress { done: 1, total: 3 }).into_parts();
        let html = mosaic_message::Content::Text(
            "<progress value=\"1\" max=\"3\"></progress> Vec&lt;u8>::sum on worker:0:1: 1 of 3".to_owned(),
        );
        assert_eq!(contents["text/html"], html);
    }
}
