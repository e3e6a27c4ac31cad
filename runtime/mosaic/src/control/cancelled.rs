//! Being told that one's result is no longer wanted.

use crate::host::host;

/// Whether the task that runs was cancelled, or has timed out: to be asked now and then by a method or function that takes
/// long and can stop early. What it returns then is its value, if anybody still wants that.
///
/// It is asked on the thread on which the method was called; on others, and outside workers, it is `false`.
///
/// ```
/// fn sum(values: Vec<f64>) -> f64 {
///     let wanted = values.into_iter().take_while(|_| !mosaic::cancelled());
///     wanted.sum()
/// }
/// assert_eq!(sum(vec![1.0, 2.0]), 3.0);
/// ```
pub fn cancelled() -> bool {
    // SAFETY: the function takes nothing, and looks at what belongs to this thread.
    host().is_ok_and(|host| unsafe { (host.cancelled)() })
}
