//! What a host offers its guests.

use crate::{Buffer, Failure, FunctionTable, LogLevel, Outcome, Slice, TesseraTable};
use std::ffi::c_void;

/// A tessera, a task or a stored value, as the host numbers them. Zero is none.
pub type Handle = u64;

/// What a cell tells the kernel beside its output.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CellEvent {
    /// The cell's code panicked: `a` the message and its place, `b` the backtrace.
    Panicked = 0,
    /// A `?` returned early: `a` the error as text.
    Failed = 1,
    /// A variable's type was redefined, so that its value is lost: `a` its name.
    VariableLost = 2,
    /// The value of the cell's last expression: `a` the MIME type, `b` the content.
    Result = 3,
    /// Asks to wait until all that was written to `a`, `stdout` or `stderr`, has been read.
    Settle = 4,
    /// The variables that the cell needs are there, and its own code begins.
    Started = 5,
}

/// A value for a tessera's constructor or method.
#[repr(C)]
#[derive(Debug)]
pub struct Argument {
    /// Zero, or the task whose result is the value, or the stored value.
    pub task: Handle,
    /// The encoded value where `task` is zero.
    pub value: Buffer,
}

/// What a constructor or a call is submitted with. The arguments are handed over: the guest must not drop them. The rest
/// is lent for the call.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Request {
    /// The arguments, in the order of the parameters.
    pub arguments: *mut Argument,
    /// How many there are.
    pub count: usize,
    /// The tasks that must be done before.
    pub after: *const Handle,
    /// How many there are.
    pub after_count: usize,
    /// The encoded [`crate::Options`].
    pub options: Slice,
    /// Zero, or the task on whose worker a tessera is to live, or a function to run. It must be among those that are
    /// needed.
    pub near: Handle,
}

/// What `create` and `call` return: a handle that the caller owns, or (zero and) an encoded [`crate::Failure`].
#[repr(C)]
#[derive(Debug)]
pub struct Submitted {
    /// The new tessera or task, to be released by the caller; zero where it failed.
    pub handle: Handle,
    /// Why it failed.
    pub failure: Buffer,
    /// Zero, or a wait that ends when there is room for more: as much is in flight as may be, and whoever submits more
    /// should wait for it before, on this thread.
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
    /// Passed to `wake`.
    pub data: *mut c_void,
    /// Wakes and frees `data`. Called at most once.
    pub wake: unsafe extern "C" fn(data: *mut c_void),
    /// Frees `data` unwoken. Called if `wake` is not.
    pub drop: unsafe extern "C" fn(data: *mut c_void),
}

// SAFETY: the guest makes it from a `std::task::Waker`, which is `Send`, and each side uses it once.
unsafe impl Send for Waker {}

/// Where to say how far a constructor, a method or a function has got. The guest owns it, and may use it on any thread.
#[repr(C)]
#[derive(Debug)]
pub struct Reporter {
    /// Passed to both; null where nothing is executed.
    pub data: *mut c_void,
    /// Says how many steps of how many are done. May be called on several threads at once.
    pub tell: unsafe extern "C" fn(data: *const c_void, done: u64, total: u64),
    /// Frees `data`. Called at most once, and nothing after it.
    pub drop: unsafe extern "C" fn(data: *mut c_void),
}

/// Whether a wait is over.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Poll {
    /// `outcome` was filled in.
    Ready = 0,
    /// The waker was kept and will be woken.
    Pending = 1,
}

