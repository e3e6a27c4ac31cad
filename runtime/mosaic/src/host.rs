//! The table of host functions, once the host has introduced itself.

use mosaic_abi::{Buffer, CellEvent, Failure, FailureKind, Host, Slice, VERSION};
use std::{
    ptr,
    sync::atomic::{AtomicPtr, Ordering},
};

/// Null until the host introduces itself. Written with `Release` and read with `Acquire`, so that a thread that sees
/// the pointer also sees the table.
static HOST: AtomicPtr<Host> = AtomicPtr::new(ptr::null_mut());

/// Makes `host` the host that this process's proxies talk to.
pub fn install(host: &'static Host) {
    HOST.store(ptr::from_ref(host).cast_mut(), Ordering::Release);
}

/// Returns the host, or a failure that says how to get one.
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

/// Tells the kernel something about the running cell. Does nothing without a host.
pub fn tell(event: CellEvent, a: &str, b: &str) {
    if let Ok(host) = host() {
        // SAFETY: the slices lend texts that outlive the call.
        unsafe { (host.cell_event)(event, Slice::from(a), Slice::from(b)) }
    }
}

/// Returns a writable buffer of `len` bytes that processes share, if the host offers one for this size.
///
/// The byte at offset `prefix` is aligned for numbers. With `to_store`, the buffer lies where the warehouse keeps
/// values.
pub(crate) fn shared_buffer(len: usize, prefix: usize, to_store: bool) -> Option<Buffer> {
    let host = host().ok()?;
    // SAFETY: the function accepts any numbers.
    let buffer = unsafe { (host.shared_buffer)(len, prefix, to_store) };
    (buffer.len() == len && len > 0).then_some(buffer)
}

/// Makes a failure that names no tessera.
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

/// Decodes a failure.
pub(crate) fn decode_failure(bytes: &[u8]) -> Failure {
    mosaic_abi::decode(bytes).unwrap_or_else(|error| {
        failure(
            FailureKind::Runtime,
            format!("the host sent a failure that cannot be read: {error}"),
        )
    })
}
