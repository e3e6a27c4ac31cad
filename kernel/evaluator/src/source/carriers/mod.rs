//! Carriers: modules in which a cell's items reach evcxr, so that evcxr keeps each item by what it is.
//!
//! evcxr keeps items by name alone. An item without a name, such as an `impl`, belongs to the named item before it, and
//! comes and goes with that item. So the kernel gives evcxr some items in a *carrier*, a module whose name says what the
//! item is. The carrier stands on the lines of the item:
//!
//! ```text
//! mod __carrier_impl_5f3a… {use super::*;impl Area for Disc {
//!     fn area(&self) -> f64 { 3.14 }
//! }/*__carrier_end 000007:00001*/}
//! ```
//!
//! A later `impl Area for Disc` has the same carrier, so evcxr replaces the older one. The rustc wrapper and code help
//! [blank the carriers out](uncarried::uncarried), so that rustc and rust-analyzer see plain items at the same bytes.
//!
//! | item | evcxr keeps it by |
//! | --- | --- |
//! | `impl Trait for Type` | the trait's path and the type, generic parameters renamed |
//! | a member of `impl Type` or of `extern { … }` | the type, and the member's kind and name: each member has a carrier |
//! | a static of `thread_local!` or `lazy_static!` | its name, among values; each static has a carrier |
//! | `macro_rules!` | its name, among macros |
//! | a type, module or trait; a function, constant or static | its name, without a carrier; with a carrier if the name already stands for something in the other namespace |
//! | `const _` | its text, if it holds an `impl`; otherwise its place among the cell's |
//! | a `use` with `#[cfg]` | its text |
//! | the call of a macro that makes items, or that begins as an item does | its text |
//!
//! An item without a carrier has a comment before its last token. Like the comment that ends a carrier, the comment says
//! from which cell and line the item is.
//!
//! Invariants:
//!
//! - No line moves. [`CarriedCell::locate`](carried_cell::CarriedCell::locate) finds the user's column.
//! - A cell with [`RESERVED`] in it is refused, so everything that looks like a carrier is one.

pub(crate) mod carried_cell;
mod carry;
mod item_macros;
mod kept_item;
mod keys;
mod known_items;
mod marks;
mod split;
#[cfg(test)]
mod tests;
mod uncarried;

pub(crate) use carry::carry;
pub(crate) use item_macros::call_begins_as_item;
pub(crate) use kept_item::KeptItem;
pub(crate) use known_items::{KnownItems, NewItems};
pub(crate) use marks::RESERVED;
pub(crate) use uncarried::uncarried;
