//! The thread that carries the large payloads of other hosts, so that no message waits while one is encrypted.

use std::{future::pending, io, sync::LazyLock, thread};
use tokio::runtime::{Builder, Handle};

/// Returns the runtime of this process in which large payloads are written and read. Its thread starts with the first
/// connection to another host.
pub(super) fn payload_thread() -> &'static Handle {
    static RUNTIME: LazyLock<Handle> = LazyLock::new(|| {
        start().unwrap_or_else(|error| {
            tracing::warn!(%error, "large payloads have no thread of their own, and hold up messages");
            Handle::current()
        })
    });
    &RUNTIME
}

fn start() -> io::Result<Handle> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let handle = runtime.handle().clone();
    let run = move || runtime.block_on(pending::<()>());
    thread::Builder::new().name("mosaic-payload".to_owned()).spawn(run)?;
    Ok(handle)
}
