//! Jupyter's messages: the envelope that all of them share, and one type for the content of each.
//!
//! A new message type has one home:
//!
//! - [`request`]: a client sends it, on shell or control;
//! - [`reply`]: the kernel answers a request with it;
//! - [`iopub`]: the kernel publishes it to all clients;
//! - [`stdin`]: the kernel asks the user for input with it, or a client answers.
//!
//! It also gets a variant in [`Request`](request::Request), [`Reply`](reply::Reply) or
//! [`IoPubMessage`](iopub::IoPubMessage). `lib.rs` exports it, and the kernel's `server/mod.rs` calls the handler of a
//! request.
//!
//! [Messaging in Jupyter](https://jupyter-client.readthedocs.io/en/stable/messaging.html) is the protocol's reference.

pub(crate) mod content;
pub(crate) mod iopub;
pub(crate) mod message;
pub(crate) mod reply;
pub(crate) mod request;
pub(crate) mod session;
pub(crate) mod stdin;
