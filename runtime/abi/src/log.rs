//! How much the runtime says of what it does.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// How much the runtime, and what code writes by `tracing`, says: everything up to this level.
///
/// ```
/// use mosaic_abi::LogLevel;
/// assert!(LogLevel::Debug > LogLevel::Info && LogLevel::default() == LogLevel::Warn);
/// assert_eq!("info".parse(), Ok(LogLevel::Info));
/// ```
#[repr(u32)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum LogLevel {
    /// Nothing.
    Off,
    /// What went wrong.
    Error,
    /// What may be wrong.
    #[default]
    Warn,
    /// What changes: failures, values that move to disk, workers that are replaced.
    Info,
    /// Each constructor, each method and each function.
    Debug,
    /// All there is.
    Trace,
}

impl LogLevel {
    /// All of them, from the quietest on.
    pub const ALL: [LogLevel; 6] = [
        LogLevel::Off,
        LogLevel::Error,
        LogLevel::Warn,
        LogLevel::Info,
        LogLevel::Debug,
        LogLevel::Trace,
    ];

    /// Such as `info`.
    pub const fn name(self) -> &'static str {
        match self {
            LogLevel::Off => "off",
            LogLevel::Error => "error",
            LogLevel::Warn => "warn",
            LogLevel::Info => "info",
            LogLevel::Debug => "debug",
            LogLevel::Trace => "trace",
        }
    }
}

impl fmt::Display for LogLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for LogLevel {
    type Err = String;

    fn from_str(text: &str) -> Result<LogLevel, String> {
        let found = LogLevel::ALL.into_iter().find(|level| level.name() == text);
        found.ok_or_else(|| format!("`{text}` is no level: use off, error, warn, info, debug or trace"))
    }
}

/// What is said, and how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogOptions {
    /// Everything up to it.
    pub level: LogLevel,
    /// Whether each line says when.
    pub timestamps: bool,
}
