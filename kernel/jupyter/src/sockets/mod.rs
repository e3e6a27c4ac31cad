//! The ZeroMQ sockets, and the relay between clients and sockets.

pub(crate) mod relay;
pub(crate) mod router;
mod zmtp_validator;
