//! The runtime of actors: head, monitor, node and workers.
//!
//! - The [`Hub`] is the monitor and node 0 in one object. It lives in the process that lives longest: the kernel of a
//!   notebook, or the program itself.
//! - The head ([`install_head`]) is the process in which the user's code runs. It asks the hub for workers and then
//!   talks to them directly.
//! - A worker ([`worker_main`]) is a process that holds tesserae and the results of their tasks. Workers fetch results
//!   from each other directly.
//!
//! All processes talk over Unix sockets in one directory that only the user may enter. A worker ends as soon as its
//! connection to the hub does, so that none outlives the hub, however that ends.
//!
//! # What an empty call costs
//!
//! One whose result is fetched, after many others, as `strace -f` lists it. No byte is copied but those of the two
//! messages, of some 50 bytes each.
//!
//! | thread | system calls | wakes up |
//! | --- | --- | --- |
//! | the caller's | `write` (eventfd) | the head's |
//! | the head's | `epoll_wait`, `sendto` | the worker's that does I/O |
//! | the worker's that does I/O | `epoll_wait`, `recvfrom`, `futex`, `write` (eventfd, to itself) | that of methods |
//! | that of methods | `futex`, two `ioctl` (is output unread?), `write` (eventfd) | the worker's that does I/O |
//! | the worker's that does I/O | `epoll_wait`, `sendto` | the head's |
//! | the head's | `epoll_wait`, `recvfrom`, `write` (eventfd) | the caller's |
//! | the caller's | `epoll_wait` | |
//!
//! So there are six wake-ups, where a ping-pong over a socket has two; each costs 5 to 40 µs, by whether a CPU sleeps. Both
//! ends of a socket are woken once more in vain, since whoever reads makes room to write (`EPOLLOUT`). Dropping a task is a
//! message that travels with the next call.
//!
//! Pipelined calls share all of this: messages that wait are written with one `sendto`, and the calls that wait in a
//! tessera's queue are done by one thread in a row, with the two `ioctl` and, where the thread that does I/O sleeps, a
//! `write` for each.
//!
//! # What an array costs
//!
//! A vector or an array of plain numbers of 256 KiB and more, or a text, is copied once, into memory that processes share
//! (`shared`); a message with its file descriptor takes the place of its bytes. A method whose parameter is lent (`&Array`,
//! a view, `&[T]`) looks at the numbers there; one that takes a value of its own gets a copy. A result that another method
//! of the same worker takes is there already, and one for another worker is mapped by it. A stored value is a file that is
//! mapped as well. What is inside of other values goes through serde, and through the socket.

#![allow(
    clippy::result_large_err,
    reason = "a failure crosses the waist as it is, and only where something failed"
)]

mod address;
mod affinity;
mod cancellation;
mod clock;
mod failures;
mod head;
mod hub;
mod id;
mod log;
mod map;
mod memory;
mod program;
mod question;
mod shared;
mod trim;
mod waits;
mod warehouse;
mod wire;
mod worker;

pub use head::{HeadOptions, install_head};
pub use hub::{Hub, HubEvent, HubOptions, WorkerCommand, run_dir};
pub use mosaic_abi::{Progress, View};
pub use program::run;
pub use question::Question;
pub use worker::worker_main;
