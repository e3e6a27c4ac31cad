//! The settings that commands such as `:opt` and `:fmt` change. The kernel and the rustc wrapper share them through
//! [`SETTINGS`](crate::session::files::SETTINGS).

use serde::{Deserialize, Serialize};

/// The format of results unless `:fmt` sets another one.
const DEFAULT_FORMAT: &str = "{:?}";

/// The settings of a session.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Settings {
    /// The `-C opt-level` of cells, if `:opt` has set it. Crates keep the level that they were built with.
    pub(crate) opt_level: Option<String>,
    /// The format of results, if `:fmt` has set it.
    pub(crate) format: Option<String>,
    /// Whether results are shown with their types, as `:types` sets it.
    pub(crate) types: bool,
}

impl Settings {
    /// Returns whether results are shown as `{:?}` alone.
    pub(crate) fn is_default_format(&self) -> bool {
        !self.types && self.format.as_deref().is_none_or(|format| format == DEFAULT_FORMAT)
    }
}
