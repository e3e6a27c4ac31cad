//! The execution of a cell, from its text to its result.
//!
//! A cell is split into [steps](commands::steps). The kernel runs its own commands itself. For any other step, it
//! expands `#[tessera]`, has evcxr compile and start the step, waits for its end, and turns what was reported into the
//! result.

use crate::{
    errors::{cell_error::CellError, error_name::ErrorName, gone_variables::Cause, lost_variables, places::Changes},
    evaluation::{
        Evaluation, Measures,
        cell_outcome::{CONNECT_PATIENCE, CellOutcome},
        commands::{self, bench, steps::Step, time::Timing},
        compiler_messages::CellText,
        evaluate_items::Cell,
        request::Request,
    },
    evcxr_text::{missing_variables, shell_commands},
    mime_bundle::MimeBundle,
    session::{files, link::Report, settings::Edition},
    source::{
        carriers::{self, carried_cell::CarriedCell},
        crate_attributes::{self, Refused, WithoutAttributes},
        early_return, editions, empty_statements, identifiers, misread_code, nesting,
        preamble::{asks_for, end_of_preamble, without_commands},
        syntax,
    },
};
use evcxr::EvalOutputs;
use serde_json::Value;
use std::{
    borrow::Cow,
    collections::BTreeSet,
    time::{Duration, Instant},
};

