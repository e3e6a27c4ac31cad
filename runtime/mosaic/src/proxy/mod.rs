//! Proxies of tesserae.

pub(crate) mod attach;
pub(crate) mod proxy_array;
pub(crate) mod tessera;
