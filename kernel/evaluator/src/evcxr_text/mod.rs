//! Everything that knows a text of evcxr's: the code that it generates around a cell, the lines that it exchanges with
//! the cell process, and the messages in which it reports errors.
//!
//! evcxr has no interface for what this kernel changes in it, so the kernel matches its texts. All of them are those of
//! the version that the workspace pins, evcxr 0.22.
//!
//! | module | what it is for |
//! | --- | --- |
//! | [`markers`] | the texts of evcxr's that are matched, with the place in evcxr that writes each |
//! | [`replacements`] | the calls that the rustc wrapper writes in their place |
//! | [`rewrite`] | replaces generated code around a cell by calls into compiled code |
//! | [`error_conversion`] | converts the errors that a failing `?` returns |
//! | [`store_calls`] | tells the variable store the fingerprints of its variables' types |
//! | [`kept_variables`] | stores what a cell has bound when a later statement fails |
//! | [`mentioned_variables`] | leaves variables in the store that a cell does not mention |
//! | [`compiled_surroundings`] | replaces the future and the catching of panics around a cell by compiled code |
//! | [`missing_variables`] | compiles a cell without variables that evcxr takes for stored and that are not |
//! | [`early_return`] | the macro by which a cell ends early |
//! | [`retries`] | recognises a cell that evcxr compiles again with other code around it |
//! | [`analysis_code`] | the source that evcxr has checked and never runs |
//! | [`rustc_messages`] | rustc's messages about generated code |
//! | [`messages`] | evcxr's own errors |
//! | [`shell_commands`] | the shell commands before a cell's code |
//! | [`shown_images`] | shows images of the crate `image` as pictures |
//! | [`configuration`] | where evcxr looks for the user's configuration |
//! | [`displayed_paths`] | paths of types, as the user writes them |
//!
//! The rustc wrapper enters at [`rewrite()`](rewrite::rewrite). To follow a new version of evcxr, begin with
//! [`markers`].
//!
//! Invariants:
//!
//! - No other room has a string literal with a name of evcxr's. `xtask/tests/invariants/main.rs` checks this.
//! - No change of generated code moves a line, so that rustc's errors point to where evcxr expects them.
//! - A text that is not recognised stays as it is. The cell then compiles as plain evcxr would have it.

pub(crate) mod analysis_code;
pub(crate) mod compiled_surroundings;
pub(crate) mod configuration;
pub(crate) mod displayed_paths;
pub(crate) mod early_return;
pub(crate) mod error_conversion;
pub(crate) mod kept_variables;
pub(crate) mod markers;
pub(crate) mod mentioned_variables;
pub(crate) mod messages;
pub(crate) mod missing_variables;
pub(crate) mod replacements;
pub(crate) mod retries;
pub(crate) mod rewrite;
pub(crate) mod rustc_messages;
pub(crate) mod shell_commands;
pub(crate) mod shown_images;
pub(crate) mod store_calls;
