//! The timeline: what happened in the runtime, and when.

mod html;
mod trace;

use crate::{error::RuntimeError, remote::query::Answer};
use mosaic_abi::{Query, Span, State, Subject};
use std::{
    fmt, fs,
    future::Future,
    io,
    path::Path,
    pin::Pin,
    task::{Context, Poll},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// Collects what happened, once awaited: to the workers, and to this process's tesserae, tasks and stored values.
///
/// About 50,000 objects are kept, those that ended last. Their times are those that their worker measured, on a clock
/// that never goes back. As the last expression of a cell, the timeline is shown as a picture.
///
/// ```
/// # use mosaic::prelude::*;
/// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
/// # mosaic::interactive(On).num_workers(1).await?;
/// # let task = mosaic::spawn(|| 42_u32, ()).await?;
/// let timeline = mosaic::timeline().await?;
/// for span in timeline.spans() {
///     println!("{} {} {}", span.name, span.worker.as_deref().unwrap_or("-"), span.state);
/// }
/// # assert!(timeline.spans().iter().any(|span| span.uid == task.uid()));
/// # Ok(()) })? }
/// ```
pub fn timeline() -> TimelineFuture {
    TimelineFuture(Answer::to(&Query::Timeline))
}

/// A future of the timeline. Made by [`timeline`].
///
/// ```
/// # use mosaic::prelude::*;
/// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
/// # mosaic::interactive(On).num_workers(1).await?;
/// let question: mosaic::TimelineFuture = mosaic::timeline();
/// println!("{}", question.await?);
/// # Ok(()) })? }
/// ```
#[must_use = "a future does nothing until it is awaited"]
pub struct TimelineFuture(Answer<mosaic_abi::Timeline>);

impl Future for TimelineFuture {
    type Output = Result<Timeline, RuntimeError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(context).map_ok(Timeline)
    }
}

/// The history of the runtime until the question. Made by [`timeline`], and displayed as a summary.
///
/// ```
/// # use mosaic::prelude::*;
/// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
/// # mosaic::interactive(On).num_workers(1).await?;
/// let timeline: mosaic::Timeline = mosaic::timeline().await?;
/// assert!(timeline.to_string().contains("1 workers, 0 tesserae, 0 tasks"));
/// # Ok(()) })? }
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Timeline(mosaic_abi::Timeline);

/// A change of the state of a worker, a tessera, a task or a stored value. Made by [`Timeline::events`].
///
/// ```
/// # use mosaic::prelude::*;
/// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
/// # mosaic::interactive(On).num_workers(1).await?;
/// let timeline = mosaic::timeline().await?;
/// let first: &mosaic::Event = &timeline.events()[0];
/// assert_eq!(first.span.uid, "worker:0:0");
/// # Ok(()) })? }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event<'a> {
    /// The time since the first event.
    pub time: Duration,
    /// The time of day.
    pub wall: SystemTime,
    /// The object whose state changed.
    pub span: &'a Span,
    /// The new state. A tessera is done when it is constructed, and a stored value when it is stored. Both are freed
    /// when this process no longer refers to them.
    pub state: State,
}

impl Timeline {
    /// Returns the lives of workers, tesserae, tasks and stored values, in the order in which they began.
    ///
    /// ```
    /// # use mosaic::prelude::*;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
    /// # mosaic::interactive(On).num_workers(1).await?;
    /// let timeline = mosaic::timeline().await?;
    /// assert_eq!(timeline.spans()[0].subject, mosaic::Subject::Worker);
    /// # Ok(()) })? }
    /// ```
    pub fn spans(&self) -> &[Span] {
        &self.0.spans
    }

    /// Returns how many objects, those that ended first, are no longer kept.
    ///
    /// ```
    /// # use mosaic::prelude::*;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
    /// # mosaic::interactive(On).num_workers(1).await?;
    /// assert_eq!(mosaic::timeline().await?.forgotten(), 0);
    /// # Ok(()) })? }
    /// ```
    pub fn forgotten(&self) -> u64 {
        self.0.forgotten
    }

