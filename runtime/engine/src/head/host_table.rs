//! The head as guests see it: a table of C functions over the one head of this process.

use super::{
    command::Command,
    current::{head, linked_head},
    process::Head,
    profile,
    state::{Awaited, GuestWaker, HeadState, Request, Value, to_outcome},
};
use crate::{
    cancellation::is_current_cancelled,
    code_location::locate,
    failures::failure,
    log,
    question::Question,
    shared_memory::{self, SegmentKind},
    type_fingerprints,
    wire::Code,
    worker::{executing, is_any_executing, is_executing, progress, reporter},
    worker_uid::LOCAL,
};
use mosaic_abi::{
    self as abi, Argument, Buffer, CellEvent, Description, Failure, FailureKind, FunctionTable, Handle, Host, Options,
    Outcome, Poll, Query, Slice, StartOptions, Submitted, TesseraTable, TypeName, VERSION, Waker,
};
use std::{env, ptr, sync::Arc, time::Duration};

/// The environment variable that says where to run, if the options do not.
pub(crate) const ON: &str = "MOSAIC_ON";

/// Returns the table that guests get.
pub(super) const fn host_table(cell_event: unsafe extern "C" fn(CellEvent, Slice, Slice)) -> Host {
    Host {
        version: VERSION,
        cell_event,
        start,
        stop,
        create,
        call,
        apply,
        spawn,
        cancel,
        cancelled,
        limit,
        wait,
        result,
        poll,
        describe,
        retain,
        release,
        tesserae,
        attach,
        signatures,
        put,
        find_stored,
        discard,
        publish,
        ask,
        query,
        progress,
        reporter,
        log_level: log::guests_level,
        log: log::guest_says,
        shared_buffer: allocate,
    }
}

/// Allocates shared memory for a value, or returns an empty buffer; see [`Host::shared_buffer`].
unsafe extern "C" fn allocate(len: usize, prefix: usize, to_store: bool) -> Buffer {
    let kind = if to_store {
        SegmentKind::Storable
    } else {
        SegmentKind::Nameless
    };
    shared_memory::allocate(kind, len, prefix).unwrap_or_default()
}

/// Fails a wait to start or stop the runtime, if this process is a worker. Returns whether it is one.
fn refused(wait: Handle) -> bool {
    let is_worker = head().worker.is_some();
    if is_worker {
        let message = "a worker neither starts nor stops the runtime that it is part of: do that where the cells run";
        head().change(|state| state.end_wait(wait, Err(failure(FailureKind::Runtime, message))));
    }
    is_worker
}

unsafe extern "C" fn start(options: Slice) -> Handle {
    let wait = head().change(|state| state.wait(Awaited::Runtime));
    if refused(wait) {
        return wait;
    }
    // SAFETY: the guest lends the bytes for this call.
    match mosaic_abi::decode(unsafe { options.as_bytes() }) {
        Ok(options) => {
            let mut options: StartOptions = options;
            options.on = options.on.or_else(|| env::var(ON).ok()).filter(|on| !on.is_empty());
            log::set(options.log);
            let options = Box::new(options);
            head().command(Command::Start { wait, options });
        }
        Err(error) => {
            let failure = failure(FailureKind::Runtime, format!("the options cannot be read: {error}"));
            head().change(|state| state.end_wait(wait, Err(failure)));
        }
    }
    wait
}

unsafe extern "C" fn stop() -> Handle {
    let wait = head().change(|state| state.wait(Awaited::Runtime));
    if !refused(wait) {
        head().command(Command::Stop { wait });
    }
    wait
}

unsafe extern "C" fn create(
    table: *const TesseraTable,
    maker: *const FunctionTable,
    request: abi::Request,
) -> Submitted {
    // SAFETY: the guest made the request for this call.
    let request = match unsafe { read(request) } {
        Ok(request) => request,
        Err(failure) => return Err(failure).into(),
    };
    // SAFETY: a guest's table is static.
    let description = unsafe { table.as_ref() };
    match (description, locate(table.cast())) {
        (Some(description), _) if description.version != VERSION => Err(failure(
            FailureKind::Runtime,
            format!(
                "the tessera was built for version {} of mosaic's ABI, this is {VERSION}",
                description.version
            ),
        ))
        .into(),
        (Some(description), Some(location)) => {
            let code = Code {
                name: description.definition.type_name().to_owned(),
                location,
            };
            let signatures = description.definition.signatures().map(str::to_owned).collect();
            // SAFETY: a guest's table is static.
            let maker = (!maker.is_null()).then(|| unsafe { function(maker) }).transpose();
            submit(linked_head(), |state| state.create(code, maker?, signatures, request))
        }
        _ => Err(failure(
            FailureKind::Runtime,
            "the tessera's code lies in no file that a worker could load",
        ))
        .into(),
    }
}

