//! A timer for any executor.

use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
    thread,
    time::{Duration, Instant},
};

/// A future that is ready after some time. Costs a thread until then, or until it is dropped.
pub(crate) struct Timer {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    /// Signalled when the timer is dropped.
    dropped: Condvar,
}

#[derive(Default)]
struct State {
    is_over: bool,
    is_dropped: bool,
    waker: Option<Waker>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self, end: Option<Instant>) {
        let mut state = self.lock();
        while !state.is_dropped {
            let left = end.map_or(Duration::MAX, |end| end.saturating_duration_since(Instant::now()));
            if left.is_zero() {
                break;
            }
            state = (self.dropped.wait_timeout(state, left))
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        state.is_over = true;
        let waker = state.waker.take();
        drop(state);
        waker.into_iter().for_each(Waker::wake);
    }
}

impl Timer {
    /// Starts a timer. If the system refuses a thread, the timer is ready at once.
    pub(crate) fn after(duration: Duration) -> Timer {
        let shared = Arc::<Shared>::default();
        let (running, end) = (shared.clone(), Instant::now().checked_add(duration));
        let started = thread::Builder::new().name("mosaic-timer".to_owned());
        if started.spawn(move || running.run(end)).is_err() {
            shared.lock().is_over = true;
        }
        Timer { shared }
    }
}

impl Future for Timer {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut state = self.shared.lock();
        if state.is_over {
            return Poll::Ready(());
        }
        state.waker = Some(context.waker().clone());
        Poll::Pending
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        self.shared.lock().is_dropped = true;
        self.shared.dropped.notify_all();
    }
}
