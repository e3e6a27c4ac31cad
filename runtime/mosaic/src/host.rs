//! The host's table, once it has been given to this guest.

use mosaic_abi::{Buffer, Failure, FailureKind, Host, VERSION};
use std::{
    ptr,
    sync::atomic::{AtomicPtr, Ordering},
};

/// Null until the host introduces itself. Written with `Release` and read with `Acquire`, so that whoever sees the
/// pointer sees the table.
static HOST: AtomicPtr<Host> = AtomicPtr::new(ptr::null_mut());

/// Makes `host` the one that proxies talk to.
pub(crate) fn install(host: &'static Host) {
    HOST.store(ptr::from_ref(host).cast_mut(), Ordering::Release);
}

/// The host, or a failure that says how to get one.
pub(crate) fn host() -> Result<&'static Host, Failure> {
    // SAFETY: the pointer is null or came from a `&'static Host` (see `install`), which nobody writes to.
    match unsafe { HOST.load(Ordering::Acquire).as_ref() } {
        Some(host) if host.version == VERSION => Ok(host),
        Some(host) => Err(failure(
            FailureKind::Runtime,
            format!(
                "the host speaks version {} of mosaic's ABI, this code version {VERSION}: rebuild both",
                host.version
            ),
        )),
        None => Err(failure(
            FailureKind::NotRunning,
            "this process has no mosaic engine: call `mosaic_engine::run` first thing in `main`".to_owned(),
        )),
    }
}

/// Room for a large value of `len` bytes, to be written, if the host has some: what lies `prefix` bytes behind its
/// beginning is aligned. With `to_store`, it is where stored values lie.
pub(crate) fn room(len: usize, prefix: usize, to_store: bool) -> Option<Buffer> {
    let host = host().ok()?;
    // SAFETY: the function takes any numbers.
    let room = unsafe { (host.room)(len, prefix, to_store) };
    (room.len() == len && len > 0).then_some(room)
}

/// A failure of no tessera in particular.
pub(crate) fn failure(kind: FailureKind, message: String) -> Failure {
    Failure {
        kind,
        tessera: String::new(),
        method: String::new(),
        worker: String::new(),
        message,
        backtrace: String::new(),
        attempts: 1,
    }
}

/// The failure that `bytes` encode.
pub(crate) fn decode_failure(bytes: &[u8]) -> Failure {
    mosaic_abi::decode(bytes).unwrap_or_else(|error| {
        failure(
            FailureKind::Runtime,
            format!("the host sent a failure that cannot be read: {error}"),
        )
    })
}
