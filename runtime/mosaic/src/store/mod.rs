//! Values that the warehouse stores.

pub(crate) mod parameter;
pub(crate) mod stored;
