//! The functions that a host offers its guests.

use crate::{Buffer, Failure, FunctionTable, LogLevel, Outcome, Slice, TesseraTable};
use std::ffi::c_void;

/// The host's number of a tessera, a task or a stored value. Zero is none.
pub type Handle = u64;

/// A function that returns the name of a type, as the compiler writes it, in `'static` memory.
pub type TypeName = extern "C" fn() -> Slice;

/// An event of a cell, beside its output.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CellEvent {
    /// A panic ended the cell: `a` is the message and its source location, `b` the backtrace.
    Panicked = 0,
    /// A `?` returned early: `a` is the error as text, `b` lists its causes.
    Failed = 1,
    /// A variable's type was redefined, so that its value is lost: `a` is its name.
    VariableLost = 2,
    /// The value of the cell's last expression: `a` is the MIME type, `b` the content.
    Result = 3,
    /// Asks to wait until everything written to `a`, `stdout` or `stderr`, has been read.
    Settle = 4,
    /// The variables that the cell needs are loaded, and its own code begins.
    Started = 5,
    /// The cell's code unwound: it panicked, or an interrupt stopped it.
    Unwound = 6,
}

/// An argument of a constructor, a method or a function.
#[repr(C)]
#[derive(Debug)]
pub struct Argument {
    /// Zero, or the task whose result is the value, or the stored value.
    pub task: Handle,
    /// The encoded value, if `task` is zero.
    pub value: Buffer,
}

/// The arguments and conditions of a submission. The arguments are handed over: the guest must not drop them. The rest
/// is lent for the call.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Request {
    /// The arguments, in the order of the parameters.
    pub arguments: *mut Argument,
    /// The number of arguments.
    pub count: usize,
    /// The tasks that must be done before.
    pub after: *const Handle,
    /// The number of these tasks.
    pub after_count: usize,
    /// The encoded [`crate::Options`].
    pub options: Slice,
    /// Zero, or a task: the tessera is placed, or the function runs, on its worker. The task must be among the
    /// arguments or in `after`.
    pub near: Handle,
}

/// The result of a submission: a handle that the caller owns, or an encoded [`crate::Failure`].
#[repr(C)]
#[derive(Debug)]
pub struct Submitted {
    /// The new tessera or task, which the caller releases; zero if it failed.
    pub handle: Handle,
    /// The failure, if `handle` is zero.
    pub failure: Buffer,
    /// Zero, or a wait that ends when more may be submitted. The limit of unfinished work is reached: whoever submits
    /// more should first block on this wait.
    pub backpressure: Handle,
}

impl From<Result<Handle, Failure>> for Submitted {
    fn from(outcome: Result<Handle, Failure>) -> Submitted {
        let (handle, failure) = match outcome {
            Ok(handle) => (handle, Buffer::default()),
            Err(failure) => (0, failure.encoded()),
        };
        Submitted {
            handle,
            failure,
            backpressure: 0,
        }
    }
}

/// A waker of the guest's futures.
#[repr(C)]
#[derive(Debug)]
pub struct Waker {
    /// The argument of `wake` and `drop`.
    pub data: *mut c_void,
    /// Wakes, and frees `data`. Called at most once.
    pub wake: unsafe extern "C" fn(data: *mut c_void),
    /// Frees `data` without waking. Called if `wake` is not.
    pub drop: unsafe extern "C" fn(data: *mut c_void),
}

// SAFETY: the guest makes it from a `std::task::Waker`, which is `Send`, and each side uses it once.
unsafe impl Send for Waker {}

/// A handle to which a running constructor, method or function reports its progress. The guest owns it, and may use it
/// on any thread.
#[repr(C)]
#[derive(Debug)]
pub struct Reporter {
    /// The argument of `tell` and `drop`; null if nothing is being executed.
    pub data: *mut c_void,
    /// Reports how many steps are done. May be called on several threads at once.
    pub tell: unsafe extern "C" fn(data: *const c_void, done: u64, total: u64),
    /// Frees `data`. Called at most once, after all calls of `tell`.
    pub drop: unsafe extern "C" fn(data: *mut c_void),
}

/// The result of polling a wait.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Poll {
    /// The wait is over, and `outcome` was filled in.
    Ready = 0,
    /// The waker was kept and will be woken.
    Pending = 1,
}