unsafe extern "C" fn call(tessera: Handle, method: u32, request: abi::Request) -> Submitted {
    // SAFETY: the guest made the request for this call.
    let request = unsafe { read(request) };
    submit(head(), |state| state.call(tessera, method, request?))
}

unsafe extern "C" fn apply(tessera: Handle, table: *const FunctionTable, request: abi::Request) -> Submitted {
    // SAFETY: the guest made the request for this call, and its table is static.
    let (request, code) = unsafe { (read(request), function(table)) };
    submit(head(), |state| state.apply(tessera, code?, request?))
}

unsafe extern "C" fn spawn(table: *const FunctionTable, request: abi::Request) -> Submitted {
    // SAFETY: the guest made the request for this call, and its table is static.
    let (request, code) = unsafe { (read(request), function(table)) };
    submit(linked_head(), |state| state.spawn(code?, request?))
}

/// Submits an operation, within the limit of what may be in flight.
///
/// Beyond the limit, a method is refused, since waiting could hold up what it waits for. Any other caller gets a wait,
/// unless a method runs in this process: then the calling thread may be one that the method started.
fn submit(head: &Head, submit: impl FnOnce(&mut HeadState) -> Result<Handle, Failure>) -> Submitted {
    let is_method = head.worker.is_some() || is_executing();
    if is_method && let Err(refusal) = head.change_untimed(|state| state.check_method_limit()) {
        return Err(refusal).into();
    }
    let may_wait = !is_method && !is_any_executing();
    head.change(|state| {
        let submitted = state.submit_as(is_method, submit);
        let object = submitted.as_ref().ok().filter(|_| may_wait);
        Submitted {
            backpressure: object
                .and_then(|object| state.wait_below_limit(*object))
                .unwrap_or_default(),
            ..submitted.into()
        }
    })
}

/// Finds where a function's table lies.
///
/// # Safety
///
/// `table` must be null or a guest's table.
unsafe fn function(table: *const FunctionTable) -> Result<Code, Failure> {
    // SAFETY: by this function's contract, and a guest's table is static.
    let description = unsafe { table.as_ref() };
    let refuse = |message: String| Err(failure(FailureKind::Runtime, message));
    match (description, locate(table.cast())) {
        (Some(description), _) if description.version != VERSION => refuse(format!(
            "the function was built for version {} of mosaic's ABI, this is {VERSION}",
            description.version
        )),
        (Some(description), Some(location)) => Ok(Code {
            name: description.name().to_owned(),
            location,
        }),
        _ => refuse("the function's code lies in no file that a worker could load".to_owned()),
    }
}

unsafe extern "C" fn cancel(task: Handle) {
    head().change(|state| state.cancel(task));
}

unsafe extern "C" fn cancelled() -> bool {
    is_current_cancelled()
}

unsafe extern "C" fn limit(wait: Handle, milliseconds: u64) {
    head().change(|state| state.limit(wait, Duration::from_millis(milliseconds)));
}

unsafe extern "C" fn wait(object: Handle) -> Handle {
    head().change_untimed(|state| state.wait_of(executing(), Awaited::Object(object)))
}

unsafe extern "C" fn result(task: Handle) -> Handle {
    head().change_untimed(|state| state.wait_of(executing(), Awaited::Result(task)))
}

unsafe extern "C" fn poll(wait: Handle, waker: Waker, outcome: *mut Outcome) -> Poll {
    let waker = GuestWaker::new(waker);
    let (ending, unneeded) = head().change_untimed(|state| state.waits.poll(wait, waker));
    drop(unneeded);
    let Some(ending) = ending else {
        return Poll::Pending;
    };
    // SAFETY: the guest passes an outcome that it initialised and that outlives the call.
    unsafe { *outcome = to_outcome(ending) };
    Poll::Ready
}

unsafe extern "C" fn describe(object: Handle) -> Buffer {
    let description = head().change_untimed(|state| state.describe(object));
    description.unwrap_or_else(Description::unknown).encoded()
}

unsafe extern "C" fn retain(object: Handle) {
    head().change_untimed(|state| state.retain(object));
}

