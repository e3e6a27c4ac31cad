//! The end of a cell. evcxr returns when a cell begins to run, and the cell process reports the rest on the kernel's
//! link.

use crate::{
    evaluation::Evaluation,
    session::{
        cpu_time::CpuTime,
        link::{Instruction, Report},
    },
};
use std::time::{Duration, Instant};

/// How long a new cell process may take to connect.
pub(super) const CONNECT_PATIENCE: Duration = Duration::from_secs(2);
/// How long destructors may take when `:clear` or `:restart` ends the cell process.
const DROP_PATIENCE: Duration = Duration::from_secs(3);
/// How long a cell may run before the thread does something else than wait for it.
const SHORT: Duration = Duration::from_millis(50);
/// How often the thread looks after a cell process that reports nothing. Usually its socket closes when the process
/// ends, but a process that the cell has started may hold the socket open.
const LOOK_AFTER: Duration = Duration::from_secs(1);

/// What became of a cell after evcxr had started it.
#[derive(Default)]
pub(super) struct CellOutcome {
    /// What the cell process reported, in order.
    pub(super) reports: Vec<Report>,
    /// The cell has begun and not ended.
    pub(super) running: bool,
    /// The cell has run to its end, well or not.
    pub(super) has_run: bool,
    /// How long the cell ran.
    pub(super) ran: Duration,
    /// The processor time that the cell process used meanwhile.
    pub(super) cpu: CpuTime,
    /// The cell's process is gone.
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
                Some((process, report)) => self.note(&mut outcome, process, report),
                None if self.execution_state.exit_status().is_some() => self.link.cut(),
                // The cell may go on for long, and users want completion of its variables meanwhile.
                None => {
                    self.tell_code_help();
                    patience = LOOK_AFTER;
                }
            }
        }
        self.variables.set_cell_runs(false);
        outcome
    }

    /// Has the cell process run the destructors of all variables, as at the end of `main`. Returns whether they have
    /// ended within `patience`.
    pub(super) fn drop_variables(&mut self, patience: Duration) -> bool {
        let Some(process) = self.link.send(&Instruction::DropVariables) else {
            return true;
        };
        let end = Instant::now() + patience;
        while let Some((number, report)) = self.inbox.report_within(end.saturating_duration_since(Instant::now())) {
            if number == process && matches!(report, Report::VariablesDropped | Report::Closed) {
                self.variables.lose_all();
                return true;
            }
        }
        false
    }

    /// Drops all variables before their process ends, and ends what cells have started. Says so if a destructor takes
    /// too long.
    pub(super) fn drop_variables_or_tell(&mut self) {
        if !self.drop_variables(DROP_PATIENCE) {
            self.notice(&format!(
                "a destructor did not end within {} s, so its process was ended",
                DROP_PATIENCE.as_secs()
            ));
        }
        self.processes.of_cells().end_grandchildren();
    }

    /// Notes everything that has been reported until now.
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
            // No process is connected: the cell's process is gone, or the next one has yet to connect.
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
            Report::Answered | Report::VariablesDropped | Report::Heard | Report::Loads => {}
            Report::Began => outcome.running = true,
            Report::Ended { stored, ran, cpu } => {
                outcome.running = false;
                outcome.has_run = true;
                (outcome.ran, outcome.cpu) = (ran, cpu);
                if let Some(stored) = stored {
                    self.variables.set_stored(stored);
                }
            }
            Report::Closed => outcome.died = outcome.running,
            report => outcome.reports.push(report),
        }
    }
}
