//! The settings that commands such as `:opt` and `:fmt` change. The kernel and the rustc wrapper share them through
//! [`SETTINGS`](crate::session::files::SETTINGS).

use serde::{Deserialize, Serialize};

/// The format of results unless `:fmt` sets another one.
const DEFAULT_FORMAT: &str = "{:?}";

/// The `-C opt-level` of cells unless `:opt` sets another one.
pub(crate) const DEFAULT_OPT_LEVEL: &str = "3";

/// The `-C opt-level` of cells that are debugged: each line has code of its own, and each variable a place.
const DEBUGGED_OPT_LEVEL: &str = "0";

/// An edition of Rust in which cells can be compiled. The code around them is valid in each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Edition {
    Edition2021,
    #[default]
    Edition2024,
}

impl Edition {
    /// Finds an edition by its year.
    pub(crate) fn of_year(year: &str) -> Option<Edition> {
        [Edition::Edition2021, Edition::Edition2024]
            .into_iter()
            .find(|edition| edition.year() == year)
    }

    /// Returns the edition's year, as rustc has it.
    pub(crate) fn year(self) -> &'static str {
        match self {
            Edition::Edition2021 => "2021",
            Edition::Edition2024 => "2024",
        }
    }
}

/// The settings of a session. Those of the compiler are for cells alone: crates keep the options that they were built
/// with.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Settings {
    /// The `-C opt-level`, if `:opt` has set it.
    pub(crate) opt_level: Option<String>,
    /// Whether arithmetic wraps around and does not panic, as `:overflow_checks 0` sets it.
    pub(crate) omits_overflow_checks: bool,
    /// The `-C target-cpu`, if `:target_cpu` has set it.
    pub(crate) target_cpu: Option<String>,
    /// The edition of the cells, as `:edition` sets it.
    pub(crate) edition: Edition,
    /// The format of results, if `:fmt` has set it.
    pub(crate) format: Option<String>,
    /// Whether results are shown with their types, as `:types` sets it.
    pub(crate) types: bool,
    /// Whether the cell is compiled with the places of its code, for the profile of `:profile`.
    pub(crate) profiled: bool,
    /// Whether cells are compiled for the debugger.
    pub(crate) debugs: bool,
}

impl Settings {
    /// Returns the options `-C OPTION` with which cells are compiled.
    pub(crate) fn code_generation(&self) -> impl Iterator<Item = String> {
        let level = match self.debugs {
            true => DEBUGGED_OPT_LEVEL,
            false => self.opt_level.as_deref().unwrap_or(DEFAULT_OPT_LEVEL),
        };
        let checks = if self.omits_overflow_checks { "off" } else { "on" };
        let cpu = self.target_cpu.as_deref().map(|cpu| format!("target-cpu={cpu}"));
        [format!("opt-level={level}"), format!("overflow-checks={checks}")]
            .into_iter()
            .chain(cpu)
    }

    /// Returns whether results are shown as `{:?}` alone.
    pub(crate) fn is_default_format(&self) -> bool {
        !self.types && self.format.as_deref().is_none_or(|format| format == DEFAULT_FORMAT)
    }
}
