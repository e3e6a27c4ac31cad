//! Many futures that one task polls, each only after it was woken.

use crate::guest::interrupt::checkpoint;
use std::{
    collections::{HashMap, VecDeque},
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Wake, Waker},
};

/// Futures under keys of the caller, whose outputs come in the order in which they are ready.
pub(crate) struct Unordered<F> {
    futures: HashMap<usize, Pin<Box<F>>>,
    woken: Arc<Woken>,
}

/// The keys of woken futures, and the waker of the task that polls them.
#[derive(Default)]
struct Woken(Mutex<(VecDeque<usize>, Option<Waker>)>);

impl Woken {
    fn lock(&self) -> MutexGuard<'_, (VecDeque<usize>, Option<Waker>)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The waker of one future.
struct Child {
    key: usize,
    woken: Arc<Woken>,
}

impl Wake for Child {
    fn wake(self: Arc<Child>) {
        let task = {
            let (keys, task) = &mut *self.woken.lock();
            keys.push_back(self.key);
            task.take()
        };
        if let Some(task) = task {
            task.wake();
        }
    }
}

impl<F: Future> Unordered<F> {
    pub(crate) fn new() -> Unordered<F> {
        Unordered {
            futures: HashMap::new(),
            woken: Arc::default(),
        }
    }

    /// Adds a future, which is polled next time. A key must not be used by two unfinished futures.
    pub(crate) fn push(&mut self, key: usize, future: F) {
        self.futures.insert(key, Box::pin(future));
        self.woken.lock().0.push_back(key);
    }

    pub(crate) fn len(&self) -> usize {
        self.futures.len()
    }

    /// Polls for the next output and its key. Ready with `None` when no future is left.
    pub(crate) fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<(usize, F::Output)>> {
        // An interrupt wakes no future.
        checkpoint();
        loop {
            let key = {
                let (keys, task) = &mut *self.woken.lock();
                let Some(key) = keys.pop_front() else {
                    *task = Some(context.waker().clone());
                    break;
                };
                key
            };
            // A future that was woken twice may have been ready the first time.
            let Some(future) = self.futures.get_mut(&key) else {
                continue;
            };
            let woken = self.woken.clone();
            let waker = Waker::from(Arc::new(Child { key, woken }));
            if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
                self.futures.remove(&key);
                return Poll::Ready(Some((key, output)));
            }
        }
        if self.futures.is_empty() {
            Poll::Ready(None)
        } else {
            Poll::Pending
        }
    }
}

/// A future that waits for all futures, or for the first error.
pub(crate) struct All<F: Future<Output = Result<T, E>>, T, E> {
    futures: Unordered<F>,
    outputs: Vec<Option<T>>,
}

/// The futures are boxed, so moving this moves none of them.
impl<F: Future<Output = Result<T, E>>, T, E> Unpin for All<F, T, E> {}

impl<F: Future<Output = Result<T, E>>, T, E> All<F, T, E> {
    pub(crate) fn new(all: impl IntoIterator<Item = F>) -> All<F, T, E> {
        let mut futures = Unordered::new();
        let count = all
            .into_iter()
            .enumerate()
            .map(|(key, future)| futures.push(key, future));
        let outputs = count.map(|()| None).collect();
        All { futures, outputs }
    }
}

impl<F: Future<Output = Result<T, E>>, T, E> Future for All<F, T, E> {
    type Output = Result<Vec<T>, E>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        loop {
            match self.futures.poll_next(context) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Some((key, Ok(output)))) => self.outputs[key] = Some(output),
                Poll::Ready(Some((_, Err(error)))) => return Poll::Ready(Err(error)),
                Poll::Ready(None) => {
                    let outputs = std::mem::take(&mut self.outputs);
                    return Poll::Ready(Ok(outputs.into_iter().flatten().collect()));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;

    /// A future that is ready once it is opened, and counts how often it is polled.
    #[derive(Clone, Default)]
    struct Latch(Arc<Mutex<(Option<Waker>, bool, usize)>>);

    impl Latch {
        fn open(&self) {
            let waker = {
                let mut state = self.0.lock().unwrap();
                state.1 = true;
                state.0.take()
            };
            waker.into_iter().for_each(Waker::wake);
        }

        fn polls(&self) -> usize {
            self.0.lock().unwrap().2
        }

        async fn wait(self) -> Result<(), &'static str> {
            poll_fn(|context| {
                let mut state = self.0.lock().unwrap();
                state.2 += 1;
                if state.1 {
                    return Poll::Ready(Ok(()));
                }
                state.0 = Some(context.waker().clone());
                Poll::Pending
            })
            .await
        }
    }

    fn poll<F: Future>(futures: &mut Unordered<F>) -> Poll<Option<usize>> {
        let mut context = Context::from_waker(Waker::noop());
        futures.poll_next(&mut context).map(|next| next.map(|(key, _)| key))
    }

    #[test]
    fn outputs_come_in_the_order_in_which_they_are_ready() {
        let gates: [Latch; 3] = Default::default();
        let mut futures = Unordered::new();
        for (key, gate) in gates.iter().enumerate() {
            futures.push(key, gate.clone().wait());
        }
        assert_eq!(poll(&mut futures), Poll::Pending);
        gates[2].open();
        assert_eq!(poll(&mut futures), Poll::Ready(Some(2)));
        gates[0].open();
        gates[1].open();
        assert_eq!(poll(&mut futures), Poll::Ready(Some(0)));
        assert_eq!(poll(&mut futures), Poll::Ready(Some(1)));
        assert_eq!(poll(&mut futures), Poll::Ready(None));
        assert!(
            gates.iter().all(|gate| gate.polls() == 2),
            "only who was woken is polled"
        );
    }

    #[test]
    fn all_outputs_are_in_the_order_of_their_futures_and_the_first_error_ends_it() {
        let mut context = Context::from_waker(Waker::noop());
        let gate = Latch::default();
        let failing = async {
            gate.clone().wait().await?;
            Err("no stones left")
        };
        let never = std::future::pending();
        let all: [Pin<Box<dyn Future<Output = _>>>; 2] = [Box::pin(never), Box::pin(failing)];
        let mut all = All::<_, (), _>::new(all);
        assert_eq!(Pin::new(&mut all).poll(&mut context), Poll::Pending);
        gate.open();
        assert_eq!(
            Pin::new(&mut all).poll(&mut context),
            Poll::Ready(Err("no stones left"))
        );
        let mut all = All::<_, _, ()>::new((0..3).map(|number| async move { Ok(number) }));
        assert_eq!(Pin::new(&mut all).poll(&mut context), Poll::Ready(Ok(vec![0, 1, 2])));
    }
}
