//! Asks the kernel, from any thread of a cell.

use mosaic::__private::ask as begin_to_ask;
use mosaic_message::{Ask, encode};
use std::{
    future::Future,
    io::Write,
    pin::pin,
    sync::{Arc, Condvar, Mutex, PoisonError},
    task::{Context, Poll, Wake, Waker},
};

/// Asks the kernel and waits for its answer. The kernel reads everything that this process has printed first.
///
/// # Errors
///
/// Says why there is no kernel to be asked, or why it cannot answer.
pub fn ask(message: &Ask) -> Result<Vec<u8>, String> {
    // A closed standard output loses the text anyway.
    let _ = std::io::stdout().flush();
    match wait(begin_to_ask(&encode(message))) {
        Ok(answer) => Ok(answer.to_vec()),
        Err(failure) => Err(failure.message),
    }
}

/// Wakes the thread that waits for an answer. It does not unpark the thread: a future of the cell's may wait on the
/// same thread, further out, and would miss its wake.
#[derive(Default)]
struct Signal {
    woken: Mutex<bool>,
    changed: Condvar,
}

impl Wake for Signal {
    fn wake(self: Arc<Self>) {
        *self.woken.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.changed.notify_one();
    }
}

/// Blocks the thread until the future is ready.
fn wait<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let signal = Arc::new(Signal::default());
    let waker = Waker::from(Arc::clone(&signal));
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return output;
        }
        let woken = signal.woken.lock().unwrap_or_else(PoisonError::into_inner);
        let mut woken = signal
            .changed
            .wait_while(woken, |woken| !*woken)
            .unwrap_or_else(PoisonError::into_inner);
        *woken = false;
    }
}
