//! A worker: holds tesserae and the results of their tasks. It is a process of its own (`crate::worker_process`), or a
//! thread of a head's process (`local`).
//!
//! One thread, the I/O thread, does all I/O and owns all state. Constructors, methods and destructors run on other
//! threads, so that a busy method holds up nothing but its own tessera.
//!
//! - `state`: what the worker has ([`state::WorkerState`]).
//! - `serve`: accepts connections of heads and other workers, and does what their messages ask for.
//! - `execution`: runs constructors, calls and functions.
//! - `circles`: looks for methods that wait for themselves.
//! - `admission`: how many jobs run at once, and when none may begin for want of memory.
//! - `inputs`, `gather`: the arguments of a job, which may still be on their way.
//! - `tesserae`: the tesserae, and who owns them. No I/O.
//! - `results`: the results of tasks, and who waits for them. No I/O.
//! - `stored_values`: the stored values that are used here.
//! - `head`: a head's connection to this worker.
//! - `descriptor_reserve`: file descriptors that are kept for connections.
//! - `peers`: fetches results from other workers.
//! - `flusher`: flushes what methods write, so that it is seen in time.
//! - `profile`: profiles this process, for a head.
//! - `settings`: what the monitor tells a worker that it starts.
//! - `runtime`: the threads of a worker.
//! - `host_files`: files of other hosts: code and stored values.
//! - `local`: a worker within a head's process.

pub(crate) mod admission;
pub(crate) mod circles;
mod descriptor_reserve;
mod execution;
pub(crate) mod flusher;
mod gather;
mod head;
mod host_files;
mod inputs;
mod local;
mod peers;
mod profile;
mod results;
pub(crate) mod runtime;
pub(crate) mod serve;
mod settings;
pub(crate) mod state;
mod stored_values;
mod tesserae;

pub(crate) use execution::{executing, is_any_executing, is_executing, progress, reporter};
pub(crate) use host_files::{HostFiles, WantedFile};
pub(crate) use local::{Local, local_address};
pub(crate) use runtime::MOST_THREADS;
pub(crate) use settings::Settings;
