//! What a guest shows its host: itself, and its tesserae.

use crate::{Buffer, Host, Poll, Slice, Waker};
use std::ffi::c_void;

/// The C symbol under which the crate `mosaic` exports its [`GuestEntry`].
pub const GUEST_ENTRY: &str = "mosaic_guest_entry";

/// Gives the guest its host and gets the guest's own table, or null if the versions differ.
///
/// Calling it again with the same host changes nothing.
pub type GuestEntry = unsafe extern "C" fn(host: *const Host) -> *const Guest;

/// What a host may ask of the guest code in its process.
#[repr(C)]
pub struct Guest {
    /// [`crate::VERSION`] of the guest.
    pub version: u32,
    /// Flushes the guest's standard output and error.
    pub flush: extern "C" fn(),
    /// From here on the calling thread's panics are kept for the cell's error instead of being printed.
    pub begin_cell: extern "C" fn(),
    /// Ends what `begin_cell` began and flushes; reports a panic that ended the cell as [`crate::CellEvent::Panicked`]
    /// when `panicked` is set, and prints the panics that were caught on the way to standard error.
    pub end_cell: extern "C" fn(panicked: bool),
    /// A message of the front end's that answers nothing; see [`Host::ask`] for the other direction. Called in the
    /// order in which messages come, on a thread of the host's, which the guest does not hold up.
    pub receive: unsafe extern "C" fn(message: Slice),
    /// Has the cell that runs unwind at the next place where that is safe: a call into mosaic, a `println!`, a sleep.
    /// One that sleeps wakes. It unwinds with a payload of the guest's own, and no panic is reported.
    pub interrupt: extern "C" fn(),
}

/// How a call into guest code ended.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// The payload is the encoded value.
    Done = 0,
    /// The payload is an encoded [`crate::Failure`].
    Failed = 1,
}

/// The value or the failure of a call into guest code.
#[repr(C)]
#[derive(Debug)]
pub struct Outcome {
    /// Which of the two `payload` is.
    pub status: Status,
    /// An encoded value or an encoded [`crate::Failure`].
    pub payload: Buffer,
}

impl Default for Outcome {
    fn default() -> Outcome {
        Outcome {
            status: Status::Done,
            payload: Buffer::default(),
        }
    }
}

/// The future of a call that has not ended, since its method, constructor or function is async and waits. Whoever has
/// it polls it until it is over, or drops it.
#[repr(C)]
#[derive(Debug)]
pub struct Pending {
    /// Null where the call has ended.
    pub future: *mut c_void,
    /// Goes on with it; fills in `outcome` once and is not called again then. Takes the waker over, and has it woken
    /// when it is worth while to go on. It does not unwind.
    pub poll: unsafe extern "C" fn(future: *mut c_void, waker: Waker, outcome: *mut Outcome) -> Poll,
    /// Frees it, whether it is over or not. It does not unwind.
    pub drop: unsafe extern "C" fn(future: *mut c_void),
}

impl Pending {
    /// What a call returns that has ended.
    pub fn none() -> Pending {
        unsafe extern "C" fn poll(_: *mut c_void, _: Waker, _: *mut Outcome) -> Poll {
            Poll::Ready
        }
        unsafe extern "C" fn drop(_: *mut c_void) {}
        Pending {
            future: std::ptr::null_mut(),
            poll,
            drop,
        }
    }
}

/// What an object of a type takes in memory: where two builds of a type differ, they are not the same type.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// In bytes.
    pub size: usize,
    /// In bytes.
    pub align: usize,
}

impl Layout {
    /// That of `T`.
    pub const fn of<T>() -> Layout {
        Layout {
            size: size_of::<T>(),
            align: align_of::<T>(),
        }
    }
}

/// A type as its callers know it. A cell that only calls has no code of the type compiled again.
#[repr(C)]
pub struct Definition {
    /// The type's name.
    pub type_name: Slice,
    /// What an object takes.
    pub layout: Layout,
    /// The methods' names, in the order of their numbers.
    pub methods: *const Slice,
    /// The methods' signatures, such as `add(u64) -> u64`: by them a proxy finds its method in the definition that its
    /// tessera was made from, which may be an earlier one.
    pub signatures: *const Slice,
    /// How many methods there are.
    pub method_count: usize,
}

// SAFETY: a definition is immutable, and what it points to is `'static`.
unsafe impl Sync for Definition {}

impl Definition {
    /// The name of method number `method`.
    pub fn method(&self, method: u32) -> Option<&'static str> {
        self.text(self.methods, method)
    }

    /// The signature of method number `method`.
    pub fn signature(&self, method: u32) -> Option<&'static str> {
        self.text(self.signatures, method)
    }

    /// The signatures of all methods, in the order of their numbers.
    pub fn signatures(&self) -> impl Iterator<Item = &'static str> + '_ {
        (0..).map_while(|method| self.signature(method))
    }

    /// The type's name.
    pub fn type_name(&self) -> &'static str {
        // SAFETY: it is made from a `&'static str` (see `mosaic`'s expansion), so the bytes live and are UTF-8.
        unsafe { std::str::from_utf8_unchecked(self.type_name.as_bytes()) }
    }

    fn text(&self, texts: *const Slice, method: u32) -> Option<&'static str> {
        let method = usize::try_from(method).ok().filter(|it| *it < self.method_count)?;
        // SAFETY: names and signatures are `method_count` each, made from `&'static str`s as the type's name is.
        Some(unsafe { std::str::from_utf8_unchecked((*texts.add(method)).as_bytes()) })
    }
}

/// A tessera as its worker sees it. It lies in the static data of the object that holds the type's code; the worker finds
/// it by that object's path and the table's offset in it.
///
/// Arguments are encoded values, one [`Slice`] each, lent for the call. No function here unwinds.
#[repr(C)]
pub struct TesseraTable {
    /// [`crate::VERSION`] of the guest: a worker refuses a table whose version it does not know.
    pub version: u32,
    /// What callers know of it.
    pub definition: Definition,
    /// Constructs an object and writes its address to `object`, which stays as it is when `outcome` is a failure. Where
    /// the constructor is async, the future that it returns does so; `object` lives as long as that.
    pub construct: unsafe extern "C" fn(
        object: *mut *mut c_void,
        arguments: *const Slice,
        count: usize,
        outcome: *mut Outcome,
    ) -> Pending,
    /// Calls method number `method`. At most one call on an object runs at a time, and a future that it returns is such
    /// a call; it is dropped before the object.
    pub call: unsafe extern "C" fn(
        object: *mut c_void,
        method: u32,
        arguments: *const Slice,
        count: usize,
        outcome: *mut Outcome,
    ) -> Pending,
    /// Drops the object.
    pub drop: unsafe extern "C" fn(object: *mut c_void),
}