    /// Returns every change of a state, in order of time.
    ///
    /// ```
    /// # use mosaic::prelude::*;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
    /// # mosaic::interactive(On).num_workers(1).await?;
    /// # let task = mosaic::spawn(|| 42_u32, ()).await?;
    /// let timeline = mosaic::timeline().await?;
    /// for event in timeline.events() {
    ///     println!("{:?} {} {}", event.time, event.span.name, event.state);
    /// }
    /// # Ok(()) })? }
    /// ```
    pub fn events(&self) -> Vec<Event<'_>> {
        let (start, _) = self.limits();
        let mut events: Vec<(u64, Event<'_>)> = Vec::new();
        for span in self.spans() {
            let ended = if span.failure.is_some() {
                State::Failed
            } else {
                State::Done
            };
            let first = if span.subject == Subject::Worker {
                State::Running
            } else {
                State::Pending
            };
            let started = span.started.filter(|_| span.subject != Subject::Worker);
            let changes = [
                (Some(span.submitted), first),
                (span.queued, State::Queued),
                (started, State::Running),
                (span.ended, ended),
                (span.freed, State::Freed),
            ];
            events.extend(changes.into_iter().filter_map(|(at, state)| {
                let event = Event {
                    time: Duration::from_nanos(at?.saturating_sub(start)),
                    wall: UNIX_EPOCH + Duration::from_nanos(at? + self.0.wall_clock),
                    span,
                    state,
                };
                Some((at?, event))
            }));
        }
        events.sort_by_key(|(at, _)| *at);
        events.into_iter().map(|(_, event)| event).collect()
    }

    /// Writes the timeline to a file: for `.html` a self-contained page, for `.json` a trace for Perfetto or
    /// `chrome://tracing`.
    ///
    /// # Errors
    ///
    /// The name has another extension, or the file cannot be written.
    ///
    /// # Examples
    ///
    /// ```
    /// # use mosaic::prelude::*;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
    /// # mosaic::interactive(On).num_workers(1).await?;
    /// # let directory = std::env::temp_dir().join(format!("timeline-{}", std::process::id()));
    /// # std::fs::create_dir(&directory)?;
    /// let timeline = mosaic::timeline().await?;
    /// timeline.save(directory.join("run.html"))?;     // for a browser
    /// timeline.save(directory.join("run.json"))?;     // for Perfetto
    /// # std::fs::remove_dir_all(&directory)?;
    /// # Ok(()) })? }
    /// ```
    pub fn save(&self, path: impl AsRef<Path>) -> io::Result<()> {
        let path = path.as_ref();
        let text = match path.extension().and_then(|extension| extension.to_str()) {
            Some("html") => self.html(),
            Some("json") => self.chrome_trace(),
            _ => {
                let message = format!("{} ends neither in .html nor in .json", path.display());
                return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
            }
        };
        fs::write(path, text)
    }

    /// Returns the timeline as a self-contained HTML page.
    ///
    /// ```
    /// # use mosaic::prelude::*;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
    /// # mosaic::interactive(On).num_workers(1).await?;
    /// assert!(mosaic::timeline().await?.html().contains("<svg"));
    /// # Ok(()) })? }
    /// ```
    pub fn html(&self) -> String {
        html::page(self)
    }

    /// Returns the timeline as JSON, in Chrome's trace-event format.
    ///
    /// ```
    /// # use mosaic::prelude::*;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
    /// # mosaic::interactive(On).num_workers(1).await?;
    /// assert!(mosaic::timeline().await?.chrome_trace().contains("traceEvents"));
    /// # Ok(()) })? }
    /// ```
    pub fn chrome_trace(&self) -> String {
        trace::json(&self.0)
    }