/// The host's functions. None of them blocks for longer than it takes to hand a message over, and none unwinds.
///
/// The guest owns each [`Handle`] it is given and each *wait* it begins, and gives each back with `release`.
#[repr(C)]
pub struct Host {
    /// [`crate::VERSION`] of the host.
    pub version: u32,
    /// Tells the kernel something about the running cell. Ignored outside a cell process.
    pub cell_event: unsafe extern "C" fn(event: CellEvent, a: Slice, b: Slice),
    /// Begins to start the runtime as the encoded [`crate::StartOptions`] say and returns a wait, whose value is the encoded
    /// `String` to print.
    pub start: unsafe extern "C" fn(options: Slice) -> Handle,
    /// Begins to stop the runtime and returns a wait, whose value is the encoded `()`.
    pub stop: unsafe extern "C" fn() -> Handle,
    /// Creates a tessera, by its constructor where `maker` is null, and else by that function, which makes the object of
    /// its argument.
    pub create:
        unsafe extern "C" fn(table: *const TesseraTable, maker: *const FunctionTable, request: Request) -> Submitted,
    /// Calls method number `method` of a tessera; the handle returned is a task.
    pub call: unsafe extern "C" fn(tessera: Handle, method: u32, request: Request) -> Submitted,
    /// Runs a function on the object of a tessera, as a call; the handle returned is a task.
    pub apply: unsafe extern "C" fn(tessera: Handle, function: *const FunctionTable, request: Request) -> Submitted,
    /// Runs a function on a worker; the handle returned is a task.
    pub spawn: unsafe extern "C" fn(function: *const FunctionTable, request: Request) -> Submitted,
    /// Cancels a task: one that has not begun will not, and one that runs is told, and dropped where it waits.
    pub cancel: unsafe extern "C" fn(task: Handle),
    /// Whether the call or function that runs on this thread was cancelled.
    pub cancelled: unsafe extern "C" fn() -> bool,
    /// Ends a wait with a failure unless it is over after so many milliseconds. What it waits for goes on.
    pub limit: unsafe extern "C" fn(wait: Handle, milliseconds: u64),
    /// Begins to wait until a tessera is constructed or a task is done; the wait's value is empty. All output that the
    /// worker wrote until then has been shown when the wait is over.
    pub wait: unsafe extern "C" fn(object: Handle) -> Handle,
    /// Begins to fetch a task's result; the wait's value is the encoded value.
    pub result: unsafe extern "C" fn(task: Handle) -> Handle,
    /// Whether a wait is over; fills in `outcome` once and then keeps `waker` no longer. Takes the waker over.
    pub poll: unsafe extern "C" fn(wait: Handle, waker: Waker, outcome: *mut Outcome) -> Poll,
    /// The encoded [`crate::Description`] of a tessera or task.
    pub describe: unsafe extern "C" fn(object: Handle) -> Buffer,
    /// One more owner of a tessera or task.
    pub retain: unsafe extern "C" fn(object: Handle),
    /// One owner less of a tessera, task or wait. A tessera or task without owners is freed on its worker once nothing
    /// that was submitted depends on it any more.
    pub release: unsafe extern "C" fn(handle: Handle),
    /// Begins to list the tesserae that live and returns a wait, whose value is the encoded [`crate::Listed`] of each, in a
    /// `Vec`.
    pub tesserae: unsafe extern "C" fn() -> Handle,
    /// Finds a tessera of the type `type_name` that lives, by its uid. The handle is a tessera that the caller may call
    /// once it has waited for it.
    pub attach: unsafe extern "C" fn(uid: Slice, type_name: Slice) -> Submitted,
    /// The encoded signatures of a tessera's methods, as [`crate::Definition::signatures`] has them of the definition that
    /// it was made from, in a `Vec<String>`. Who attached to a tessera and asks for them takes it over: released before, it
    /// stays as it was found; released after, it is freed.
    pub signatures: unsafe extern "C" fn(tessera: Handle) -> Buffer,
    /// Stores a value of the type `type_name` in the warehouse, and takes its bytes over. The handle is a stored value, which
    /// the caller may wait for, fetch by `result`, and pass as an argument.
    pub put: unsafe extern "C" fn(value: Buffer, type_name: Slice) -> Submitted,
    /// Finds a stored value of the type `type_name` by its uid. The handle is to be waited for.
    pub find_stored: unsafe extern "C" fn(uid: Slice, type_name: Slice) -> Submitted,
    /// Frees a stored value although it may have other owners, to whom it is gone from then on. What was submitted before
    /// still gets it.
    pub discard: unsafe extern "C" fn(stored: Handle),
    /// Begins to make a stored value known to all workers, and returns a wait, whose value is the encoded `()`.
    pub publish: unsafe extern "C" fn(stored: Handle) -> Handle,
    /// Asks the front end that shows what this process says. The message means nothing to the runtime, which carries it
    /// as it is. Returns a wait, whose value is the front end's answer, as it is again: empty where there is nothing to
    /// say but that the message was taken.
    pub ask: unsafe extern "C" fn(message: Slice) -> Handle,
    /// Asks the runtime the encoded [`crate::Query`]. Returns a wait, whose value is the encoded
    /// answer.
    pub query: unsafe extern "C" fn(query: Slice) -> Handle,
    /// Says how many steps of how many the constructor or method that this thread executes has done. On other threads it
    /// does nothing.
    pub progress: unsafe extern "C" fn(done: u64, total: u64),
    /// The same for what this thread executes, to be said on other threads as well.
    pub reporter: unsafe extern "C" fn() -> Reporter,
    /// How much is to be said of what happens.
    pub log_level: unsafe extern "C" fn() -> LogLevel,
    /// Says something, if so much is to be said.
    pub log: unsafe extern "C" fn(level: LogLevel, text: Slice),
    /// Room for a value of `len` bytes, which the caller writes before it hands the buffer over: other processes get the
    /// value without a copy. What lies `prefix` bytes behind its beginning is aligned for numbers of any type. Empty where
    /// there is none, or where the value is too small for that: it goes in a buffer of the caller's. With `to_store`, the
    /// room is where [`Host::put`] keeps values, so that it copies nothing.
    pub shared_buffer: unsafe extern "C" fn(len: usize, prefix: usize, to_store: bool) -> Buffer,
}
