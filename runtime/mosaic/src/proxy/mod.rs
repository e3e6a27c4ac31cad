//! Proxies of tesserae. `#[tessera]` generates a typed proxy around [`tessera::Tessera`].

pub(crate) mod actor;
pub(crate) mod attach;
pub(crate) mod constructed;
mod methods;
pub(crate) mod proxy_array;
pub(crate) mod tessera;
