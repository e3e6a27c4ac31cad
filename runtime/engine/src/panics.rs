//! Panics of the runtime itself: each costs the request that it happened in, and not the thread that serves all.

use crate::failures::failure;
use mosaic_abi::{Failure, FailureKind};
use std::{
    any::Any,
    future::poll_fn,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    task::Poll,
};

/// Calls a function, and returns the failure of the request if it panics. `who` is the part of the runtime.
///
/// The standard library has printed the panic by then.
pub(crate) fn caught<T>(who: &str, run: impl FnOnce() -> T) -> Result<T, Failure> {
    catch_unwind(AssertUnwindSafe(run)).map_err(|panic| failure_of(who, &*panic))
}

/// Waits for a future as [`caught`] calls a function.
pub(crate) async fn caught_async<T>(who: &str, future: impl Future<Output = T>) -> Result<T, Failure> {
    let mut future = pin!(future);
    poll_fn(|context| match caught(who, || future.as_mut().poll(context)) {
        Ok(Poll::Pending) => Poll::Pending,
        Ok(Poll::Ready(value)) => Poll::Ready(Ok(value)),
        Err(failure) => Poll::Ready(Err(failure)),
    })
    .await
}

fn failure_of(who: &str, panic: &(dyn Any + Send)) -> Failure {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    let text = text.unwrap_or("for an unknown reason");
    failure(
        FailureKind::Runtime,
        format!("the {who} of the mosaic runtime panicked, which is a bug of mosaic: {text}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_is_a_failure_and_a_value_stays_a_value() {
        assert_eq!(caught("monitor", || 1).unwrap(), 1);
        let failed = caught("monitor", || {
            Vec::<u16>::with_capacity(std::hint::black_box(usize::MAX))
        })
        .unwrap_err();
        assert!(
            failed.message.contains("monitor of the mosaic runtime panicked"),
            "{failed:?}"
        );
        assert!(failed.message.ends_with("capacity overflow"), "{failed:?}");
        assert_eq!(caught_async("head", async { 2 }).await.unwrap(), 2);
        let panicking = async {
            tokio::task::yield_now().await;
            panic!("number {}", 3)
        };
        let failed: Result<(), Failure> = caught_async("head", panicking).await;
        assert!(failed.unwrap_err().message.ends_with("number 3"));
    }
}