impl Evaluation<'_> {
    /// Executes a cell and returns what it shows.
    pub(super) fn execute(&mut self, code: &str, number: u32, execution: u64) -> Result<Option<MimeBundle>, CellError> {
        self.start().map_err(kernel_error)?;
        self.run_start_up_files_once(execution)?;
        self.follow_debugger()?;
        self.measures = Measures::default();
        let result = self.execute_code(code, number, execution);
        if result.is_ok() || self.measures.timing.is_some() {
            self.show_time();
            self.show_profile();
        }
        self.end_profile()?;
        result
    }

    /// Executes the text of a cell in a session that has started.
    pub(super) fn execute_code(
        &mut self,
        code: &str,
        number: u32,
        execution: u64,
    ) -> Result<Option<MimeBundle>, CellError> {
        self.number = number;
        self.executed_cells.keep(number, code);
        if let Some(error) = nesting::check(&without_commands(code)) {
            return Err(CellError::from_syntax(&error, code, number));
        }
        let code = &*self.with_raw_names(code)?;
        let code = &*misread_code::kept(code, |name| self.knows(&identifiers::normalized_name(name)));
        let code = &*identifiers::normalized(code);
        if let Some(error) = syntax::check(&without_commands(code)) {
            return Err(CellError::from_syntax(&error, code, number));
        }
        match crate_attributes::taken_out(&without_commands(code), self.session()?.is_stable) {
            Ok(None) => self.execute_steps(code, code, number, execution),
            Ok(Some(without)) => self.execute_with_attributes(&without, code, number, execution),
            Err(refused) => {
                let Refused { range, reason } = refused;
                Err(CellError::at(ErrorName::Compilation, code, number, range, &reason, &[]))
            }
        }
    }

    /// Returns a cell as edition 2024 reads it, if it is one of edition 2021.
    fn with_raw_names<'c>(&mut self, code: &'c str) -> Result<Cow<'c, str>, CellError> {
        if !editions::may_have_new_keywords(code) {
            return Ok(Cow::Borrowed(code));
        }
        let settings = files::SETTINGS.read(self.session()?.directory()).unwrap_or_default();
        Ok(match editions::asked_for(code).unwrap_or(settings.edition) {
            Edition::Edition2021 => editions::with_raw_names(code),
            Edition::Edition2024 => Cow::Borrowed(code),
        })
    }

    /// Executes a cell that sets attributes of the crate. They hold from then on, unless the cell does not compile.
    fn execute_with_attributes(
        &mut self,
        without: &WithoutAttributes,
        code: &str,
        number: u32,
        execution: u64,
    ) -> Result<Option<MimeBundle>, CellError> {
        let commands = end_of_preamble(code);
        let rest = &without.text[commands..];
        // An empty statement stands where there is no code, so that rustc sees the attributes.
        let rest = if rest.trim().is_empty() { "{}" } else { rest };
        let text = format!("{}{rest}", &code[..commands]);
        let added = self.session()?.add_crate_attributes(&without.attributes);
        let before = added.map_err(kernel_error)?;
        for notice in &without.notices {
            self.notice(notice);
        }
        let result = self.execute_steps(&text, code, number, execution);
        if matches!(&result, Err(error) if error.ename == ErrorName::Compilation) {
            self.session()?.set_crate_attributes(&before).map_err(kernel_error)?;
        }
        result
    }

    /// Executes the steps of a cell. `text` is what remains of its `code`.
    fn execute_steps(
        &mut self,
        text: &str,
        code: &str,
        number: u32,
        execution: u64,
    ) -> Result<Option<MimeBundle>, CellError> {
        let steps = commands::steps::steps(text, &self.session()?.built_in_versions());
        let place = self.session()?.places.name(number);
        let mut shown = MimeBundle::new();
        for step in steps.map_err(|refusal| refusal.error(code, number))? {
            let more = match step {
                Step::Evcxr(text) => {
                    let cell = Cell {
                        code,
                        number,
                        name: &place,
                    };
                    self.execute_step(&text, &cell, execution)?
                }
                Step::Kernel(command) => command.run(self, execution)?,
            };
            commands::append(&mut shown, more);
        }
        Ok(Some(shown).filter(|shown| !shown.is_empty()))
    }

    /// Executes a step of a cell. Its text has the lines of the cell that belong to the step, and blank lines for the
    /// others.
    fn execute_step(&mut self, text: &str, cell: &Cell, execution: u64) -> Result<MimeBundle, CellError> {
        let Cell { code, number, .. } = *cell;
        let expansion = mosaic_expand::expand_cell_after(text, &self.session()?.tesserae())
            .map_err(|errors| CellError::from_expansion(&errors, code, number))?;
        let source = expansion.as_ref().map_or(text, |expansion| expansion.source());
        let source = self.session()?.with_versions_kept(source);
        if let Some(at) = text.find(carriers::RESERVED) {
            return Err(reserved(at, code, number));
        }
        let source = empty_statements::blanked(&source);
        let source = early_return::rewritten(&source);
        if asks_for(&source, ":dep") {
            self.session()?.expect_crates().map_err(kernel_error)?;
        }
        if shell_commands::restarts(&source) {
            let lost = self.variables.usable(self.believed_variables());
            self.gone_variables.note(&lost, number, Cause::Restarted);
            self.drop_variables_or_tell();
            // evcxr goes on believing in all variables.
            self.variables.lose_all();
        }
        let believed: BTreeSet<String> = self.believed_variables().map(str::to_owned).collect();
        let variables = self.variables.usable(self.believed_variables());
        let missing = self.missing_variables();
        self.types.clear();
        let begun = Instant::now();
        let (carried, result, mut outcome) = self.evaluate_items(&source, expansion.as_ref(), cell, execution)?;
        let cell = CellText {
            text,
            code,
            number,
            changes: Changes {
                expansion: expansion.as_ref(),
                carried: carried.as_ref(),
            },
            compiled: carried.as_ref().map_or(&*source, CarriedCell::source),
        };
        self.note_measures(&mut outcome, begun.elapsed());
        let died = outcome.died || matches!(result, Err(evcxr::Error::SubprocessTerminated(_)));
        let redefined = redefined_variables(&outcome.reports);
        let shown = match result {
            Ok(_) if outcome.died => Err(self.replace_process(&variables)),
            Ok(outputs) => {
                self.show_timing(&outputs, begun.elapsed(), outcome.ran);
                self.show_warnings(&cell);
                if text.contains("return") {
                    self.show_not_kept(&missing);
                }
                self.result(outcome.reports, &variables, outputs)
            }
            Err(evcxr::Error::SubprocessTerminated(status)) => Err(CellError::process_ended(&status, &variables)),
            // evcxr takes a compiler that the interrupt has ended for an error of the cell.
            Err(_) if self.execution_state.interrupts() > 0 => Err(CellError::interrupted_before_it_ran()),
            Err(error) => Err(bench::explained(self.explain(&error, &cell), text)),
        };
        let cause = match &shown {
            _ if died => Cause::ProcessEnded,
            Ok(_) => Cause::Moved,
            Err(_) => Cause::TakenAndFailed,
        };
        self.note_gone_variables(&believed, &variables, &redefined, cause);
        shown
    }

    /// Notes what was measured of code that took so long with its compilation.
    fn note_measures(&mut self, outcome: &mut CellOutcome, took: Duration) {
        self.note_profile(&mut outcome.reports);
        if outcome.has_run {
            self.measures.timing = Some(Timing {
                compiled: took.saturating_sub(outcome.ran),
                ran: outcome.ran,
                cpu: outcome.cpu,
            });
        }
    }

    /// Notes which of the variables that were `usable` before the cell went with it, and which of its own the cell did
    /// not store. evcxr `believed` in these variables before the cell. `cause` holds for variables whose types were not
    /// `redefined`.
    fn note_gone_variables(
        &mut self,
        believed: &BTreeSet<String>,
        usable: &BTreeSet<String>,
        redefined: &BTreeSet<String>,
        cause: Cause,
    ) {
        let believed_now: BTreeSet<String> = self.believed_variables().map(str::to_owned).collect();
        let usable_now = match cause {
            Cause::ProcessEnded => BTreeSet::new(),
            _ => self.variables.usable(believed_now.iter().map(String::as_str)),
        };
        let (gone, number) = (&mut self.gone_variables, self.number);
        let lost = usable.difference(&usable_now);
        let (of_redefined, lost): (Vec<&String>, Vec<&String>) = lost.partition(|name| redefined.contains(*name));
        gone.note(of_redefined, number, Cause::TypeRedefined);
        gone.note(lost, number, cause);
        let new = believed_now.difference(believed);
        let not_stored: Vec<&String> = new.filter(|name| !usable_now.contains(*name)).collect();
        gone.note(not_stored, number, Cause::NotStored);
        gone.forget(&usable_now);
    }

    /// Has evcxr compile and start a text, and waits until the text has run.
    pub(super) fn evaluate(
        &mut self,
        source: &str,
        execution: u64,
    ) -> Result<(Result<EvalOutputs, evcxr::Error>, CellOutcome), CellError> {
        let source = shell_commands::mark_commands(source, &self.processes.shell_commands(execution));
        self.begin(execution)?;
        let result = self.execute_text(&source)?;
        Ok((result, self.follow()))
    }

    /// Prepares the cell process and the rustc wrapper for an execution.
    fn begin(&mut self, execution: u64) -> Result<(), CellError> {
        self.execution_state.set_evaluating();
        self.stop_if_interrupted()?;
        // After a cell that ended its process, evcxr has just started another one.
        self.link.wait(CONNECT_PATIENCE);
        self.link.begin(execution);
        self.expect_profile()?;
        let mut outcome = CellOutcome::default();
        self.catch_up(&mut outcome);
        outcome
            .reports
            .retain(|report| matches!(report, Report::OutputLost { .. }));
        if let Some(error) = CellError::from_reports(&outcome.reports, &self.executed_cells) {
            return Err(error);
        }
        if let Some(session) = &self.session {
            missing_variables::tell(session.directory(), &self.missing_variables())
                .map_err(|error| CellError::new(ErrorName::Kernel, format!("cannot write for rustc: {error}")))?;
        }
        Ok(())
    }

    /// Returns the result of a cell that evcxr has started, by what the cell reported.
    fn result(
        &self,
        reports: Vec<Report>,
        variables: &BTreeSet<String>,
        outputs: EvalOutputs,
    ) -> Result<MimeBundle, CellError> {
        let taken = self.variables.taken(variables);
        if reports.contains(&Report::Interrupted) {
            return Err(CellError::interrupted(&taken));
        }
        let Some(error) = CellError::from_reports(&reports, &self.executed_cells) else {
            return Ok(bundle(outputs, reports));
        };
        if let Some(loss) = lost_variables::taken(&taken) {
            self.notice(&loss);
        }
        Err(error)
    }

    /// Shows which of its variables a cell that may have ended early did not keep. Those `before` it were missing
    /// already.
    fn show_not_kept(&self, before: &BTreeSet<String>) {
        let missing = self.missing_variables();
        if let Some(loss) = lost_variables::not_kept(&missing.difference(before).cloned().collect()) {
            self.notice(&loss);
        }
    }

    /// Has evcxr start another cell process in the place of one that has died. Returns the error that says what was
    /// lost.
    fn replace_process(&mut self, lost: &BTreeSet<String>) -> CellError {
        let status = lost_variables::status(self.execution_state.wait_for_exit());
        let shuts_down = self.inbox.waits(|request| matches!(request, Request::Shutdown { .. }));
        if !shuts_down && let Some(session) = &mut self.session {
            if let Err(error) = session.context.execute(":restart") {
                tracing::error!("no new cell process: {error}");
            }
            self.catch_up(&mut CellOutcome::default());
        }
        self.variables.lose_all();
        if self.execution_state.interrupts() > 0 {
            CellError::process_replaced(lost)
        } else {
            CellError::process_ended(&status, lost)
        }
    }

    /// Shows how long a cell took, if `:timing` asks for it. evcxr itself knows only how long it took to start the
    /// cell.
    fn show_timing(&self, outputs: &EvalOutputs, took: Duration, ran: Duration) {
        if outputs.timing.is_some() && !outputs.phases.is_empty() {
            let compiled = took.saturating_sub(ran);
            let [took, compiled, ran] = [took, compiled, ran].map(|it| it.as_secs_f64());
            self.notice(&format!(
                "took {took:.3} s: {compiled:.3} s to compile, {ran:.3} s to run"
            ));
        }
    }
}

