//! The rich formats of the runtime's own values.

use crate::{MimeBundle, Rich};
use mosaic::{Status, Timeline};

impl Rich for Timeline {
    fn mime_bundle(&self) -> MimeBundle {
        MimeBundle::new()
            .with_text("text/plain", self.to_string())
            .with_text("text/html", self.html())
    }
}

impl Rich for Status {
    fn mime_bundle(&self) -> MimeBundle {
        MimeBundle::new()
            .with_text("text/plain", self.to_string())
            .with_text("text/html", self.html())
    }
}
