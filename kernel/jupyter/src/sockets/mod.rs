//! The ZeroMQ sockets, and the relay that stands between them and the clients.

pub(crate) mod relay;
pub(crate) mod router;
mod zmtp_validator;
