//! The rich formats of the runtime's own values.

use crate::{MimeBundle, Rich};
use mosaic::{Profile, Status, Timeline};

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

/// The format of a profile that has yet to be drawn. The kernel replaces it by formats that front ends know.
pub const PROFILE: &str = "application/x-mosaic-profile";

impl Rich for Profile {
    fn mime_bundle(&self) -> MimeBundle {
        MimeBundle::new().with_bytes(PROFILE, self.encoded())
    }
}