/// The host's functions. None of them blocks for longer than it takes to hand a message over, and none unwinds.
///
/// The guest owns each [`Handle`] that it gets and each *wait* that it begins, and gives each back with `release`.
#[repr(C)]
pub struct Host {
    /// [`crate::VERSION`] of the host.
    pub version: u32,
    /// Tells the kernel something about the running cell. Ignored outside a cell process.
    pub cell_event: unsafe extern "C" fn(event: CellEvent, a: Slice, b: Slice),
    /// Begins to start the runtime with the encoded [`crate::StartOptions`], and returns a wait for the encoded
    /// `String` to print.
    pub start: unsafe extern "C" fn(options: Slice) -> Handle,
    /// Begins to stop the runtime, and returns a wait for the encoded `()`.
    pub stop: unsafe extern "C" fn() -> Handle,
    /// Creates a tessera: by its constructor if `maker` is null, or else by that function, which makes the object from
    /// its argument.
    pub create:
        unsafe extern "C" fn(table: *const TesseraTable, maker: *const FunctionTable, request: Request) -> Submitted,
    /// Calls method number `method` of a tessera, and returns a task.
    pub call: unsafe extern "C" fn(tessera: Handle, method: u32, request: Request) -> Submitted,
    /// Runs a function on the object of a tessera, like a call, and returns a task.
    pub apply: unsafe extern "C" fn(tessera: Handle, function: *const FunctionTable, request: Request) -> Submitted,
    /// Runs a function on a worker, and returns a task.
    pub spawn: unsafe extern "C" fn(function: *const FunctionTable, request: Request) -> Submitted,
    /// Cancels a task. A task that has not begun never will. A running one is told, and dropped where it waits.
    pub cancel: unsafe extern "C" fn(task: Handle),
    /// Returns whether the call or function that runs on this thread was cancelled.
    pub cancelled: unsafe extern "C" fn() -> bool,
    /// Ends a wait with a failure if it is not over after `milliseconds`. Whatever it waits for goes on.
    pub limit: unsafe extern "C" fn(wait: Handle, milliseconds: u64),
    /// Begins to wait until a tessera is constructed or a task is done. The wait's value is empty. When the wait is
    /// over, everything that the worker had written until then has been shown.
    pub wait: unsafe extern "C" fn(object: Handle) -> Handle,
    /// Begins to fetch a task's result, and returns a wait for the encoded value.
    pub result: unsafe extern "C" fn(task: Handle) -> Handle,
    /// Polls a wait. Takes the waker over. When the wait is over, fills in `outcome` once and keeps no waker.
    pub poll: unsafe extern "C" fn(wait: Handle, waker: Waker, outcome: *mut Outcome) -> Poll,
    /// Returns the encoded [`crate::Description`] of a tessera or task.
    pub describe: unsafe extern "C" fn(object: Handle) -> Buffer,
    /// Adds an owner to a tessera or task.
    pub retain: unsafe extern "C" fn(object: Handle),
    /// Removes an owner from a tessera, task or wait. A tessera or task without owners is freed on its worker once
    /// nothing that was submitted depends on it.
    pub release: unsafe extern "C" fn(handle: Handle),
    /// Begins to list the tesserae that live, and returns a wait for an encoded `Vec` of [`crate::Listed`].
    pub tesserae: unsafe extern "C" fn() -> Handle,
    /// Finds a living tessera of the type `type_name` by its uid. The caller may call the tessera after waiting for it.
    pub attach: unsafe extern "C" fn(uid: Slice, type_name: Slice) -> Submitted,
    /// Returns the signatures of a tessera's methods and of its object, as an encoded `Vec<String>`; see
    /// [`crate::Definition::signatures`]. They are those of the definition that the tessera was made from.
    ///
    /// A process that attached to a tessera becomes its owner with this call. Released before, the tessera stays as it
    /// was; released after, it is freed.
    pub signatures: unsafe extern "C" fn(tessera: Handle) -> Buffer,
    /// Stores a value in the warehouse, and takes its bytes over. Returns a stored value, which the caller may wait for,
    /// fetch by `result`, and pass as an argument.
    ///
    /// `type_name` is a function of the caller's library. It tells which definition of the type the value has; see
    /// [`crate::TYPE_FINGERPRINTS`].
    pub put: unsafe extern "C" fn(value: Buffer, type_name: TypeName) -> Submitted,
    /// Finds a stored value of this type by its uid. The caller waits for the returned handle.
    pub find_stored: unsafe extern "C" fn(uid: Slice, type_name: TypeName) -> Submitted,
    /// Frees a stored value even if it has other owners, for whom it is then lost. Earlier submissions still get it.
    pub discard: unsafe extern "C" fn(stored: Handle),
    /// Begins to make a stored value known to all workers, and returns a wait for the encoded `()`.
    pub publish: unsafe extern "C" fn(stored: Handle) -> Handle,
    /// Asks the front end that shows this process's output. The runtime carries message and answer unchanged. Returns a
    /// wait for the answer, which is empty if the message was only to be taken.
    pub ask: unsafe extern "C" fn(message: Slice) -> Handle,
    /// Asks the runtime the encoded [`crate::Query`], and returns a wait for the encoded answer.
    pub query: unsafe extern "C" fn(query: Slice) -> Handle,
    /// Reports how many steps the constructor or method that runs on this thread has done. Does nothing on other
    /// threads.
    pub progress: unsafe extern "C" fn(done: u64, total: u64),
    /// Returns a handle by which other threads report the progress of the call that runs on this thread.
    pub reporter: unsafe extern "C" fn() -> Reporter,
    /// Returns the level of the log.
    pub log_level: unsafe extern "C" fn() -> LogLevel,
    /// Logs a message, if the log includes the level.
    pub log: unsafe extern "C" fn(level: LogLevel, text: Slice),
    /// Returns a writable buffer of `len` bytes that other processes read without a copy, once the caller hands it
    /// over.
    ///
    /// The byte at offset `prefix` is aligned for numbers of any type. The buffer is empty if there is none, or if the
    /// value is too small: it then goes in a buffer of the caller's. With `to_store`, the buffer lies where
    /// [`Host::put`] keeps values, so that storing copies nothing.
    pub shared_buffer: unsafe extern "C" fn(len: usize, prefix: usize, to_store: bool) -> Buffer,
}
