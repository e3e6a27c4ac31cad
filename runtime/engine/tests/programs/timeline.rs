//! The timeline, the status, and the progress of methods.

use crate::{
    failing::kill,
    scenario,
    tesserae::Counter,
    world::{Scenario, meeting_point, scratch},
};
use mosaic::{Span, State, Subject, prelude::*};
use std::fs;

pub(crate) fn scenarios() -> Vec<Scenario> {
    vec![
        scenario!(each_task_is_remembered_with_its_times),
        scenario!(failed_and_running_tasks_are_on_the_timeline),
        scenario!(freed_objects_are_on_the_timeline),
        scenario!(a_timeline_is_saved),
        scenario!(the_status_shows_workers_tesserae_and_tasks, |ended| {
            assert_eq!(ended.code, Some(0));
            let last = "tasks: 0 pending, 0 queued, 0 running, 3 done, 1 failed";
            assert_eq!(ended.stderr.matches(last).count(), 1, "{}", ended.stderr);
        }),
        scenario!(threads_of_a_method_report_its_progress),
        scenario!(a_task_reports_its_progress, |ended| {
            assert_eq!(ended.code, Some(0));
            for worker in ["worker:0:0", "head"] {
                let line = format!("{worker}: Counter::step has done all its 2 steps\n");
                assert_eq!(ended.stderr.matches(&line).count(), 1, "{}", ended.stderr);
            }
        }),
    ]
}

async fn on(workers: usize) {
    mosaic::interactive(On).num_workers(workers).await.unwrap();
}

fn find<'a>(timeline: &'a mosaic::Timeline, uid: &str) -> &'a Span {
    timeline.spans().iter().find(|span| span.uid == uid).unwrap()
}

async fn each_task_is_remembered_with_its_times() {
    assert!(mosaic::timeline().await.unwrap().spans().is_empty());
    on(2).await;
    let (counter, here) = (Counter::remote(1), Counter::local(1));
    let tasks = [counter.add(1), counter.add(1), here.add(1)];
    for task in &tasks {
        task.await.unwrap();
    }
    let timeline = mosaic::timeline().await.unwrap();
    let mut last = 0;
    for (task, worker) in tasks.iter().zip(["worker:0:0", "worker:0:0", "head"]) {
        let span = find(&timeline, &task.uid());
        assert_eq!((span.subject, span.name.as_str()), (Subject::Task, "Counter::add"));
        assert_eq!((span.worker.as_deref(), span.state), (Some(worker), State::Done));
        let times = [Some(span.submitted), span.queued, span.started, span.ended].map(Option::unwrap);
        assert!(times.is_sorted(), "{span:?}");
        if worker == "worker:0:0" {
            assert!(times[2] >= last, "calls on one tessera do not overlap");
            last = times[3];
        }
    }
    assert_eq!(find(&timeline, &counter.uid()).name, "Counter::new");
    assert!(timeline.events().is_sorted_by_key(|event| event.time));
    mosaic::interactive(Off).await.unwrap();
    let after = mosaic::timeline().await.unwrap();
    assert_eq!(find(&after, &tasks[0].uid()), find(&timeline, &tasks[0].uid()));
    assert_eq!(find(&after, "worker:0:1").state, State::Done);
}

async fn failed_and_running_tasks_are_on_the_timeline() {
    on(2).await;
    let (a, b) = (Counter::remote(1), Counter::remote(2));
    let failed = a.fail("no stones left");
    let never_sent = b.add(a.after(&failed).add(1));
    never_sent.clone().await.unwrap_err();
    let pid = b.pid().result().await.unwrap();
    let door = meeting_point("door");
    let (entered, lost) = (b.print_and_meet("", &door), b.add(1));
    fs::OpenOptions::new().write(true).open(&door).unwrap();
    entered.await.unwrap();
    lost.await.unwrap();
    let runs = a.meet_reading(&door);
    let lost = b.meet_reading(&door);
    kill(pid);
    lost.clone().await.unwrap_err();
    let timeline = mosaic::timeline().await.unwrap();
    let span = find(&timeline, &failed.uid());
    assert_eq!(span.state, State::Failed);
    assert!(span.failure.as_ref().unwrap().contains("no stones left"));
    assert_eq!(find(&timeline, &never_sent.uid()).state, State::Failed);
    assert_eq!(find(&timeline, &lost.uid()).state, State::Failed);
    let span = find(&timeline, &runs.uid());
    assert!(span.ended.is_none() && span.state != State::Done, "{span:?}");
    let worker = find(&timeline, "worker:0:1");
    assert!(worker.failure.as_ref().unwrap().contains("SIGKILL"), "{worker:?}");
    assert_eq!(find(&timeline, "worker:0:0").state, State::Running);
    fs::OpenOptions::new().write(true).open(&door).unwrap();
    runs.await.unwrap();
}

