//! Looking at the runtime: status, workers, tesserae, timeline, profile, progress, log.

mod html;
pub(crate) mod log;
pub(crate) mod profile;
pub(crate) mod progress;
pub(crate) mod status;
pub(crate) mod tesserae;
pub(crate) mod timeline;
pub(crate) mod workers;
