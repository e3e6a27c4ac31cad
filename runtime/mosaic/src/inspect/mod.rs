//! Looking at the runtime: status, workers, timeline, progress, log.

mod html;
pub(crate) mod log;
pub(crate) mod progress;
pub(crate) mod status;
pub(crate) mod timeline;
pub(crate) mod workers;
