//! Where evcxr looks for the user's configuration.

/// The directory of evcxr's configuration, in that of the user's.
pub(crate) const DIRECTORY: &str = "evcxr";
/// The variable that names the directory of evcxr's configuration.
pub(crate) const DIRECTORY_VARIABLE: &str = "EVCXR_CONFIG_DIR";
/// The file with commands that add crates.
pub(crate) const CRATES: &str = "init.evcxr";
/// The file with code.
pub(crate) const PRELUDE: &str = "prelude.rs";
/// The table of the settings in evcxr's configuration.
pub(crate) const SETTINGS: &str = "evcxr";
