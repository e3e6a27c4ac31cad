//! Samples as they are passed on.

use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The samples of a process.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Samples {
    /// The number of the process.
    pub process: u32,
    /// When sampling began, since the beginning of 1970 in UTC.
    pub began: Duration,
    /// How long sampling took.
    pub took: Duration,
    /// The processor time that the process used meanwhile.
    pub cpu: Duration,
    /// The number of samples that were lost since the process had no time to take them.
    pub lost: u64,
    /// The threads that were sampled.
    pub threads: Vec<Thread>,
    /// The frames of all stacks, each once.
    pub frames: Vec<Frame>,
    /// The stacks, each once.
    pub stacks: Vec<Stack>,
    /// The samples, in the order of their times.
    pub samples: Vec<Sample>,
}

/// A thread of the process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Thread {
    /// The thread's number, as the system has it.
    pub number: i32,
    /// The thread's name.
    pub name: String,
}

/// A function at a place.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Frame {
    /// The function's path, such as `ctx::hot`; empty if it is not known.
    pub function: String,
    /// The file of the place, as the compiler noted it.
    pub file: Option<String>,
    /// The line of the place, from 1.
    pub line: Option<u32>,
    /// The file of the library that has the code; empty for the program itself.
    pub library: String,
}

/// A stack.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Stack {
    /// Indices of the frames, the outermost first.
    pub frames: Vec<u32>,
    /// Whether the outermost frames are missing.
    pub is_cut: bool,
}

/// A stack of a thread at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample {
    /// When the sample was taken, since sampling began.
    pub at: Duration,
    /// The index of the thread.
    pub thread: u32,
    /// The index of the stack.
    pub stack: u32,
}
