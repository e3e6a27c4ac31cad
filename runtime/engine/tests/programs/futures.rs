//! Tasks as futures: in tokio's macros, and in an executor that knows nothing but `Future`.

use crate::{
    scenario,
    tesserae::Counter,
    world::{Scenario, meeting_point},
};
use mosaic::{State, TaskError, prelude::*};
use std::{
    fs,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Wake, Waker},
    thread::{self, Thread},
};

pub(crate) fn scenarios() -> Vec<Scenario> {
    vec![
        scenario!(macros_take_tasks_as_they_are),
        scenario!(a_task_that_lost_a_select_can_be_awaited_again),
        scenario!(any_executor_polls_a_task),
        scenario!(a_future_that_was_ready_waits_anew),
    ]
}

async fn on(workers: usize) {
    mosaic::interactive(On).num_workers(workers).await.unwrap();
}

async fn macros_take_tasks_as_they_are() {
    on(1).await;
    let counter = Counter::remote(1);
    let (one, two) = tokio::join!(counter.add(1), counter.add(1));
    assert_eq!(one.unwrap().result().await.unwrap(), 2);
    assert_eq!(two.unwrap().result().await.unwrap(), 3);
    let failed = tokio::try_join!(counter.add(1), counter.fail("no way"));
    assert!(failed.unwrap_err().message().starts_with("no way"));
    // A future may go to another task of the executor, and arrays are futures, too.
    let tasks: TaskArray<u64> = [counter.add(1), counter.add(1)].into_iter().collect();
    let (array, task) = tokio::join!(tokio::spawn(tasks), tokio::spawn(counter.add(1)));
    assert_eq!(array.unwrap().unwrap().results().await.unwrap(), [5, 6]);
    assert_eq!(task.unwrap().unwrap().result().await.unwrap(), 7);
}

async fn a_task_that_lost_a_select_can_be_awaited_again() {
    on(2).await;
    let (held, quick) = (Counter::remote(1), Counter::remote(2));
    let door = meeting_point("door");
    let mut slow = held.meet_writing(&door);
    let mut both: TaskArray<u64> = [slow.clone(), quick.add(1)].into_iter().collect();
    tokio::select! {
        _ = &mut slow => panic!("nobody has opened the door"),
        _ = &mut both => panic!("nobody has opened the door"),
        done = quick.add(1) => assert_eq!(done.unwrap().result().await.unwrap(), 4),
    }
    assert_ne!(slow.state(), State::Done);
    fs::File::open(door).unwrap();
    assert_eq!(slow.await.unwrap().result().await.unwrap(), 1);
    assert_eq!(both.await.unwrap().results().await.unwrap(), [1, 3]);
}

/// Wakes a thread that parks.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Unpark>) {
        self.0.unpark();
    }
}

/// Polls these futures in turn on a thread that runs no executor, until all are ready.
fn poll_all<F: Future + Unpin>(futures: Vec<F>) -> Vec<F::Output> {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    let mut futures: Vec<_> = futures.into_iter().map(|future| (future, None)).collect();
    loop {
        for (future, output) in futures.iter_mut().filter(|(_, output)| output.is_none()) {
            if let Poll::Ready(ready) = Pin::new(future).poll(&mut context) {
                *output = Some(ready);
            }
        }
        if futures.iter().all(|(_, output)| output.is_some()) {
            return futures.into_iter().filter_map(|(_, output)| output).collect();
        }
        thread::park();
    }
}

async fn any_executor_polls_a_task() {
    on(2).await;
    let counters = [Counter::remote(1), Counter::remote(2)];
    let tasks: Vec<_> = (0..100).map(|index| counters[index % 2].add(1)).collect();
    let polled = thread::spawn(|| poll_all(tasks)).join().unwrap();
    let done: Result<TaskArray<u64>, TaskError> = polled.into_iter().collect();
    let values = done.unwrap().results().await.unwrap();
    assert_eq!((values[98], values[99]), (51, 52));
}

async fn a_future_that_was_ready_waits_anew() {
    on(1).await;
    let counter = Counter::remote(1);
    let (mut task, mut failing) = (counter.add(1), counter.fail("no way"));
    let mut array: TaskArray<u64> = [task.clone()].into_iter().collect();
    for _ in 0..3 {
        assert_eq!((&mut task).await.unwrap().result().await.unwrap(), 2);
        assert_eq!((&mut array).await.unwrap().results().await.unwrap(), [2]);
        assert!((&mut failing).await.unwrap_err().message().starts_with("no way"));
    }
    // A clone has a wait of its own, and the proxy is as good as before.
    assert_eq!(task.clone().await.unwrap().result().await.unwrap(), 2);
    assert_eq!(counter.add(&task).result().await.unwrap(), 4);
}
