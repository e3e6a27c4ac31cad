//! The profile of this process and of workers, for guests.

use super::{
    current::{head, linked_head},
    state::{Awaited, GuestWaker, HEAD},
};
use crate::{
    failures::failure,
    wire::{Payload, ProfileStep},
};
use mosaic_abi::{Failure, FailureKind, Handle, ProcessProfile, ProfileScope, Waker};
use mosaic_sampler::Sampling;
use std::{
    ffi::c_void,
    mem,
    sync::{Mutex, MutexGuard, PoisonError, mpsc},
    thread,
    time::Duration,
};

/// How long all workers may take to begin or end a profile. A worker that is stopped would be waited for in vain.
const PATIENCE: Duration = Duration::from_secs(20);

/// The profile that is being taken, if one is.
///
/// Guests begin and end a profile on any thread. A profile that is still being taken refuses the next one.
static PROFILE: Mutex<State> = Mutex::new(State::None);

enum State {
    None,
    Running(Profile),
    /// The samples are being collected.
    Ends,
}

struct Profile {
    scope: ProfileScope,
    /// The samples of this process, or why there will be none.
    here: Option<Result<Sampling, String>>,
}

fn profile() -> MutexGuard<'static, State> {
    PROFILE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Begins a profile, and returns a wait that ends when it has begun.
pub(super) fn begin(scope: ProfileScope) -> Handle {
    let head = linked_head();
    let wait = head.change(|state| state.wait(Awaited::Monitor));
    let mut running = profile();
    if !matches!(*running, State::None) {
        let failure = failure(
            FailureKind::Busy,
            "a profile is being taken already: end that one first",
        );
        head.change(|state| state.end_wait(wait, Err(failure)));
        return wait;
    }
    let here = scope
        .here
        .then(|| mosaic_sampler::start().map_err(|error| error.to_string()));
    let only = scope.workers.as_deref();
    if head.change(|state| state.profile_workers(wait, ProfileStep::Begin, only, Vec::new())) {
        *running = State::Running(Profile { scope, here });
    }
    wait
}

/// Ends the profile, and returns a wait that ends with what was found. Names are looked up on a thread of their own.
pub(super) fn end() -> Handle {
    let head = linked_head();
    let wait = head.change(|state| state.wait(Awaited::Monitor));
    let fails = |reason: String| {
        head.change(|state| state.end_wait(wait, Err(failure(FailureKind::Runtime, reason))));
    };
    let mut running = profile();
    match mem::replace(&mut *running, State::Ends) {
        State::Running(Profile { scope, here }) => {
            let finish = move || {
                let known = here.map(|sampling| ProcessProfile {
                    process: HEAD.to_owned(),
                    samples: sampling.and_then(encoded),
                });
                let (only, known) = (scope.workers.as_deref(), known.into_iter().collect());
                // Under the lock, so that the workers hear of this end before they hear of a next beginning.
                let mut running = profile();
                *running = State::None;
                head.change(|state| state.profile_workers(wait, ProfileStep::End, only, known));
            };
            if let Err(error) = thread::Builder::new().name("profile".into()).spawn(finish) {
                *running = State::None;
                fails(format!("cannot start a thread: {error}"));
            }
        }
        other => {
            *running = other;
            fails("no profile is being taken".to_owned());
        }
    }
    wait
}

/// Ends the sampling of this process, and returns the encoded samples.
pub(crate) fn encoded(sampling: Sampling) -> Result<Vec<u8>, String> {
    mosaic_abi::encode(&sampling.stop()).map_err(|error| format!("the samples cannot be encoded: {error}"))
}

/// Begins to profile this process and all workers, and waits until that has begun. For hosts; guests ask by
/// [`mosaic_abi::Query::BeginProfile`].
///
/// # Errors
///
/// A profile is being taken already, or a worker does not answer.
///
/// # Panics
///
/// This process is no head; see [`crate::install_head`].
///
/// # Examples
///
/// ```no_run
/// mosaic_engine::begin_profile()?;
/// let profiles = mosaic_engine::end_profile()?;
/// # Ok::<(), String>(())
/// ```
pub fn begin_profile() -> Result<(), String> {
    let scope = ProfileScope {
        here: true,
        workers: None,
    };
    wait_for(begin(scope)).map(drop).map_err(|failure| failure.message)
}

/// Ends what [`begin_profile`] has begun. Returns what was found of each process, first of this one.
///
/// # Errors
///
/// No profile was begun, or a worker does not answer.
///
/// # Panics
///
/// This process is no head; see [`crate::install_head`].
///
/// # Examples
///
/// ```no_run
/// mosaic_engine::begin_profile()?;
/// let profiles = mosaic_engine::end_profile()?;
/// # Ok::<(), String>(())
/// ```
pub fn end_profile() -> Result<Vec<ProcessProfile>, String> {
    let encoded = wait_for(end()).map_err(|failure| failure.message)?;
    mosaic_abi::decode(&encoded)
}

/// Blocks until a wait is over, and releases it.
fn wait_for(wait: Handle) -> Result<Payload, Failure> {
    let head = head();
    head.change(|state| state.limit(wait, PATIENCE));
    let (sender, woken) = mpsc::channel();
    let ending = loop {
        let waker = waker(sender.clone());
        let (ending, unneeded) = head.change_untimed(|state| state.waits.poll(wait, waker));
        drop(unneeded);
        if let Some(ending) = ending {
            break ending;
        }
        // The sender above lives, so this only returns when the waker wakes.
        let _ = woken.recv();
    };
    head.change_untimed(|state| state.release(wait));
    ending
}

/// Returns a waker that sends.
fn waker(sender: mpsc::Sender<()>) -> GuestWaker {
    unsafe extern "C" fn wake(data: *mut c_void) {
        // SAFETY: the data is the box that was made below, and either function is called once.
        let sender = unsafe { Box::from_raw(data.cast::<mpsc::Sender<()>>()) };
        // Whoever waits may have been woken before.
        let _ = sender.send(());
    }
    unsafe extern "C" fn discard(data: *mut c_void) {
        // SAFETY: as above.
        drop(unsafe { Box::from_raw(data.cast::<mpsc::Sender<()>>()) });
    }
    GuestWaker::new(Waker {
        data: Box::into_raw(Box::new(sender)).cast(),
        wake,
        drop: discard,
    })
}
