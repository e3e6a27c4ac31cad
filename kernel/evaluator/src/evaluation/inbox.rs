//! The one channel of the evaluation thread: requests of the kernel's handle, and reports of the cell process.

use crate::{evaluation::request::Request, session::link::Numbered};
use std::{
    collections::VecDeque,
    sync::mpsc::{self, RecvTimeoutError},
    time::{Duration, Instant},
};

/// A request or a report.
#[derive(Debug)]
pub(crate) enum Event {
    Request(Request),
    Report(Numbered),
}

impl From<Request> for Event {
    fn from(request: Request) -> Event {
        Event::Request(request)
    }
}

impl From<Numbered> for Event {
    fn from(report: Numbered) -> Event {
        Event::Report(report)
    }
}

/// The outcome of waiting for a request.
#[derive(Debug)]
pub(crate) enum Awaited {
    Request(Request),
    /// No request came in time.
    Nothing,
    /// No request can come any more.
    End,
}

/// The receiving end. Waiting for requests keeps reports for later, in order, and the other way round.
pub(crate) struct Inbox {
    events: mpsc::Receiver<Event>,
    requests: VecDeque<Request>,
    reports: VecDeque<Numbered>,
}

impl Inbox {
    pub(crate) fn new(events: mpsc::Receiver<Event>) -> Inbox {
        Inbox {
            events,
            requests: VecDeque::new(),
            reports: VecDeque::new(),
        }
    }

    /// Waits for a request, for `patience` at most, or without a limit.
    pub(crate) fn request(&mut self, patience: Option<Duration>) -> Awaited {
        loop {
            if let Some(request) = self.requests.pop_front() {
                return Awaited::Request(request);
            }
            let event = match patience {
                Some(patience) => self.events.recv_timeout(patience),
                None => self.events.recv().map_err(RecvTimeoutError::from),
            };
            match event {
                Ok(event) => self.keep(event),
                Err(RecvTimeoutError::Timeout) => return Awaited::Nothing,
                Err(RecvTimeoutError::Disconnected) => return Awaited::End,
            }
        }
    }

    /// Waits for a report. Returns nothing when no report can come any more.
    pub(crate) fn report(&mut self) -> Option<Numbered> {
        loop {
            if let Some(report) = self.reports.pop_front() {
                return Some(report);
            }
            let event = self.events.recv().ok()?;
            self.keep(event);
        }
    }

    /// Waits for a report, for `patience` at most.
    pub(crate) fn report_within(&mut self, patience: Duration) -> Option<Numbered> {
        let end = Instant::now() + patience;
        loop {
            if let Some(report) = self.reports.pop_front() {
                return Some(report);
            }
            let event = self.events.recv_timeout(end.saturating_duration_since(Instant::now()));
            self.keep(event.ok()?);
        }
    }

    /// Takes the reports that have arrived.
    pub(crate) fn take_reports(&mut self) -> Vec<Numbered> {
        while let Ok(event) = self.events.try_recv() {
            self.keep(event);
        }
        self.reports.drain(..).collect()
    }

    /// Returns whether a request that `is` picks has arrived.
    pub(crate) fn waits(&mut self, is: fn(&Request) -> bool) -> bool {
        while let Ok(event) = self.events.try_recv() {
            self.keep(event);
        }
        self.requests.iter().any(is)
    }

    fn keep(&mut self, event: Event) {
        match event {
            Event::Request(request) => self.requests.push_back(request),
            Event::Report(report) => self.reports.push_back(report),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::link::Report;
    use tokio::sync::oneshot;

    #[test]
    fn requests_and_reports_are_kept_in_order_until_they_are_awaited() {
        let (sender, events) = mpsc::channel::<Event>();
        let mut inbox = Inbox::new(events);
        let shutdown = || {
            Event::Request(Request::Shutdown {
                reply: oneshot::channel().0,
            })
        };
        let send = |event: Event| sender.send(event).unwrap();
        send(shutdown());
        send((1, Report::Began).into());
        send((1, Report::Answered).into());
        assert_eq!(inbox.report(), Some((1, Report::Began)));
        let is_shutdown = |request: &Request| matches!(request, Request::Shutdown { .. });
        assert!(inbox.waits(is_shutdown));
        assert_eq!(inbox.report_within(Duration::ZERO), Some((1, Report::Answered)));
        assert_eq!(inbox.report_within(Duration::ZERO), None);
        assert!(matches!(
            inbox.request(None),
            Awaited::Request(Request::Shutdown { .. })
        ));
        assert!(matches!(inbox.request(Some(Duration::ZERO)), Awaited::Nothing));
        send((2, Report::Closed).into());
        assert_eq!(inbox.take_reports(), [(2, Report::Closed)]);
    }
}
