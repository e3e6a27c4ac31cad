//! What happened, and when.

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

/// Collects, once awaited, what happened to the workers, and to the tesserae, tasks and stored values that this process
/// made: some 50,000 of them, those that ended last.
///
/// Each is remembered with the times of the clock that never goes back, as its worker had them. As the last expression of
/// a cell the timeline is a picture.
///
/// ```no_run
/// # async fn cell() -> Result<(), Box<dyn std::error::Error>> {
/// let timeline = mosaic::timeline().await?;
/// timeline.save("run.html")?;     // for a browser
/// timeline.save("run.json")?;     // for Perfetto or chrome://tracing
/// for span in timeline.spans() {
///     println!("{} {} {}", span.name, span.worker.as_deref().unwrap_or("-"), span.state);
/// }
/// # Ok(())
/// # }
/// ```
pub fn timeline() -> TimelineFuture {
    TimelineFuture(Answer::to(&Query::Timeline))
}

/// Waits for the timeline; made by [`timeline`].
#[must_use = "a future does nothing until it is awaited"]
pub struct TimelineFuture(Answer<mosaic_abi::Timeline>);

impl Future for TimelineFuture {
    type Output = Result<Timeline, RuntimeError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(context).map_ok(Timeline)
    }
}

/// What happened until it was asked for.
#[derive(Clone, PartialEq, Eq)]
pub struct Timeline(mosaic_abi::Timeline);

/// A change of the state of a worker, a tessera, a task or a stored value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event<'a> {
    /// When, since the first event.
    pub time: Duration,
    /// When, as clocks on the wall have it.
    pub wall: SystemTime,
    /// Whose state changed.
    pub span: &'a Span,
    /// To which one. Tesserae are done when they are constructed, and stored values when they are stored; both are freed when
    /// this process does not refer to them any more.
    pub state: State,
}

impl Timeline {
    /// The lives of the workers, tesserae, tasks and stored values, in the order in which they began.
    pub fn spans(&self) -> &[Span] {
        &self.0.spans
    }

    /// How many of those that ended first are no longer remembered.
    pub fn forgotten(&self) -> u64 {
        self.0.forgotten
    }

    /// Every change of a state, in their order.
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

    /// Writes the timeline to a file: a page that needs nothing else where the name ends in `.html`, and a trace for
    /// Perfetto or `chrome://tracing` where it ends in `.json`.
    ///
    /// # Errors
    ///
    /// The name ends in neither, or the file cannot be written.
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

    /// The page as HTML.
    pub fn html(&self) -> String {
        html::page(self)
    }

    /// The trace as JSON, in the format of Chrome's.
    pub fn chrome_trace(&self) -> String {
        trace::json(&self.0)
    }

    /// The first and the last moment.
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

/// Tasks and tesserae for the tests.
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
