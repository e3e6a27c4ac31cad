//! Asking the kernel, from any thread.

use mosaic::__private::ask as begin_to_ask;
use mosaic_message::{Ask, encode};
use std::{
    future::Future,
    io::Write,
    pin::pin,
    sync::{Arc, Condvar, Mutex, PoisonError},
    task::{Context, Poll, Wake, Waker},
};

/// Asks the kernel and waits for its answer, behind all that this process has printed.
///
/// # Errors
///
/// There is no kernel to be asked, or it cannot answer: why.
pub fn ask(message: &Ask) -> Result<Vec<u8>, String> {
    // What a closed standard output loses, it loses anyway.
    let _ = std::io::stdout().flush();
    match wait(begin_to_ask(&encode(message))) {
        Ok(answer) => Ok(answer.to_vec()),
        Err(failure) => Err(failure.message),
    }
}

/// Wakes the thread that waits. Not by unparking it: a cell's own future may be waiting on the same thread, further out,
/// and would miss its wake.
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
