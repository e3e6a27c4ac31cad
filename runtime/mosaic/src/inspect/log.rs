//! Log messages of the user's code: [`crate::log!`] and its kin.

use mosaic_abi::{LogLevel, Slice};
use std::fmt;

/// Logs a message at a level, with the arguments of `format!`, if
/// [`Interactive::log_level`](crate::Interactive::log_level) includes the level.
///
/// The line goes to standard error, behind the name of the process: `WORKER:0:1      INFO  …`. A message that is not
/// shown is not formatted. `error!`, `warn!`, `info!`, `debug!` and `trace!` log at one level each.
///
/// ```
/// use mosaic::LogLevel;
/// let misfit = 0.25;
/// mosaic::log!(LogLevel::Info, "the misfit is {misfit}");
/// mosaic::info!("the misfit is {misfit:.1}");
/// ```
#[macro_export]
macro_rules! log {
    ($level:expr, $($message:tt)+) => {{
        let level: $crate::LogLevel = $level;
        if $crate::__private::is_logged(level) {
            $crate::__private::log(level, ::std::format_args!($($message)+));
        }
    }};
}

/// Logs an error: [`crate::log!`] at [`LogLevel::Error`].
///
/// ```
/// mosaic::error!("the survey cannot be read: {}", "no such file");
/// ```
#[macro_export]
macro_rules! error {
    ($($message:tt)+) => { $crate::log!($crate::LogLevel::Error, $($message)+) };
}

/// Logs a warning: [`crate::log!`] at [`LogLevel::Warn`].
///
/// ```
/// mosaic::warn!("{} shots have no data", 3);
/// ```
#[macro_export]
macro_rules! warn {
    ($($message:tt)+) => { $crate::log!($crate::LogLevel::Warn, $($message)+) };
}

/// Logs a change: [`crate::log!`] at [`LogLevel::Info`].
///
/// ```
/// mosaic::info!("iteration {} begins", 7);
/// ```
#[macro_export]
macro_rules! info {
    ($($message:tt)+) => { $crate::log!($crate::LogLevel::Info, $($message)+) };
}

/// Logs a step: [`crate::log!`] at [`LogLevel::Debug`].
///
/// ```
/// mosaic::debug!("shot {} is sent", 7);
/// ```
#[macro_export]
macro_rules! debug {
    ($($message:tt)+) => { $crate::log!($crate::LogLevel::Debug, $($message)+) };
}

/// Logs a detail: [`crate::log!`] at [`LogLevel::Trace`].
///
/// ```
/// mosaic::trace!("step {} of {}", 1, 1000);
/// ```
#[macro_export]
macro_rules! trace {
    ($($message:tt)+) => { $crate::log!($crate::LogLevel::Trace, $($message)+) };
}

/// Returns whether messages of this level are shown.
pub fn is_logged(level: LogLevel) -> bool {
    // SAFETY: the function takes nothing.
    crate::host::host().is_ok_and(|host| level <= unsafe { (host.log_level)() })
}

/// Logs a message.
pub fn log(level: LogLevel, message: fmt::Arguments) {
    let Ok(host) = crate::host::host() else { return };
    let text = message.to_string();
    // SAFETY: the slice lends text that outlives the call.
    unsafe { (host.log)(level, Slice::from(&*text)) }
}
