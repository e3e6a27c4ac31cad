//! Cancellation, as the running method sees it.

use crate::host::host;

/// Returns whether the running task was cancelled or has timed out.
///
/// A method or function that takes long may ask now and then, and stop early. Its result is then rarely wanted. Ask on
/// the thread on which the method was called: on other threads, and outside workers, the answer is `false`.
///
/// ```
/// fn sum(values: Vec<f64>) -> f64 {
///     let wanted = values.into_iter().take_while(|_| !mosaic::cancelled());
///     wanted.sum()
/// }
/// assert_eq!(sum(vec![1.0, 2.0]), 3.0);
/// ```
pub fn cancelled() -> bool {
    // SAFETY: the function takes nothing, and reads what belongs to this thread.
    host().is_ok_and(|host| unsafe { (host.cancelled)() })
}