/// Returns the variables that a cell dropped since their types were redefined.
fn redefined_variables(reports: &[Report]) -> BTreeSet<String> {
    let lost = reports.iter().filter_map(|report| match report {
        Report::VariableLost { name } => Some(name.clone()),
        _ => None,
    });
    lost.collect()
}

/// Returns the error of a kernel that cannot execute any cell.
pub(super) fn kernel_error(error: anyhow::Error) -> CellError {
    CellError::new(ErrorName::Kernel, format!("{error:#}"))
}

/// Returns the error of a cell that has the mark of carriers in its text.
fn reserved(at: usize, code: &str, number: u32) -> CellError {
    let range = at..at + carriers::RESERVED.len();
    let help = ["choose another name, or write the text in two parts".to_owned()];
    let title = format!("`{}` is reserved for the kernel", carriers::RESERVED);
    CellError::at(ErrorName::Compilation, code, number, range, &title, &help)
}

/// Collects what evcxr's commands show, and the value of the last expression.
fn bundle(outputs: EvalOutputs, reports: Vec<Report>) -> MimeBundle {
    let mut bundle: MimeBundle = outputs
        .content_by_mime_type
        .into_iter()
        // The kernel's own shell commands show nothing.
        .filter(|(_, content)| !content.is_empty())
        .map(|(mime, content)| (mime, Value::String(content)))
        .collect();
    for report in reports {
        if let Report::Result { mime, content } = report {
            bundle.insert(mime, Value::String(content));
        }
    }
    bundle
}
