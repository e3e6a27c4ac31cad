//! The rest of a cell behind a statement that binds variables, which are stored when the rest has ended.
//!
//! The evaluator's `evcxr_text/kept_variables.rs` writes the code that uses this.

use std::{
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    pin::Pin,
    task::{Context, Poll},
    thread,
};

/// Runs the rest of a cell, and catches its unwinding.
pub fn rest<'a, T>(rest: Pin<Box<dyn Future<Output = T> + 'a>>) -> Rest<'a, T> {
    Rest(rest)
}

/// The future that [`rest`] returns.
pub struct Rest<'a, T>(Pin<Box<dyn Future<Output = T> + 'a>>);

impl<T> Future for Rest<'_, T> {
    type Output = End<T>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<End<T>> {
        // The cell unwinds on once its variables are stored, and user's code that sees them later is that of other
        // cells, as with variables of earlier cells.
        match catch_unwind(AssertUnwindSafe(|| self.0.as_mut().poll(context))) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(value)) => Poll::Ready(End(Ok(value))),
            Err(payload) => Poll::Ready(End(Err(payload))),
        }
    }
}

/// The end of the rest of a cell.
pub struct End<T>(thread::Result<T>);

impl<T> End<T> {
    /// Returns what the rest returned.
    ///
    /// # Panics
    ///
    /// Unwinds on if the rest unwound. This calls no panic hook.
    pub fn pass_on(self) -> T {
        self.0.unwrap_or_else(|payload| resume_unwind(payload))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{future::ready, task::Waker};

    fn end<T>(future: impl Future<Output = T>) -> Option<End<T>> {
        let mut rest = rest(Box::pin(future));
        match Pin::new(&mut rest).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(end) => Some(end),
            Poll::Pending => None,
        }
    }

    #[test]
    fn the_end_of_the_rest_is_passed_on() {
        assert_eq!(end(ready(7)).unwrap().pass_on(), 7);
        assert!(end(std::future::pending::<()>()).is_none());
        let unwound = end(async {
            resume_unwind(Box::new("why"));
        });
        let payload = catch_unwind(AssertUnwindSafe(|| unwound.unwrap().pass_on())).unwrap_err();
        assert_eq!(payload.downcast_ref::<&str>(), Some(&"why"));
    }
}
