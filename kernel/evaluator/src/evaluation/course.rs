//! What becomes of a cell after evcxr has done its part: its process reports it on a link of its own.

use super::{CONNECT_PATIENCE, Evaluation};
use crate::link::{Order, Report};
use std::{collections::BTreeSet, time::Duration};

/// A cell that takes longer is not waited for only.
const SHORT: Duration = Duration::from_millis(50);
/// How often a cell process is looked after that says nothing. Usually its socket tells of its end; a process that it
/// started may hold that open.
const LOOK_AFTER: Duration = Duration::from_secs(1);

/// What became of a cell after evcxr had done its part.
#[derive(Default)]
pub(super) struct Course {
    pub(super) reports: Vec<Report>,
    /// It began and has not ended.
    pub(super) running: bool,
    /// How long it ran.
    pub(super) ran: Duration,
    /// Its process is gone.
    pub(super) died: bool,
}

impl Evaluation<'_> {
    /// Waits until the cell, if one runs, has ended.
    pub(super) fn follow(&mut self) -> Course {
        let mut course = Course::default();
        self.catch_up(&mut course);
        if course.running {
            // evcxr has just found out which of them are gone; the others are those that the cell defines.
            self.absent.clear();
        }
        let mut patience = SHORT;
        while course.running && !course.died {
            match self.inbox.report_within(patience) {
                Some((number, report)) => self.note(&mut course, number, report),
                None if self.shared.exit_status().is_some() => self.link.cut(),
                // It may go on for long: users want to know of its variables.
                None => {
                    self.tell_analyst();
                    patience = LOOK_AFTER;
                }
            }
        }
        course
    }

    /// Takes in everything that has been reported until now.
    pub(super) fn catch_up(&mut self, course: &mut Course) {
        loop {
            if let Some(process) = self.link.send(&Order::Answer) {
                while let Some((number, report)) = self.inbox.report() {
                    let done = number == process && matches!(report, Report::Answered | Report::Closed);
                    self.note(course, number, report);
                    if done {
                        return;
                    }
                }
                return;
            }
            // Between two processes, unless the one that runs the cell is gone.
            for (number, report) in self.inbox.take_reports() {
                self.note(course, number, report);
            }
            if course.running || course.died || !self.link.wait(CONNECT_PATIENCE) {
                course.died |= course.running;
                return;
            }
        }
    }

    fn note(&mut self, course: &mut Course, process: u64, report: Report) {
        if process != self.process {
            // A new process knows no variables yet.
            self.process = process;
            self.stored = Some(BTreeSet::new());
        }
        match report {
            Report::Answered => {}
            Report::Began => course.running = true,
            Report::Ended { stored, ran } => {
                course.running = false;
                course.ran = ran;
                if let Some(stored) = stored {
                    self.stored = Some(stored.into_iter().collect());
                }
            }
            Report::Closed => course.died = course.running,
            report => course.reports.push(report),
        }
    }
}
