//! Everything that knows a text of evcxr's: the code that it generates around a cell, the lines that it exchanges with the
//! cell process, and the messages in which it reports errors.
//!
//! evcxr has no interface for what this kernel changes in it, so the kernel matches its texts. All of them are those of the
//! version that the workspace pins, evcxr 0.22.
//!
//! | module | what it is for | entered at |
//! | --- | --- | --- |
//! | [`markers`] | the texts of evcxr's that are matched, with the place in evcxr that writes each | constants |
//! | [`replacements`] | the calls that the wrapper writes in their place | constants |
//! | [`rewrite`] | replaces generated code around a cell by calls into compiled code | [`rewrite()`](rewrite::rewrite) |
//! | [`store_calls`] | tells the variable store the fingerprints of its variables' types | [`with_fingerprints`](store_calls::with_fingerprints) |
//! | [`missing_variables`] | compiles a cell without variables that evcxr believes in and that are not stored | [`tell`](missing_variables::tell), [`without_loads`](missing_variables::without_loads) |
//! | [`retries`] | recognises a cell that evcxr compiles again, with other code around it | [`Retry::between`](retries::Retry::between) |
//! | [`analysis_code`] | the source that evcxr has checked and never runs | [`analysis_code::is_analysis`] |
//! | [`rustc_messages`] | rustc's messages about generated code | [`without_places_of_notes`](rustc_messages::without_places_of_notes), [`in_words_of_the_cell`](rustc_messages::in_words_of_the_cell) |
//! | [`messages`] | evcxr's own errors | [`refused_variable`](messages::refused_variable) |
//! | [`shell_commands`] | the commands before a cell's code | [`mark_commands`](shell_commands::mark_commands) |
//! | [`displayed_paths`] | paths of types, as the user writes them | [`as_written`](displayed_paths::as_written) |
//!
//! Invariants:
//!
//! - No other room has a string literal with a name of evcxr's. `xtask/tests/invariants.rs` checks this.
//! - No change of generated code moves a line, so that rustc's errors point to where evcxr expects them.
//! - A text that is not recognised stays as it is. The cell then compiles as plain evcxr would have it.

pub(crate) mod analysis_code;
pub(crate) mod displayed_paths;
pub(crate) mod markers;
pub(crate) mod messages;
pub(crate) mod missing_variables;
pub(crate) mod replacements;
pub(crate) mod retries;
pub(crate) mod rewrite;
pub(crate) mod rustc_messages;
pub(crate) mod shell_commands;
pub(crate) mod store_calls;
