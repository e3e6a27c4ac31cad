//! The profile with which crates are compiled: that of a release build, whatever evcxr writes into the manifest.
//!
//! Crates are compiled once and run often. Cells have [settings](crate::session::settings) of their own.

/// Cargo's variables of the profile, which go before the manifest:
/// <https://doc.rust-lang.org/cargo/reference/config.html#profile>.
pub(crate) const CRATE_PROFILE: [(&str, &str); 3] = [
    ("CARGO_PROFILE_DEV_OPT_LEVEL", "3"),
    ("CARGO_PROFILE_DEV_DEBUG_ASSERTIONS", "false"),
    ("CARGO_PROFILE_DEV_OVERFLOW_CHECKS", "false"),
];
