//! What commands set for the compilation of cells. The kernel writes it to the session's directory, and the rustc wrapper
//! reads it there.

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use std::{fs, path::Path};

const FILE: &str = "mosaic-settings.json";
const DEFAULT_FORMAT: &str = "{:?}";

/// The settings of a session.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Settings {
    /// `-C opt-level` of the cells; their crates keep the level that they are built with.
    pub(crate) opt_level: Option<String>,
    /// The format of results, if it is not `{:?}`.
    pub(crate) format: Option<String>,
    /// Whether results come with their types.
    pub(crate) types: bool,
}

impl Settings {
    pub(crate) fn read(session: &Path) -> Settings {
        let text = fs::read(session.join(FILE)).unwrap_or_default();
        serde_json::from_slice(&text).unwrap_or_default()
    }

    pub(crate) fn write(&self, session: &Path) -> Result<()> {
        fs::write(session.join(FILE), serde_json::to_vec(self)?).context("cannot keep the setting")
    }

    /// Whether results are shown as `{:?}` alone.
    pub(crate) fn is_default_format(&self) -> bool {
        !self.types && self.format.as_deref().is_none_or(|format| format == DEFAULT_FORMAT)
    }
}
