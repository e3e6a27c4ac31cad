//! What the expansion of `#[tessera]` calls. No part of the public interface.

use crate::{
    guest::{
        async_call::{self, Reply},
        panics,
    },
    host::failure,
    remote::argument::Portable,
    remote::handle::Wait,
    value::encoding::{self, Aim},
    value::lent::Lent,
};
use mosaic_abi::{
    Buffer, CellEvent, Census, Definition, Failure, FailureKind, Layout, Outcome, Pending, Slice, Status, TesseraTable,
    VERSION,
};
use std::{ffi::c_void, future::Future};

/// Makes `host` the one that this process's proxies talk to.
pub fn install_host(host: &'static mosaic_abi::Host) {
    crate::host::install(host);
}

/// Tells the kernel something about the running cell. Does nothing where there is no host.
pub fn tell(event: CellEvent, a: &str, b: &str) {
    if let Ok(host) = crate::host::host() {
        // SAFETY: the slices lend strings that outlive the call.
        unsafe { (host.cell_event)(event, Slice::from(a), Slice::from(b)) }
    }
}

/// Counts what this process's books and the workers keep. What was sent to them before is counted.
pub async fn census() -> Result<Census, crate::RuntimeError> {
    crate::inspect::workers::Answer::to(&mosaic_abi::Query::Census).await
}

/// Asks the front end; the answer's bytes are its own.
pub fn ask(message: &[u8]) -> Wait {
    // SAFETY: the slice lends bytes that outlive the call, and the function hands the caller a wait of its own.
    Wait::begin(|host| unsafe { (host.ask)(Slice::new(message)) })
}

/// Compiles only where a worker may hold a `T`.
pub fn assert_sendable<T: Send + 'static>() {}

type Construct = unsafe extern "C" fn(*mut *mut c_void, *const Slice, usize, *mut Outcome) -> Pending;
type Call = unsafe extern "C" fn(*mut c_void, u32, *const Slice, usize, *mut Outcome) -> Pending;
type Drop = unsafe extern "C" fn(*mut c_void);

/// The definition of a type. `type_name` is the name as the user wrote it.
pub const fn definition<T>(
    type_name: &'static str,
    methods: &'static [Slice],
    signatures: &'static [Slice],
) -> Definition {
    assert!(methods.len() == signatures.len(), "each method has a signature");
    Definition {
        type_name: Slice::new(type_name.as_bytes()),
        layout: Layout::of::<T>(),
        methods: methods.as_ptr(),
        signatures: signatures.as_ptr(),
        method_count: methods.len(),
    }
}

/// The table of a type.
pub const fn table(definition: Definition, construct: Construct, call: Call, drop: Drop) -> TesseraTable {
    TesseraTable {
        version: VERSION,
        definition,
        construct,
        call,
        drop,
    }
}

/// The encoded arguments of one call.
pub struct Arguments<'a>(&'a [Slice]);

impl<'a> Arguments<'a> {
    /// The arguments that the host lends for a call.
    ///
    /// # Safety
    ///
    /// `arguments` points to `count` of them, which live for `'a`.
    pub(crate) unsafe fn lent(arguments: *const Slice, count: usize) -> Arguments<'a> {
        // SAFETY: the same contract.
        Arguments(unsafe { slices(arguments, count) })
    }

    /// The bytes of the first argument.
    pub(crate) fn first(&self) -> &'a [u8] {
        // SAFETY: the host lends the bytes for the call, and `'a` ends with it.
        self.0.first().map_or(&[], |argument| unsafe { argument.as_bytes() })
    }
}

impl<'a> Arguments<'a> {
    /// Argument number `index`, which the signature calls `name`.
    pub fn decode<T: Portable>(&self, index: usize, name: &str) -> Result<T, Failure> {
        encoding::decode(self.bytes(index, name)?).map_err(|error| undecodable::<T>(name, &error))
    }

    /// The same for a method that only looks at it.
    pub fn lend<T: Portable>(&self, index: usize, name: &str) -> Result<Lent<'a, T>, Failure> {
        Lent::decode(self.bytes(index, name)?).map_err(|error| undecodable::<T>(name, &error))
    }

    fn bytes(&self, index: usize, name: &str) -> Result<&'a [u8], Failure> {
        match self.0.get(index) {
            // SAFETY: the host lends the bytes for the call (see `TesseraTable`), and `'a` ends with it.
            Some(argument) => Ok(unsafe { argument.as_bytes() }),
            None => {
                let message = format!("argument `{name}` is missing: {} were passed", self.0.len());
                Err(failure(FailureKind::NotPortable, message))
            }
        }
    }
}

fn undecodable<T>(name: &str, error: &str) -> Failure {
    is_no(std::any::type_name::<T>(), name, error)
}

#[inline(never)]
fn is_no(wanted: &str, name: &str, error: &str) -> Failure {
    let message = format!("argument `{name}` could not be decoded as `{wanted}`: {error}");
    failure(FailureKind::NotPortable, message)
}

/// Encodes what a method returned.
pub fn encode<T: Portable>(value: &T) -> Result<Buffer, Failure> {
    encoding::encode(value, Aim::Travel).map_err(|error| refused(std::any::type_name::<T>(), &error))
}

#[inline(never)]
fn refused(type_name: &str, error: &str) -> Failure {
    let message = format!("the returned `{type_name}` could not be encoded: {error}");
    failure(FailureKind::NotPortable, message)
}

/// The failure of a call to a method that the type does not have.
pub fn no_such_method(method: u32) -> Failure {
    failure(FailureKind::Runtime, format!("there is no method number {method}"))
}

