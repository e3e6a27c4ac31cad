//! Log levels.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// A level of log messages. A level includes all levels before it.
///
/// ```
/// use mosaic::LogLevel;
/// assert!(LogLevel::Debug > LogLevel::Info && LogLevel::default() == LogLevel::Warn);
/// assert_eq!("info".parse(), Ok(LogLevel::Info));
/// ```
#[repr(u32)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum LogLevel {
    /// No messages.
    Off,
    /// Errors.
    Error,
    /// Warnings.
    #[default]
    Warn,
    /// Changes: failures, values that move to disk, workers that are replaced.
    Info,
    /// Each constructor, method and function.
    Debug,
    /// Everything.
    Trace,
}

impl LogLevel {
    /// All levels, the quietest first.
    ///
    /// ```
    /// assert_eq!(mosaic::LogLevel::ALL.map(|level| level.name())[..2], ["off", "error"]);
    /// ```
    pub const ALL: [LogLevel; 6] = [
        LogLevel::Off,
        LogLevel::Error,
        LogLevel::Warn,
        LogLevel::Info,
        LogLevel::Debug,
        LogLevel::Trace,
    ];

    /// Returns the level's name, such as `info`.
    ///
    /// ```
    /// assert_eq!(mosaic::LogLevel::Info.name(), "info");
    /// ```
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

/// The level and the form of log lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogOptions {
    /// Messages up to this level are shown.
    pub level: LogLevel,
    /// True if each line begins with the time.
    pub timestamps: bool,
}
