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
//! One whose result is fetched, after many others. The example `measure` makes nothing but such calls; the difference
//! of two runs is what the calls alone do, and `strace -f` shows the order:
//!
//! ```text
//! perf stat -e 'syscalls:sys_enter_*' -e context-switches measure empty 10000
//! perf stat -e 'syscalls:sys_enter_*' -e context-switches measure empty 40000
//! ```
//!
//! | thread | system calls | wakes up |
//! | --- | --- | --- |
//! | the caller's | `write` (eventfd) | the head's, unless that is looking |
//! | the head's | `epoll_wait`, `sendto` | the worker's that does I/O |
//! | the worker's that does I/O | `epoll_wait`, `recvmsg`, `futex`, `write` (eventfd, to itself) | that of methods |
//! | that of methods | two `ioctl` (is output unread?), `write` (eventfd), `futex` | the worker's that does I/O |
//! | the worker's that does I/O | `epoll_wait`, `sendto` | the head's, unless that is looking |
//! | the head's | `epoll_wait`, `recvmsg`, `write` (eventfd) | the caller's |
//! | the caller's | `epoll_wait` | |
//!
//! Together, for each call: 2 `sendto`, 2 `recvmsg`, 2 `futex`, 2 `ioctl`, 2.4 `write`, as many `epoll_wait` as the
//! head looks, and 4.3 switches from one thread to another. A read that came back short is not followed by one that
//! would find nothing, and nobody is told that there is room to write (`EPOLLOUT`) who has not found that there was
//! none: with what tokio's own sockets do, it was 4 `recvmsg` and 5.2 switches. Dropping a task whose result is small
//! is a message that travels with the next call. No byte is copied but those of the messages, of some 50 bytes each:
//! into the connection's buffer, through the socket, and out of the reader's.
//!
//! To be woken takes 5 to 40 µs, by whether a CPU sleeps, where the system calls take less than one each. So the head's
//! thread looks for what comes next for up to 100 µs, if the last thing followed the one before as soon, and does so
//! less and less often where it was in vain: that makes `write` few, and `epoll_wait` many. With nothing to do it
//! sleeps. The same in a worker, which has two threads that take turns, gained nothing that could be told from noise on
//! two CPUs, and is not done.
//!
//! Pipelined calls share most of this. What is sent is encoded behind what waits, and one `sendto` writes all that has
//! gathered; what was read together is entered in the head's books together; and the calls that wait in a tessera's
//! queue are done by one thread in a row, which reports what has ended every 50 µs, with one look at the output.
//!
//! One tessera keeps both of two CPUs busy: of a million calls (`perf record measure million`), 40% of the time goes to
//! the thread that submits and awaits them, 25% to the head's, and 32% to the worker's that does I/O; `perf stat` has 1.7
//! CPUs in use with one tessera as with two. So a second one is no faster there; it takes a third CPU.
//!
//! # How much may be in flight
//!
//! What was submitted and has not ended takes up memory, here and at its worker: that of its arguments, and half a
//! kilobyte. The books count it (`head::flight`), and a call that goes beyond a quarter of the memory comes back with a
//! wait, on which the caller's thread blocks until an eighth of that is free again: it is woken up for many tasks, and not
//! for each. The head's thread, which hears what has ended, never blocks. A method is refused instead, for its worker may
//! have no other thread for what it would wait for, and what methods submit counts for itself.
//!
//! # More workers than CPUs
//!
//! Then what is shared is less, since what travels together is for one worker: the same calls are more messages, each
//! of which wakes up a process that has to wait for a CPU and finds its memory gone from that CPU's caches. No function
//! stands out in a profile; what can be done is to wake up less often:
//!
//! - Of calls that are submitted in a row and that nobody waits for, those after the 512th gather for each worker for
//!   up to 4 ms or 16 KiB (`head::link::gathering`). Any wait has all of them leave, and a call that is waited for
//!   never stays: one after another, calls are as fast as they were. More than 4 ms gained nothing.
//! - That a small result is dropped is said with the next command for its worker, or after 50 ms.
//! - Neither end of a socket is woken up by the other one's reading, as above.
//!
//! On two CPUs, `perf stat -e context-switches -e 'syscalls:sys_enter_*' measure spread 64 1`, which makes 6,400 calls
//! one after another and 100,000 pipelined ones over two workers and as many over 64, without and with the three:
//!
//! | | without | with |
//! | --- | --- | --- |
//! | switches from one thread to another | 140,000 | 85,000 |
//! | `recvmsg` | 102,000 | 30,000 |
//! | `sendto` | 55,000 | 30,000 |
//! | `futex` | 42,000 | 40,000 |
//! | seconds in the system | 1.8 | 1.0 to 1.5 |
//!
//! Medians of 17 runs of each in turn, on a machine that others used as well, so that single runs are up to half of
//! this or twice as much:
//!
//! | `measure spread 64` | without | with |
//! | --- | --- | --- |
//! | pipelined over 2 workers, in a second | 411,000 | 484,000 |
//! | pipelined over 64 workers, in a second | 230,000 | 317,000 |
//! | the same, as part of those over 2 | 0.50 | 0.67 |
//! | one after another, 2 workers in turn, in µs | 65 | 58 |
//! | one after another, 64 workers in turn, in µs | 142 | 124 |
//!
//! What is left is the thread of methods, which each group of calls wakes up and which wakes up that of I/O (`futex`),
//! and the caches.
//!
//! # What an array costs
//!
//! A vector or an array of plain numbers of 256 KiB and more, or a text, is copied once, into memory that processes
//! share (`shared`); a message with its file descriptor takes the place of its bytes. A method whose parameter is lent
//! (`&Array`, a view, `&[T]`) looks at the numbers there; one that takes a value of its own gets a copy. A result that
//! another method of the same worker takes is there already, and one for another worker is mapped by it. A stored value
//! is a file that is mapped as well, and one that is large is written there from the start: storing it is giving it a
//! name. What is inside of other values goes through serde, and is copied to such memory then.
//!
//! An echo of 256 MiB whose method takes and whose caller gets a value of their own is four copies, two of them into new
//! memory: a profile has 45% of the time in `memmove`, and 32% in the system, which clears each page before it is written
//! to. Both are shared among threads (`mosaic`'s `copy`). Shared memory is used again and is not cleared; what the methods
//! and the caller own comes from their allocator, which gives blocks of that size back to the system each time. A result
//! that is looked at where it lies (`view`) saves a copy and half of the clearing.

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
pub use mosaic_abi::{LiveDisplay, Progress};
pub use program::run;
pub use question::Question;
pub use worker::worker_main;
