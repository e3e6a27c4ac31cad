//! Reads the text of a cell, without evcxr and without rustc.
//!
//! | module | what it reads |
//! | --- | --- |
//! | [`preamble`] | the commands before a cell's code |
//! | [`carriers`] | the items of a cell, carried so that evcxr keeps them by what they are |
//! | [`misread_code`] | code that evcxr would take for a command or a comment |
//! | [`crate_attributes`] | `#![…]` at the beginning of a cell |
//! | [`identifiers`] | the normal form of names |
//! | [`editions`] | names that are keywords in the edition in which evcxr reads cells |
//! | [`early_return`] | `return` at the top level of a cell |
//! | [`macro_arguments`] | the expressions among the arguments of well-known macros |
//! | [`empty_statements`] | a `;` alone |
//! | [`completeness`] | whether a console should wait for more lines |
//! | [`syntax`] | syntax errors, the last expression, names |
//! | [`nesting`] | how deep a text nests, measured before anything parses it |
//! | [`placed_parts`] | the parts of a cell that are compiled with their places |
//! | [`skip`] | comments and literals in a text without tokens |
//! | [`lending`] | whether code seems to only borrow a variable |
//! | [`fingerprints`] | the definitions that a variable's type depends on |
//! | [`fingerprint`] | the text of a fingerprint, in a file that `mosaic-cell` shares |
//!
//! The kernel enters at [`completeness::is_complete`], [`syntax::check`] and [`preamble::without_commands`], and the
//! rustc wrapper at [`fingerprints::Definitions`].
//!
//! Invariants:
//!
//! - Nothing here does I/O or knows a text of evcxr's.
//! - Places are bytes of the text that came in. A command that is blanked out moves none.
//! - A function that parses with `proc_macro2` also empties its map of sources, which otherwise grows with each cell.
//!   The functions that return syntax trees leave this to their callers.

pub(crate) mod carriers;
pub(crate) mod completeness;
pub(crate) mod crate_attributes;
pub(crate) mod early_return;
pub(crate) mod editions;
pub(crate) mod empty_statements;
#[path = "../../cell/src/fingerprint.rs"]
pub(crate) mod fingerprint;
pub(crate) mod fingerprints;
pub(crate) mod identifiers;
pub(crate) mod lending;
pub(crate) mod macro_arguments;
pub(crate) mod misread_code;
pub(crate) mod nesting;
pub(crate) mod placed_parts;
pub(crate) mod preamble;
pub(crate) mod skip;
pub(crate) mod syntax;
