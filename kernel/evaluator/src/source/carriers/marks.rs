//! The texts of carriers and of the comments in items.

/// Begins the names of carriers, and the comments that the kernel puts into items. No cell may have it in its text.
pub(crate) const RESERVED: &str = "__carrier_";

/// Follows the name of a carrier.
pub(super) const HEAD_ENDS: &str = " {use super::*;";
/// Begins a carrier, before its name.
pub(super) const HEAD_BEGINS: &str = "mod ";
/// Precedes the carrier of a macro, so that evcxr's rust-analyzer knows the macro outside of the carrier.
pub(super) const MACRO_USE: &str = "#[macro_use] ";
/// Begins the comment that ends a carrier. The cell and the line of the item follow.
pub(super) const TAIL_BEGINS: &str = "/*__carrier_end ";
/// Ends a carrier.
pub(super) const TAIL_ENDS: &str = "*/}";
/// Begins the comment in an item without a carrier. The cell and the line of the item follow.
pub(super) const PLACE_BEGINS: &str = "/*__carrier_at ";
/// Ends the comment in an item without a carrier.
pub(super) const PLACE_ENDS: &str = "*/";
/// Makes evcxr forget an item: it replaces the item of its name, and nothing of it reaches rustc.
pub(super) const GONE: &str = " {/*__carrier_gone*/}";

/// Returns the text before a carried item.
pub(super) fn head(key: &str) -> String {
    format!("{HEAD_BEGINS}{key}{HEAD_ENDS}")
}

/// Returns the text after a carried item.
pub(super) fn tail(cell: u32, line: usize) -> String {
    format!("{TAIL_BEGINS}{}{TAIL_ENDS}", place(cell, line))
}

/// Returns the comment before the last token of an item without a carrier.
pub(super) fn place_mark(cell: u32, line: usize) -> String {
    format!("{PLACE_BEGINS}{}{PLACE_ENDS}", place(cell, line))
}

/// Returns the item that makes evcxr forget the item that it keeps by a name.
pub(super) fn gone(key: &str) -> String {
    format!("{HEAD_BEGINS}{key}{GONE}")
}

/// Writes a cell and a line with a constant width, so that an item that is run again is as long as before.
fn place(cell: u32, line: usize) -> String {
    format!("{cell:06}:{line:05}")
}