async fn freed_objects_are_on_the_timeline() {
    on(1).await;
    let (kept, stays) = (Counter::remote(1).await.unwrap(), Counter::remote(1).await.unwrap());
    let stored = [1_u8, 2, 3].map(|value| mosaic::put(&vec![value; 3]));
    let [discarded, dropped, stays_stored] = stored;
    let (discarded, dropped) = (discarded.await.unwrap(), dropped.await.unwrap());
    let stays_stored = stays_stored.await.unwrap();
    let freed = [kept.uid(), discarded.uid(), dropped.uid()];
    let living = [stays.uid(), stays_stored.uid()];
    let task = kept.add(1).await.unwrap();
    drop((kept, dropped));
    discarded.drop();
    let timeline = mosaic::timeline().await.unwrap();
    for uid in &freed {
        let span = find(&timeline, uid);
        assert!(span.freed >= span.ended && span.ended.is_some(), "{span:?}");
        let states: Vec<State> = (timeline.events().iter())
            .filter(|event| event.span.uid == *uid)
            .map(|event| event.state)
            .collect();
        assert_eq!(states.first(), Some(&State::Pending));
        assert!(states.ends_with(&[State::Done, State::Freed]), "{states:?}");
    }
    for uid in living.iter().chain([&task.uid()]) {
        let span = find(&timeline, uid);
        assert_eq!((span.freed, span.state), (None, State::Done));
    }
    let span = find(&timeline, &living[1]);
    assert_eq!(
        (span.subject, span.name.as_str()),
        (Subject::Stored, "alloc::vec::Vec<u8>")
    );
    // Attaching to a value makes no new value.
    let found = mosaic::Stored::<Vec<u8>>::attach(&living[1]).await.unwrap();
    let after = mosaic::timeline().await.unwrap();
    assert_eq!(after.spans().len(), timeline.spans().len());
    drop((found, stays_stored));
}

async fn a_timeline_is_saved() {
    on(1).await;
    Counter::remote(1).add(1).await.unwrap();
    let timeline = mosaic::timeline().await.unwrap();
    let (page, trace) = (scratch("run.html"), scratch("run.json"));
    timeline.save(&page).unwrap();
    timeline.save(&trace).unwrap();
    assert!(fs::read_to_string(&page).unwrap().contains("Counter::add"));
    assert!(fs::read_to_string(&trace).unwrap().contains(r#""name":"Counter::add""#));
}

async fn the_status_shows_workers_tesserae_and_tasks() {
    let off = mosaic::status().await.unwrap();
    assert!(off.workers().is_empty() && off.tesserae().is_empty());
    on(2).await;
    let counter = Counter::remote(1);
    counter.add(1).await.unwrap();
    counter.fail("no stones left").await.unwrap_err();
    let door = meeting_point("door");
    let (held, queued) = (counter.meet_writing(&door), counter.add(1));
    let status = mosaic::status().await.unwrap();
    let tasks = status.tasks();
    assert_eq!((tasks.done, tasks.failed), (1, 1));
    assert_eq!(tasks.pending + tasks.queued + tasks.running, 2);
    assert_eq!((status.workers().len(), status.tesserae().len()), (2, 1));
    assert!(status.to_string().contains("worker:0:1"), "{status}");
    let opened = std::thread::spawn(|| fs::File::open(door).unwrap());
    mosaic::status().watch().await.unwrap();
    opened.join().unwrap();
    assert_eq!((held.state(), queued.state()), (State::Done, State::Done));
}

async fn a_task_reports_its_progress() {
    on(1).await;
    for (name, counter) in [("a", Counter::remote(1)), ("b", Counter::local(1))] {
        let door = meeting_point(name);
        let idle = counter.add(1).await.unwrap();
        assert_eq!(idle.progress(), None);
        let task = counter.step(&door);
        fs::OpenOptions::new().write(true).open(&door).unwrap();
        let task = task.await.unwrap();
        assert_eq!(task.progress(), Some(mosaic::Progress { done: 2, total: 2 }));
    }
    mosaic::progress(1, 2);
}

/// A tessera whose methods start threads.
#[tessera]
struct Crew {
    progress: mosaic::ProgressHandle,
}

#[tessera]
impl Crew {
    fn new() -> Self {
        Crew {
            progress: mosaic::progress_handle(),
        }
    }

    fn work(&mut self) {
        self.progress = mosaic::progress_handle();
        for done in 1..=3 {
            let progress = self.progress.clone();
            std::thread::spawn(move || progress.report(done, 3)).join().unwrap();
        }
    }

    /// Reports progress after the method has ended.
    fn linger(&self) {
        let progress = self.progress.clone();
        std::thread::spawn(move || progress.report(7, 7)).join().unwrap();
    }
}

async fn threads_of_a_method_report_its_progress() {
    on(1).await;
    for crew in [Crew::remote(), Crew::local()] {
        let worked = crew.work().await.unwrap();
        assert_eq!(worked.progress(), Some(mosaic::Progress { done: 3, total: 3 }));
        let lingered = crew.linger().await.unwrap();
        assert_eq!(lingered.progress(), None);
        assert_eq!(worked.progress(), Some(mosaic::Progress { done: 3, total: 3 }));
    }
    let work = |steps: u64| {
        let progress = mosaic::progress_handle();
        std::thread::spawn(move || progress.report(steps, steps))
            .join()
            .unwrap();
    };
    let worked = mosaic::spawn(work, (5,)).await.unwrap();
    assert_eq!(worked.progress(), Some(mosaic::Progress { done: 5, total: 5 }));
    // This thread executes no method.
    mosaic::progress_handle().report(1, 2);
}
