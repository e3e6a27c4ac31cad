//! The guest's tables: itself, and its tesserae.

use crate::{Buffer, Host, Poll, Slice, Waker};
use std::ffi::c_void;

/// The C symbol under which the crate `mosaic` exports its [`GuestEntry`].
pub const GUEST_ENTRY: &str = "mosaic_guest_entry";

/// Gives the guest its host, and returns the guest's own table, or null if the versions differ.
///
/// Another call with the same host changes nothing.
pub type GuestEntry = unsafe extern "C" fn(host: *const Host) -> *const Guest;

/// The guest functions that a host may call.
#[repr(C)]
pub struct Guest {
    /// [`crate::VERSION`] of the guest.
    pub version: u32,
    /// Flushes the guest's standard output and error.
    pub flush: extern "C" fn(),
    /// Begins to keep the calling thread's panics for the cell's error, instead of printing them.
    pub begin_cell: extern "C" fn(),
    /// Ends what `begin_cell` began, and flushes. If `panicked` is set, reports the panic that unwound the cell as
    /// [`crate::CellEvent::Panicked`]. Prints panics that the cell caught to standard error.
    pub end_cell: extern "C" fn(panicked: bool),
    /// Takes a message of the front end that answers nothing; see [`Host::ask`] for the other direction. Called in the
    /// order of the messages, on a thread of the host, which the guest must not block.
    pub receive: unsafe extern "C" fn(message: Slice),
    /// Makes the running cell unwind at the next safe point: a call into mosaic, a `println!`, or a sleep, from which
    /// it wakes. The payload is the guest's own, and no panic is reported.
    pub interrupt: extern "C" fn(),
}

/// The kind of an [`Outcome`].
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
    /// Says what `payload` is.
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

/// The future of a call that has not ended, because its method, constructor or function is async and waits. The owner
/// polls it until it is over, or drops it.
#[repr(C)]
#[derive(Debug)]
pub struct Pending {
    /// The future, or null if the call has ended.
    pub future: *mut c_void,
    /// Polls the future. Takes the waker over, and wakes it when polling makes sense again. When the future ends, fills
    /// in `outcome`; it is not polled again then. Does not unwind.
    pub poll: unsafe extern "C" fn(future: *mut c_void, waker: Waker, outcome: *mut Outcome) -> Poll,
    /// Frees the future, whether it is over or not. Does not unwind.
    pub drop: unsafe extern "C" fn(future: *mut c_void),
}

impl Pending {
    /// Makes the value that an ended call returns.
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

/// The memory layout of a type. Two builds of a type with different layouts are not the same type.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// The size, in bytes.
    pub size: usize,
    /// The alignment, in bytes.
    pub align: usize,
}

impl Layout {
    /// Returns the layout of `T`.
    pub const fn of<T>() -> Layout {
        Layout {
            size: size_of::<T>(),
            align: align_of::<T>(),
        }
    }
}

/// A tessera's type, as its callers know it. A cell that only calls does not compile the type's own code again.
#[repr(C)]
pub struct Definition {
    /// The type's name.
    pub type_name: Slice,
    /// The [`crate::Signature`] of an object: the type and its fingerprint. A function of another definition of the type
    /// must not see the object.
    pub object: Slice,
    /// The layout of an object.
    pub layout: Layout,
    /// The methods' names, in the order of their numbers.
    pub methods: *const Slice,
    /// The [`crate::Signature`]s of the methods. A proxy uses them to find its method in the definition that its tessera
    /// was made from, which may be an earlier one.
    pub signatures: *const Slice,
    /// The number of methods.
    pub method_count: usize,
}

// SAFETY: a definition is immutable, and points to `'static` data.
unsafe impl Sync for Definition {}

impl Definition {
    /// Returns the name of method number `method`.
    pub fn method(&self, method: u32) -> Option<&'static str> {
        self.text(self.methods, method)
    }

    /// Returns the signature of method number `method`.
    pub fn signature(&self, method: u32) -> Option<&'static str> {
        self.text(self.signatures, method)
    }

    /// Returns the signatures of all methods, in the order of their numbers, and then that of an object.
    pub fn signatures(&self) -> impl Iterator<Item = &'static str> + '_ {
        (0..)
            .map_while(|method| self.signature(method))
            .chain([self.object_signature()])
    }

    /// Returns the signature of an object.
    pub fn object_signature(&self) -> &'static str {
        // SAFETY: like the type's name.
        unsafe { std::str::from_utf8_unchecked(self.object.as_bytes()) }
    }

    /// Returns the type's name.
    pub fn type_name(&self) -> &'static str {
        // SAFETY: the name is made from a `&'static str` (see `mosaic`'s expansion), so the bytes live and are UTF-8.
        unsafe { std::str::from_utf8_unchecked(self.type_name.as_bytes()) }
    }

    fn text(&self, texts: *const Slice, method: u32) -> Option<&'static str> {
        let method = usize::try_from(method).ok().filter(|it| *it < self.method_count)?;
        // SAFETY: there are `method_count` names and as many signatures, made from `&'static str`s like the type's
        // name.
        Some(unsafe { std::str::from_utf8_unchecked((*texts.add(method)).as_bytes()) })
    }
}

/// A tessera, as its worker sees it.
///
/// The table lies in the static data of the object file that holds the type's code. The worker finds it by the file's
/// path and the table's offset. Arguments are encoded values, one [`Slice`] each, lent for the call. No function here
/// unwinds.
#[repr(C)]
pub struct TesseraTable {
    /// [`crate::VERSION`] of the guest. A worker refuses a table of another version.
    pub version: u32,
    /// The part that callers know.
    pub definition: Definition,
    /// Constructs an object and writes its address to `object`, unless `outcome` is a failure. If the constructor is
    /// async, its future does so, and `object` outlives the future.
    pub construct: unsafe extern "C" fn(
        object: *mut *mut c_void,
        arguments: *const Slice,
        count: usize,
        outcome: *mut Outcome,
    ) -> Pending,
    /// Calls method number `method`. At most one call on an object runs at a time. A future that the call returns
    /// belongs to the call, and is dropped before the object.
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
