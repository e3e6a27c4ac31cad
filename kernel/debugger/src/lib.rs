//! The debugger: Jupyter's debug protocol for cells and workers, by way of `lldb-dap`.
//!
//! `lldb-dap` debugs one process per session. So the kernel starts one for the cell process and one for each worker of
//! its machine, and shows clients a single debugger: [`Debugger`] answers a client's requests, and turns the events of
//! all adapters into one stream.
//!
//! | module | |
//! | --- | --- |
//! | `debugger` | [`Debugger`]: the handle of the kernel, and the state behind it |
//! | `requests` | the table of requests |
//! | `attach` | attaches to processes and leaves them |
//! | `events` | what the adapters report: a process has stopped, or is gone |
//! | `gate` | the socket at which new processes wait until a debugger is attached to them |
//! | `adapter` | one `lldb-dap`: its framing, its requests, and where it is found |
//! | `cells` | the files that clients know cells by, and the names that the debug information has |
//! | `ids` | the numbers of frames and variables, which are unique for a client and not for an adapter |
//! | `stack` | the frames that a user sees |
//! | `variables`, `values` | the variables that a user sees, and where they are read |
//! | `expressions` | the expressions that a user evaluates |
//! | `types`, `array_types` | types as Rust writes them |
//! | `notebook`, `replies` | what the debugger needs of the kernel; replies and events as JSON |
//! | `workers` | the workers of this machine |
//! | `murmur2` | the hash by which clients name the file of a cell |
//!
//! The debugger knows no evaluator and no socket of Jupyter's: it asks its [`Notebook`].
//!
//! See [Debug request](https://jupyter-client.readthedocs.io/en/stable/messaging.html#debug-request) and the [Debug
//! Adapter Protocol](https://microsoft.github.io/debug-adapter-protocol/specification).

mod adapter;
mod array_types;
mod attach;
mod cells;
mod debugger;
mod events;
mod expressions;
mod gate;
mod ids;
mod murmur2;
mod notebook;
mod replies;
mod requests;
mod stack;
mod types;
mod values;
mod variables;
mod workers;

pub use adapter::find::{advice, find_adapter};
pub use debugger::{Debugger, Options};
pub use notebook::{Notebook, Showing};
pub use workers::Workers;
