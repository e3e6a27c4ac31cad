//! `tokio::runtime`, with the notebook's own [`Runtime`].

use std::{
    any::Any,
    ffi::c_void,
    future::Future,
    io,
    ops::Deref,
    pin::pin,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    thread::{self, Thread, ThreadId},
};

pub use real_tokio::runtime::*;

/// A multi-threaded tokio runtime on which cells wait; replaces `tokio::runtime::Runtime`.
///
/// The waiting thread is not inside the runtime in tokio's sense: code in a cell may block, and may create and use
/// runtimes of its own, like a plain `fn main`.
#[derive(Debug)]
pub struct Runtime(real_tokio::runtime::Runtime);

impl Runtime {
    /// Makes a runtime with all drivers enabled and one worker thread for each CPU.
    ///
    /// # Errors
    ///
    /// The operating system refuses threads or an event queue.
    pub fn new() -> io::Result<Runtime> {
        real_tokio::runtime::Runtime::new().map(Runtime)
    }

    /// Runs `future` to its end on this thread. Spawned tasks run on the runtime's threads.
    ///
    /// # Panics
    ///
    /// Unwinds with [`Interrupted`] when the cell is interrupted.
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        let mut future = pin!(future);
        let mut output = None;
        wait(&self.0, &mut |context| match future.as_mut().poll(context) {
            Poll::Ready(ready) => {
                output = Some(ready);
                true
            }
            Poll::Pending => false,
        });
        output.expect("`wait` returns only when the future is done")
    }
}

/// Runs a cell's code to its end, on a runtime that all cells share.
///
/// # Panics
///
/// The operating system refuses threads or an event queue. Unwinds with [`Interrupted`] when the cell is interrupted.
pub fn run_cell<F: Future>(cell: F) {
    let mut cell = pin!(cell);
    wait_in_shared(&mut |context| cell.as_mut().poll(context).is_ready());
}

/// Runs the code of a cell that never waits, where [`run_cell`] would run it. A future takes the compiler longer.
///
/// # Panics
///
/// The operating system refuses threads or an event queue.
pub fn run_cell_at_once<T>(cell: impl FnOnce() -> T) {
    let mut cell = Some(cell);
    wait_in_shared(&mut |_| {
        if let Some(cell) = cell.take() {
            cell();
        }
        true
    });
}

/// Waits on the shared runtime. Not generic, like [`wait`].
fn wait_in_shared(is_done: &mut dyn FnMut(&mut Context) -> bool) {
    match shared() {
        Ok(runtime) => wait(runtime, is_done),
        Err(error) => panic!("there is no runtime to wait on: {error}"),
    }
}

/// Returns the runtime on which cells and async methods of tesserae wait. It lives as long as the process.
fn shared() -> &'static io::Result<real_tokio::runtime::Runtime> {
    static SHARED: OnceLock<io::Result<real_tokio::runtime::Runtime>> = OnceLock::new();
    SHARED.get_or_init(real_tokio::runtime::Runtime::new)
}

impl Deref for Runtime {
    type Target = real_tokio::runtime::Runtime;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

/// The payload with which an interrupted cell unwinds.
#[derive(Debug)]
pub struct Interrupted;

/// The thread on which evcxr runs cells: the first one that waits. Other threads may have runtimes of their own, which
/// an interrupt of the cell does not concern.
static CELL_THREAD: OnceLock<ThreadId> = OnceLock::new();

/// Set when the running cell should stop. Later waits of the cell end as well.
static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// The wait that an interrupt ends: the innermost one of the cells' thread.
static WAITING: Mutex<Option<Arc<Wait>>> = Mutex::new(None);

struct Wait {
    thread: Thread,
    woken: AtomicBool,
}

impl Wake for Wait {
    fn wake(self: Arc<Self>) {
        self.woken.store(true, Ordering::Release);
        self.thread.unpark();
    }
}

/// Deregisters the wait on drop, however the wait ends.
struct Registered {
    previous: Option<Arc<Wait>>,
}

impl Drop for Registered {
    fn drop(&mut self) {
        *WAITING.lock().unwrap_or_else(PoisonError::into_inner) = self.previous.take();
    }
}

/// Polls until `is_done` returns true. Not generic, so that it is compiled once and not in each cell.
fn wait(runtime: &real_tokio::runtime::Runtime, is_done: &mut dyn FnMut(&mut Context) -> bool) {
    let wait = Arc::new(Wait {
        thread: thread::current(),
        woken: AtomicBool::new(true),
    });
    let of_a_cell = *CELL_THREAD.get_or_init(|| thread::current().id()) == thread::current().id();
    let _registered = of_a_cell.then(|| Registered {
        previous: WAITING
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .replace(Arc::clone(&wait)),
    });
    let _entered = runtime.enter();
    let waker = Waker::from(Arc::clone(&wait));
    let mut context = Context::from_waker(&waker);
    loop {
        if wait.woken.swap(false, Ordering::Acquire) && is_done(&mut context) {
            return;
        }
        // A destructor that waits while the cell already unwinds is left alone.
        if of_a_cell && INTERRUPTED.load(Ordering::Acquire) && !thread::panicking() {
            // `resume_unwind` runs no panic hook: an interrupt is not the cell's fault.
            std::panic::resume_unwind(Box::new(Interrupted) as Box<dyn Any + Send>);
        }
        thread::park();
    }
}

/// Runs a function within a runtime that this process keeps, for async methods of tesserae that use tokio.
///
/// # Safety
///
/// `run` may be called with `data`, once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mosaic_in_runtime(run: unsafe extern "C" fn(data: *mut c_void), data: *mut c_void) {
    let _entered = shared().as_ref().ok().map(real_tokio::runtime::Runtime::enter);
    // SAFETY: by this function's contract.
    unsafe { run(data) }
}

/// Sets whether the running cell stops at its current or next wait. The cell process looks this symbol up, and resets
/// it when the next cell begins.
#[unsafe(no_mangle)]
pub extern "C" fn mosaic_interrupt_wait(interrupted: bool) {
    INTERRUPTED.store(interrupted, Ordering::Release);
    if interrupted && let Some(wait) = &*WAITING.lock().unwrap_or_else(PoisonError::into_inner) {
        wait.thread.unpark();
    }
}
