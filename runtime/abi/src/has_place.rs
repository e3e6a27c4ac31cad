//! What has a place on a host.

use crate::{HostStatus, Worker};

/// Something that lies on a host: [`Options::near`](crate::Options::near) takes it.
///
/// Proxies of tesserae, tasks, stored values and parameters have a place, and the workers and hosts that
/// `mosaic::workers()` lists. A text has one, too, if it is the uid of one of these.
///
/// ```
/// # use mosaic::prelude::*;
/// fn together(place: impl mosaic::HasPlace) -> Options { Options::new().near(place) }
/// assert_eq!(together("node:1").near.as_deref(), Some("node:1"));
/// ```
pub trait HasPlace {
    /// Returns the uid by which the runtime finds the place.
    #[doc(hidden)]
    fn __uid(&self) -> String;
}

impl<T: HasPlace + ?Sized> HasPlace for &T {
    fn __uid(&self) -> String {
        (**self).__uid()
    }
}

impl HasPlace for str {
    fn __uid(&self) -> String {
        self.to_owned()
    }
}

impl HasPlace for String {
    fn __uid(&self) -> String {
        self.clone()
    }
}

impl HasPlace for Worker {
    fn __uid(&self) -> String {
        self.uid.clone()
    }
}

impl HasPlace for HostStatus {
    fn __uid(&self) -> String {
        self.uid.clone()
    }
}
