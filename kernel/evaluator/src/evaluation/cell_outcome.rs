//! What becomes of a cell after evcxr has done its part: its process reports it on a link of its own.

use crate::{
    evaluation::{CONNECT_PATIENCE, Evaluation},
    session::link::{Instruction, Report},
};
use std::time::Duration;

/// A cell that takes longer is not waited for only.
const SHORT: Duration = Duration::from_millis(50);
/// How often a cell process is looked after that says nothing. Usually its socket tells of its end; a process that it
/// started may hold that open.
const LOOK_AFTER: Duration = Duration::from_secs(1);

/// What became of a cell after evcxr had done its part.
#[derive(Default)]
pub(super) struct CellOutcome {
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
    pub(super) fn follow(&mut self) -> CellOutcome {
        let mut outcome = CellOutcome::default();
        self.catch_up(&mut outcome);
        self.variables.set_cell_runs(outcome.running);
        let mut patience = SHORT;
        while outcome.running && !outcome.died {
            match self.inbox.report_within(patience) {
                Some((number, report)) => self.note(&mut outcome, number, report),
                None if self.shared.exit_status().is_some() => self.link.cut(),
                // It may go on for long: users want to know of its variables.
                None => {
                    self.tell_code_help();
                    patience = LOOK_AFTER;
                }
            }
        }
        self.variables.set_cell_runs(false);
        outcome
    }

    /// Takes in everything that has been reported until now.
    pub(super) fn catch_up(&mut self, outcome: &mut CellOutcome) {
        loop {
            if let Some(process) = self.link.send(&Instruction::Answer) {
                while let Some((number, report)) = self.inbox.report() {
                    let done = number == process && matches!(report, Report::Answered | Report::Closed);
                    self.note(outcome, number, report);
                    if done {
                        return;
                    }
                }
                return;
            }
            // Between two processes, unless the one that runs the cell is gone.
            for (number, report) in self.inbox.take_reports() {
                self.note(outcome, number, report);
            }
            if outcome.running || outcome.died || !self.link.wait(CONNECT_PATIENCE) {
                outcome.died |= outcome.running;
                return;
            }
        }
    }

    fn note(&mut self, outcome: &mut CellOutcome, process: u64, report: Report) {
        self.variables.note_process(process);
        match report {
            Report::Answered => {}
            Report::Began => outcome.running = true,
            Report::Ended { stored, ran } => {
                outcome.running = false;
                outcome.ran = ran;
                if let Some(stored) = stored {
                    self.variables.set_stored(stored);
                }
            }
            Report::Closed => outcome.died = outcome.running,
            report => outcome.reports.push(report),
        }
    }
}