    /// Returns the first and the last time, in nanoseconds.
    fn limits(&self) -> (u64, u64) {
        let start = self.spans().iter().map(|span| span.submitted).min();
        (start.unwrap_or(self.0.now), self.0.now)
    }

    fn of(&self, subject: Subject) -> impl Iterator<Item = &Span> {
        self.spans().iter().filter(move |span| span.subject == subject)
    }
}

impl fmt::Display for Timeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (start, end) = self.limits();
        let seconds = Duration::from_nanos(end - start).as_secs_f64();
        let subjects = [Subject::Worker, Subject::Tessera, Subject::Task, Subject::Stored];
        let [workers, tesserae, tasks, stored] = subjects.map(|subject| self.of(subject).count());
        write!(
            f,
            "{seconds:.3} s: {workers} workers, {tesserae} tesserae, {tasks} tasks"
        )?;
        if stored > 0 {
            write!(f, ", {stored} stored values")?;
        }
        match self.spans().iter().filter(|span| span.state == State::Failed).count() {
            0 => Ok(()),
            failed => write!(f, ", {failed} of them failed"),
        }
    }
}

impl fmt::Debug for Timeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Makes a timeline for the tests.
#[cfg(test)]
fn example() -> Timeline {
    let span = |subject, uid: &str, name: &str, times: [Option<u64>; 4], failure: Option<&str>| Span {
        subject,
        uid: uid.to_owned(),
        name: name.to_owned(),
        worker: Some("worker:0:0".to_owned()),
        submitted: times[0].unwrap_or_default(),
        queued: times[1],
        started: times[2],
        ended: times[3],
        freed: None,
        state: match (failure, times[3]) {
            (Some(_), _) => State::Failed,
            (None, Some(_)) => State::Done,
            (None, None) => State::Running,
        },
        failure: failure.map(str::to_owned),
    };
    let [a, b, c, d, e] = [1_000_000, 2_000_000, 3_000_000, 5_000_000, 7_000_000].map(Some);
    let freed = |span| Span { freed: e, ..span };
    let stored = span(Subject::Stored, "ware-u8-3", "u8", [b, None, None, c], None);
    Timeline(mosaic_abi::Timeline {
        spans: vec![
            span(Subject::Worker, "worker:0:0", "worker:0:0", [a, None, a, None], None),
            freed(span(Subject::Tessera, "tess-s-1", "S::new", [a, b, b, c], None)),
            freed(Span { worker: None, ..stored }),
            span(
                Subject::Task,
                "task-s-solve-2",
                "S::solve",
                [b, b, c, d],
                Some("\"no\" <stones>\n"),
            ),
        ],
        forgotten: 0,
        now: 9_000_000,
        wall_clock: 1_000_000_000,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_in_the_order_of_their_times() {
        let timeline = example();
        let events: Vec<(u128, &str, State)> = (timeline.events().iter())
            .map(|event| (event.time.as_millis(), event.span.name.as_str(), event.state))
            .collect();
        assert_eq!(
            events,
            [
                (0, "worker:0:0", State::Running),
                (0, "S::new", State::Pending),
                (1, "S::new", State::Queued),
                (1, "S::new", State::Running),
                (1, "u8", State::Pending),
                (1, "S::solve", State::Pending),
                (1, "S::solve", State::Queued),
                (2, "S::new", State::Done),
                (2, "u8", State::Done),
                (2, "S::solve", State::Running),
                (4, "S::solve", State::Failed),
                (6, "S::new", State::Freed),
                (6, "u8", State::Freed),
            ]
        );
        assert_eq!(
            timeline.to_string(),
            "0.008 s: 1 workers, 1 tesserae, 1 tasks, 1 stored values, 1 of them failed"
        );
    }

    #[test]
    fn only_pages_and_traces_are_saved() {
        let refused = example().save("run.txt").unwrap_err();
        assert_eq!(refused.to_string(), "run.txt ends neither in .html nor in .json");
    }
}
