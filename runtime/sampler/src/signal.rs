//! The timer, and the handler of its signal.

use crate::{SamplerError, registers::Registers, slots::Slots};
use rustix::{
    event::{EventfdFlags, eventfd},
    fs::{Mode, OFlags},
};
use std::{
    ffi::{c_int, c_void},
    io,
    mem::MaybeUninit,
    os::fd::OwnedFd,
    ptr,
    sync::{
        OnceLock,
        atomic::{AtomicBool, AtomicI32, Ordering},
    },
    time::{Duration, Instant},
};

/// How much processor time passes between two samples. The system rounds this up to the period of its clock, which is 1
/// to 10 ms.
const INTERVAL: Duration = Duration::from_millis(1);

/// What the handler needs. It is made by the first profile and kept for good: a signal may arrive late.
static HANDLER: OnceLock<Handler> = OnceLock::new();
/// Whether samples are taken. Set and cleared by whoever samples; read by handlers.
static IS_ACTIVE: AtomicBool = AtomicBool::new(false);
/// The number of the thread `sampler`, which is not sampled itself. Written by that thread, read by handlers.
static SAMPLER: AtomicI32 = AtomicI32::new(0);

/// What the handler of the signal needs.
pub(crate) struct Handler {
    pub(crate) slots: Slots,
    /// Wakes the thread `sampler`.
    wake: OwnedFd,
    /// This process's memory.
    memory: OwnedFd,
}

impl Handler {
    /// Returns the handler of this process. The first call makes it.
    pub(crate) fn get() -> Result<&'static Handler, SamplerError> {
        if let Some(handler) = HANDLER.get() {
            return Ok(handler);
        }
        let wake = eventfd(0, EventfdFlags::CLOEXEC).map_err(io::Error::from);
        let memory = rustix::fs::open("/proc/self/mem", OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty());
        let handler = Handler {
            slots: Slots::new(),
            wake: wake.map_err(SamplerError::system("make an eventfd"))?,
            memory: memory
                .map_err(io::Error::from)
                .map_err(SamplerError::system("read /proc/self/mem"))?,
        };
        Ok(HANDLER.get_or_init(|| handler))
    }

    /// Waits until a handler, or [`Handler::wake`], wakes the thread `sampler`.
    pub(crate) fn wait(&self) {
        let mut count = [0; 8];
        while rustix::io::read(&self.wake, &mut count) == Err(rustix::io::Errno::INTR) {}
    }

    /// Wakes the thread `sampler`.
    pub(crate) fn wake(&self) {
        // The counter would have to be read 2^64 times too seldom for this to fail.
        let _ = rustix::io::write(&self.wake, &1_u64.to_ne_bytes());
    }

    /// Notes the thread that a signal has interrupted.
    fn note(&self, registers: Registers) {
        let thread = rustix::thread::gettid().as_raw_nonzero().get();
        if thread == SAMPLER.load(Ordering::Relaxed) {
            return;
        }
        let is_filled = self.slots.fill(|sample| {
            sample.thread = thread;
            sample.at = Instant::now();
            sample.registers = registers;
            // Ends early where the stack ends, which is no error.
            sample.len = rustix::io::pread(&self.memory, &mut sample.stack, registers.stack).unwrap_or(0);
        });
        if is_filled {
            self.wake();
        }
    }
}

/// Has handlers pass over this thread, which is the thread `sampler`.
pub(crate) fn exempt_this_thread() {
    SAMPLER.store(rustix::thread::gettid().as_raw_nonzero().get(), Ordering::Relaxed);
}

/// Installs the handler, and starts the timer.
///
/// # Errors
///
/// Something else handles the signal, or the system refuses the timer.
pub(crate) fn start_timer() -> Result<(), SamplerError> {
    install_handler()?;
    IS_ACTIVE.store(true, Ordering::Release);
    set_timer(INTERVAL)
        .map_err(SamplerError::system("set the timer ITIMER_PROF"))
        .inspect_err(|_| stop_timer())
}

/// Stops the timer. When this returns, no handler begins to write any more. The handler stays installed: a signal that
/// is under way would end the process otherwise.
pub(crate) fn stop_timer() {
    // Stopping a timer cannot fail.
    let _ = set_timer(Duration::ZERO);
    IS_ACTIVE.store(false, Ordering::Release);
}

fn set_timer(interval: Duration) -> io::Result<()> {
    let interval = libc::timeval {
        tv_sec: 0,
        tv_usec: libc::suseconds_t::try_from(interval.as_micros()).unwrap_or(1000),
    };
    let timer = libc::itimerval {
        it_interval: interval,
        it_value: interval,
    };
    // SAFETY: the pointer is valid for the call, and no former value is asked for.
    match unsafe { libc::setitimer(libc::ITIMER_PROF, &timer, ptr::null_mut()) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

fn install_handler() -> Result<(), SamplerError> {
    let mut before = MaybeUninit::<libc::sigaction>::uninit();
    // SAFETY: the pointer is valid for a write of this type.
    if unsafe { libc::sigaction(libc::SIGPROF, ptr::null(), before.as_mut_ptr()) } != 0 {
        return Err(SamplerError::system("read the handler of SIGPROF")(
            io::Error::last_os_error(),
        ));
    }
    // SAFETY: the call has succeeded, so it has filled in the structure.
    let before = unsafe { before.assume_init() }.sa_sigaction;
    let own = on_signal as unsafe extern "C" fn(c_int, *mut libc::siginfo_t, *mut c_void) as usize;
    if ![libc::SIG_DFL, libc::SIG_IGN, own].contains(&before) {
        return Err(SamplerError::SignalTaken);
    }
    // SAFETY: all bytes zero are a valid value of this structure of integers.
    let mut action: libc::sigaction = unsafe { MaybeUninit::zeroed().assume_init() };
    action.sa_sigaction = own;
    // On the thread's own stack for signals, if it has one; system calls go on.
    action.sa_flags = libc::SA_SIGINFO | libc::SA_RESTART | libc::SA_ONSTACK;
    // SAFETY: the handler is safe for signals, as the crate's documentation explains, and stays valid for good.
    match unsafe { libc::sigaction(libc::SIGPROF, &action, ptr::null_mut()) } {
        0 => Ok(()),
        _ => Err(SamplerError::system("handle SIGPROF")(io::Error::last_os_error())),
    }
}

/// Handles the signal of the timer.
unsafe extern "C" fn on_signal(_signal: c_int, _info: *mut libc::siginfo_t, context: *mut c_void) {
    if !IS_ACTIVE.load(Ordering::Acquire) {
        return;
    }
    let Some(handler) = HANDLER.get() else { return };
    // SAFETY: the address is that of this thread's `errno`, which lives as long as the thread.
    let errno = unsafe { libc::__errno_location() };
    // SAFETY: as above.
    let before = unsafe { *errno };
    // SAFETY: the context is the handler's third argument.
    handler.note(unsafe { Registers::of_context(context) });
    // SAFETY: as above. The interrupted code may be about to read its own error.
    unsafe { *errno = before };
}
