//! Saying what happens, as the runtime does: [`crate::log!`] and its kin.

use mosaic_abi::{LogLevel, Slice};
use std::fmt;

/// Says something at a level, with the arguments of `format!`, if so much is to be said
/// ([`crate::Interactive::log_level`]).
///
/// It stands on standard error behind the name of who says it: `WORKER:0:1      INFO  …`. What is not to be said is not
/// formatted either. `error!`, `warn!`, `info!`, `debug!` and `trace!` are the same at one level.
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

/// Says what went wrong: [`crate::log!`] at [`LogLevel::Error`].
#[macro_export]
macro_rules! error {
    ($($message:tt)+) => { $crate::log!($crate::LogLevel::Error, $($message)+) };
}

/// Says what may be wrong: [`crate::log!`] at [`LogLevel::Warn`].
#[macro_export]
macro_rules! warn {
    ($($message:tt)+) => { $crate::log!($crate::LogLevel::Warn, $($message)+) };
}

/// Says what changes: [`crate::log!`] at [`LogLevel::Info`].
#[macro_export]
macro_rules! info {
    ($($message:tt)+) => { $crate::log!($crate::LogLevel::Info, $($message)+) };
}

/// Says what is done, step by step: [`crate::log!`] at [`LogLevel::Debug`].
#[macro_export]
macro_rules! debug {
    ($($message:tt)+) => { $crate::log!($crate::LogLevel::Debug, $($message)+) };
}

/// Says all there is to say: [`crate::log!`] at [`LogLevel::Trace`].
#[macro_export]
macro_rules! trace {
    ($($message:tt)+) => { $crate::log!($crate::LogLevel::Trace, $($message)+) };
}

/// Whether what is said at this level is shown.
pub fn is_logged(level: LogLevel) -> bool {
    // SAFETY: the function takes nothing.
    crate::host::host().is_ok_and(|host| level <= unsafe { (host.log_level)() })
}

/// Shows it.
pub fn log(level: LogLevel, message: fmt::Arguments) {
    let Ok(host) = crate::host::host() else { return };
    let text = message.to_string();
    // SAFETY: the slice lends text that outlives the call.
    unsafe { (host.log)(level, Slice::from(&*text)) }
}
