//! The head: the process in which the user's code runs. It offers the [`mosaic_abi::Host`] table, keeps the books of
//! what was submitted, and talks to the hub and directly to the workers.
//!
//! - `ledger`, `dispatch`, `progress`, `flight`, `find`, `history`, `queries`, `store`, `objects`: the books; no I/O. A
//!   call of the table changes them under a lock and yields actions.
//! - `process`: the one head of a process, with its books.
//! - `table`: the C functions.
//! - `listing`: what turning the runtime on prints.
//! - `link`: one thread that carries the actions out and reports back what arrived; `storing`: its part in the
//!   warehouse.

mod dispatch;
mod find;
mod flight;
mod history;
mod ledger;
mod limits;
mod link;
mod listing;
mod objects;
mod process;
mod progress;
mod queries;
mod revive;
mod store;
mod storing;
mod submit;
mod table;

#[cfg(test)]
mod tests;

pub use process::HeadOptions;
pub use table::install_head;
pub(crate) use table::install_worker_head;