unsafe extern "C" fn release(handle: Handle) {
    head().change_untimed(|state| state.release(handle));
}

unsafe extern "C" fn tesserae() -> Handle {
    linked_head().change(HeadState::tesserae)
}

unsafe extern "C" fn query(query: Slice) -> Handle {
    // SAFETY: the guest lends the bytes for this call.
    let query = mosaic_abi::decode(unsafe { query.as_bytes() });
    match query {
        Ok(Query::BeginProfile(scope)) => profile::begin(scope),
        Ok(Query::EndProfile) => profile::end(),
        query => linked_head().change(|state| state.query(query)),
    }
}

unsafe extern "C" fn attach(uid: Slice, type_name: Slice) -> Submitted {
    // SAFETY: the guest lends both for this call.
    let (uid, type_name) = unsafe { (uid.as_text(), type_name.as_text()) };
    linked_head().change(|state| state.attach(&uid, &type_name)).into()
}

unsafe extern "C" fn signatures(tessera: Handle) -> Buffer {
    let signatures = head().change(|state| state.signatures(tessera));
    Buffer::from(mosaic_abi::encode(&signatures).expect("texts can always be encoded"))
}

unsafe extern "C" fn put(value: Buffer, type_name: TypeName) -> Submitted {
    let type_name = type_fingerprints::of_stored(type_name);
    submit(linked_head(), |state| state.put(value, &type_name))
}

unsafe extern "C" fn find_stored(uid: Slice, type_name: TypeName) -> Submitted {
    // SAFETY: the guest lends the text for this call.
    let uid = unsafe { uid.as_text() };
    let type_name = type_fingerprints::of_stored(type_name);
    linked_head().change(|state| state.find_stored(&uid, &type_name)).into()
}

unsafe extern "C" fn discard(stored: Handle) {
    head().change(|state| state.discard(stored));
}

unsafe extern "C" fn publish(stored: Handle) -> Handle {
    head().change(|state| state.publish(stored))
}

unsafe extern "C" fn ask(message: Slice) -> Handle {
    let wait = head().change(|state| state.wait(Awaited::FrontEnd));
    // SAFETY: the guest lends the bytes for this call.
    let message = unsafe { message.as_bytes() }.to_vec();
    (head().ask)(Question::new(message, move |answer| {
        let ending = match answer {
            Ok(answer) => Ok(Arc::new(Buffer::from(answer))),
            Err(refusal) => Err(failure(FailureKind::Runtime, refusal)),
        };
        head().change(|state| state.end_wait(wait, ending));
    }));
    wait
}

/// Takes over a guest's request.
///
/// # Safety
///
/// The request's arguments are handed over, and the rest of it is lent (see [`abi::Request`]).
unsafe fn read(request: abi::Request) -> Result<Request, Failure> {
    // SAFETY: the guest hands `count` arguments over, and lends `after_count` handles and the options.
    let (arguments, after, options) = unsafe {
        (
            values(request.arguments, request.count),
            handles(request.after, request.after_count),
            Options::decoded(request.options.as_bytes()),
        )
    };
    let unreadable = |error| failure(FailureKind::Runtime, format!("the options cannot be read: {error}"));
    let mut options = options.map_err(unreadable)?;
    if let (Some(LOCAL), Some(uid)) = (options.worker.as_deref(), &head().worker) {
        options.worker = Some(uid.clone());
    }
    Ok(Request {
        arguments,
        after,
        options,
        near: (request.near != 0).then_some(request.near),
    })
}

/// Takes over the arguments of a guest's request.
///
/// # Safety
///
/// `arguments` must point to `count` arguments, which the guest does not use again.
unsafe fn values(arguments: *mut Argument, count: usize) -> Vec<Value> {
    (0..count)
        .map(|index| {
            // SAFETY: each of the `count` arguments is read once, by this function's contract.
            let argument = unsafe { ptr::read(arguments.add(index)) };
            match argument.task {
                0 => Value::Encoded(Arc::new(argument.value)),
                task => Value::Produced(task),
            }
        })
        .collect()
}

/// Copies the handles that a guest lends.
///
/// # Safety
///
/// `handles` must point to `count` handles.
unsafe fn handles(handles: *const Handle, count: usize) -> Vec<Handle> {
    // SAFETY: each of the `count` handles is read, by this function's contract.
    (0..count).map(|index| unsafe { *handles.add(index) }).collect()
}