/// Constructs an object by `run` and writes its address to `object`, or the failure to `outcome`.
#[must_use]
pub unsafe fn construct<T>(
    type_name: &str,
    object: *mut *mut c_void,
    arguments: *const Slice,
    count: usize,
    outcome: *mut Outcome,
    mut run: impl FnMut(Arguments<'_>) -> Result<T, Failure>,
) -> Pending {
    let mut make = |arguments: Arguments<'_>| {
        let made = Box::new(run(arguments)?);
        // SAFETY: the host passes a place for an address (see `TesseraTable`), which nobody else has.
        unsafe { *object = Box::into_raw(made).cast() };
        Ok(Reply::Now(Buffer::default()))
    };
    // SAFETY: by this function's contract.
    unsafe { answer(type_name, "new", arguments, count, outcome, &mut make) }
}

/// Runs `run` and writes how it ended to `outcome`, or returns its future. It is compiled once for all types.
///
/// # Safety
///
/// The host passes `count` arguments that are lent for the call, and an outcome that it initialised and that outlives it.
pub(crate) unsafe fn answer(
    type_name: &str,
    name: &str,
    arguments: *const Slice,
    count: usize,
    outcome: *mut Outcome,
    run: &mut dyn FnMut(Arguments<'_>) -> Result<Reply, Failure>,
) -> Pending {
    // SAFETY: by this function's contract.
    let arguments = unsafe { Arguments::lent(arguments, count) };
    let result = match guarded(|| run(arguments)) {
        Ok(Reply::Later(future)) => return async_call::pending(future, type_name, name),
        Ok(Reply::Now(value)) => Ok(value),
        Err(failure) => Err(failure),
    };
    // SAFETY: by this function's contract.
    unsafe { *outcome = to_outcome(type_name, name, result) };
    Pending::none()
}

/// The same where the constructor is async: `run` gives its future.
#[must_use]
pub unsafe fn construct_later<T: Send + 'static, F: Future<Output = T> + Send + 'static>(
    type_name: &str,
    object: *mut *mut c_void,
    arguments: *const Slice,
    count: usize,
    outcome: *mut Outcome,
    mut run: impl FnMut(Arguments<'_>) -> Result<F, Failure>,
) -> Pending {
    let mut begin = |arguments: Arguments<'_>| {
        let future = run(arguments)?;
        let place = Place(object);
        async_call::later(async move {
            let made = Box::new(future.await);
            place.fill(Box::into_raw(made).cast());
            Ok(Buffer::default())
        })
    };
    // SAFETY: by this function's contract.
    unsafe { answer(type_name, "new", arguments, count, outcome, &mut begin) }
}

/// Where the address of an object is to be written once it is constructed.
struct Place(*mut *mut c_void);

// SAFETY: the host reads the place when the future that fills it has ended, and whoever polls that has it alone.
unsafe impl Send for Place {}

impl Place {
    fn fill(self, object: *mut c_void) {
        // SAFETY: the place lives as long as the future that fills it (see `TesseraTable`), which has the only `Place`.
        unsafe { *self.0 = object };
    }
}

/// Calls a method of `object` by `run` and writes how it ended to `outcome`.
#[must_use]
pub unsafe fn call<T>(
    definition: &Definition,
    object: *mut c_void,
    method: u32,
    arguments: *const Slice,
    count: usize,
    outcome: *mut Outcome,
    mut run: impl FnMut(&mut T, Arguments<'_>) -> Result<Reply, Failure>,
) -> Pending {
    // SAFETY: `object` came from `construct::<T>`, and the host lets at most one call at a time have it.
    let object = unsafe { &mut *object.cast::<T>() };
    let mut run = |arguments: Arguments<'_>| run(object, arguments);
    let (type_name, name) = (definition.type_name(), definition.method(method).unwrap_or("?"));
    // SAFETY: by this function's contract.
    unsafe { answer(type_name, name, arguments, count, outcome, &mut run) }
}

/// Drops an object. A panic in its destructor is printed: nobody waits for it.
pub unsafe fn drop_object<T>(object: *mut c_void) {
    // SAFETY: `object` came from `construct::<T>`, and the host drops it once, when no call has it.
    let mut object = Some(unsafe { Box::from_raw(object.cast::<T>()) });
    panics::print_if_caught(&mut || object = None);
}

unsafe fn slices<'a>(arguments: *const Slice, count: usize) -> &'a [Slice] {
    if count == 0 {
        return &[];
    }
    // SAFETY: the host lends `count` slices for the call, and the caller's `'a` ends with it.
    unsafe { std::slice::from_raw_parts(arguments, count) }
}

/// Runs `run`, turning a panic into a failure.
pub(crate) fn guarded<T>(run: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
    panics::catch(run).unwrap_or_else(|panic| {
        Err(Failure {
            backtrace: panic.backtrace,
            ..failure(FailureKind::Panicked, panic.message)
        })
    })
}

pub(crate) fn to_outcome(type_name: &str, method: &str, result: Result<Buffer, Failure>) -> Outcome {
    match result {
        Ok(value) => Outcome {
            status: Status::Done,
            payload: value,
        },
        Err(mut failure) => {
            failure.tessera = type_name.to_owned();
            failure.method = method.to_owned();
            Outcome {
                status: Status::Failed,
                // A failure is strings and an enum: encoding it cannot be refused.
                payload: Buffer::from(mosaic_abi::encode(&failure).unwrap_or_default()),
            }
        }
    }
}
