//! The log of the runtime's processes, on standard error.

use crate::line_prefix;
use mosaic_abi::{LogLevel, LogOptions, Slice};
use std::{
    fmt, io,
    sync::{
        OnceLock,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
};
use tracing::{Event, Level, Subscriber, level_filters::LevelFilter};
use tracing_subscriber::{
    Registry,
    fmt::{
        FmtContext, FormatEvent, FormatFields,
        format::Writer,
        time::{FormatTime, SystemTime},
    },
    layer::SubscriberExt,
    registry::LookupSpan,
    reload::{self, Handle},
    util::SubscriberInitExt,
};

/// The level, as an index of [`LogLevel::ALL`]. Any thread reads it, and a changed level applies at some later log
/// call, so that all accesses are `Relaxed`.
static LEVEL: AtomicU32 = AtomicU32::new(LogLevel::Warn as u32);
/// Whether lines have a timestamp; accessed as [`LEVEL`] is.
static TIMESTAMPS: AtomicBool = AtomicBool::new(false);
/// The way to change the level of the subscriber, if this process's log is ours. Set once.
static FILTER: OnceLock<Handle<LevelFilter, Registry>> = OnceLock::new();

/// Starts the log of this process, with `name` before each line. If the process has a `tracing` subscriber of its own,
/// that one stays.
pub(crate) fn start(name: &'static str) {
    let (filter, handle) = reload::Layer::new(filter(level()));
    let lines = tracing_subscriber::fmt::layer()
        .event_format(Line { name })
        .with_writer(io::stderr)
        .with_ansi(false);
    if tracing_subscriber::registry()
        .with(filter)
        .with(lines)
        .try_init()
        .is_ok()
    {
        // A process starts its log once.
        let _ = FILTER.set(handle);
    }
}

/// Changes the level and the timestamps.
pub(crate) fn set(options: LogOptions) {
    LEVEL.store(options.level as u32, Ordering::Relaxed);
    TIMESTAMPS.store(options.timestamps, Ordering::Relaxed);
    if let Some(handle) = FILTER.get() {
        // This fails only if the subscriber is gone, which lives as long as the process.
        let _ = handle.modify(|current| *current = filter(options.level));
    }
}

/// Returns the present level.
fn level() -> LogLevel {
    LogLevel::ALL[LEVEL.load(Ordering::Relaxed) as usize]
}

fn filter(level: LogLevel) -> LevelFilter {
    match level {
        LogLevel::Off => LevelFilter::OFF,
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    }
}

/// Returns the present level, for guests; see [`mosaic_abi::Host::log_level`].
pub(crate) unsafe extern "C" fn guests_level() -> LogLevel {
    level()
}

/// Logs a line, for guests; see [`mosaic_abi::Host::log`].
pub(crate) unsafe extern "C" fn guest_says(level: LogLevel, text: Slice) {
    // SAFETY: the guest lends the text for this call.
    let text = String::from_utf8_lossy(unsafe { text.as_bytes() });
    match level {
        LogLevel::Off => {}
        LogLevel::Error => tracing::error!("{text}"),
        LogLevel::Warn => tracing::warn!("{text}"),
        LogLevel::Info => tracing::info!("{text}"),
        LogLevel::Debug => tracing::debug!("{text}"),
        LogLevel::Trace => tracing::trace!("{text}"),
    }
}

/// The format of a line: name, time, level, and text.
struct Line {
    name: &'static str,
}

impl<S, N> FormatEvent<S, N> for Line
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        if !self.name.is_empty() {
            writer.write_str(&line_prefix(self.name))?;
        }
        if TIMESTAMPS.load(Ordering::Relaxed) {
            SystemTime.format_time(&mut writer)?;
            writer.write_char(' ')?;
        }
        let level: Level = *event.metadata().level();
        write!(writer, "{level:<5} ")?;
        context.field_format().format_fields(writer.by_ref(), event)?;
        writeln!(writer)
    }
}
