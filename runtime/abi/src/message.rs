//! What is richer than a C type and crosses encoded.

use crate::{Buffer, LogOptions, Placement};
use postcard::ser_flavors::Flavor;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::fmt;

/// Encodes a value as all values travel: with postcard.
///
/// # Errors
///
/// The value's own `Serialize` may refuse, with the text returned here.
pub fn encode<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, String> {
    postcard::serialize_with_flavor(value, Encoded::default()).map_err(reason)
}

/// Decodes what [`encode`] made.
///
/// # Errors
///
/// The bytes may be no such value.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, String> {
    postcard::from_bytes(bytes).map_err(reason)
}

/// Decodes what [`encode`] made at the beginning of `bytes`, and gives the rest.
///
/// # Errors
///
/// The bytes may begin with no such value.
pub fn decode_first<T: DeserializeOwned>(bytes: &[u8]) -> Result<(T, &[u8]), String> {
    postcard::take_from_bytes(bytes).map_err(reason)
}

// What does not depend on the value's type is compiled here, and not with each cell that encodes one.

#[inline(never)]
fn reason(error: postcard::Error) -> String {
    error.to_string()
}

/// The bytes of what is being encoded. As postcard's own, but for how they get more room.
#[derive(Default)]
struct Encoded(Vec<u8>);

impl Encoded {
    #[cold]
    #[inline(never)]
    fn make_room(&mut self, bytes: usize) {
        self.0.reserve(bytes);
    }
}

impl Flavor for Encoded {
    type Output = Vec<u8>;

    #[inline]
    fn try_extend(&mut self, data: &[u8]) -> postcard::Result<()> {
        let len = self.0.len();
        if self.0.capacity() - len < data.len() {
            self.make_room(data.len());
        }
        // SAFETY: there is room for `data` behind the first `len` bytes, which nobody else has, and it is written before it
        // counts.
        unsafe {
            self.0
                .as_mut_ptr()
                .add(len)
                .copy_from_nonoverlapping(data.as_ptr(), data.len());
            self.0.set_len(len + data.len());
        }
        Ok(())
    }

    #[inline]
    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        self.try_extend(&[byte])
    }

    #[inline]
    fn finalize(self) -> postcard::Result<Vec<u8>> {
        Ok(self.0)
    }
}

/// The states of tesserae and tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum State {
    /// Not yet with its worker.
    Pending,
    /// With its worker, waiting for its turn or for what it depends on.
    Queued,
    /// Being executed; of a tessera: constructed, and executing a method.
    Running,
    /// Executed; of a tessera: constructed, and idle.
    Done,
    /// Ended by a [`Failure`].
    Failed,
    /// Nobody refers to it any more. Seen in timelines alone.
    Freed,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            State::Pending => "pending",
            State::Queued => "queued",
            State::Running => "running",
            State::Done => "done",
            State::Failed => "failed",
            State::Freed => "freed",
        })
    }
}

/// What a proxy shows of its remote object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Description {
    /// `tess-solver1-70c4…` or `task-solver1-solve-844e…`.
    pub uid: String,
    /// `worker:0:1`, once it is known.
    pub runtime: Option<String>,
    /// Its state as far as this process knows.
    pub state: State,
    /// How far its method says it has got.
    pub progress: Option<Progress>,
}

/// How far a method has got.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// The steps that are done.
    pub done: u64,
    /// All steps.
    pub total: u64,
}

impl Description {
    /// What is shown of an object that does not exist.
    pub fn unknown() -> Description {
        Description {
            uid: String::new(),
            runtime: None,
            state: State::Failed,
            progress: None,
        }
    }

    /// The description as it crosses.
    pub fn encoded(&self) -> Buffer {
        // Texts and an enum can always be encoded.
        Buffer::from(encode(self).unwrap_or_default())
    }
}

/// A tessera that lives, whoever made it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed {
    /// `tess-solver1-70c4…`
    pub uid: String,
    /// The name of its type.
    pub type_name: String,
    /// `worker:0:1`, once it is known.
    pub runtime: Option<String>,
    /// Its state as its worker has it.
    pub state: State,
}

/// How the runtime is to be started.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StartOptions {
    /// How many workers to start; zero: as many as there are CPUs.
    pub num_workers: usize,
    /// The part of the machine's memory, between 0 and 1, that stored values may take up; what goes beyond it is moved to
    /// disk. `None`: the runtime's own choice.
    pub spill_above: Option<f64>,
    /// How workers are chosen; `None`: one after the other.
    pub placement: Option<Placement>,
    /// How many constructors and methods a worker executes at once; `None`: as many as come, up to a large number.
    pub num_threads: Option<usize>,
    /// The part of the machine's memory above which workers start nothing new.
    pub memory_limit: Option<f64>,
    /// The part of the machine's memory that the tasks in flight of one process may take up; `None`: the runtime's own choice.
    pub in_flight_limit: Option<f64>,
    /// Whether each worker runs on CPUs of its own.
    pub affinity: bool,
    /// How many workers that end unasked are replaced.
    pub replace_lost_workers: u32,
    /// How much the runtime says of what it does.
    pub log: LogOptions,
}

/// Why something did not end with a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FailureKind {
    /// The method or the constructor panicked.
    Panicked,
    /// The worker that held the tessera is gone.
    WorkerLost,
    /// A task or tessera that this one needs failed.
    DependencyFailed,
    /// An argument or a result could not be encoded or decoded.
    NotPortable,
    /// The runtime is off.
    NotRunning,
    /// It was cancelled.
    Cancelled,
    /// It did not end in the time that it was given.
    TimedOut,
    /// A stored value was dropped, or there is none of that name.
    Dropped,
    /// As much is in flight as may be, and a method cannot wait until it is less.
    Busy,
    /// The runtime could not do what was asked.
    Runtime,
}

/// Why a task, a tessera or the runtime failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The kind of failure.
    pub kind: FailureKind,
    /// The type of the tessera, or empty.
    pub tessera: String,
    /// The method, `new` for a constructor, or empty.
    pub method: String,
    /// The worker, or empty.
    pub worker: String,
    /// The panic's message, or what went wrong.
    pub message: String,
    /// The remote backtrace, or empty.
    pub backtrace: String,
    /// How often it was tried.
    pub attempts: u32,
}

impl Failure {
    /// The failure as it crosses.
    pub fn encoded(&self) -> Buffer {
        // Texts and an enum can always be encoded.
        Buffer::from(encode(self).unwrap_or_default())
    }
}
