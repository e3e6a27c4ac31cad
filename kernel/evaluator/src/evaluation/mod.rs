//! The thread in which evcxr evaluates cells, one request after the other.
//!
//! evcxr has done its part when a cell begins to run. The thread then waits for the cell's end on a link of its own. What
//! users want to know of their code is asked of the [code_help](crate::code_help::thread).

pub(crate) mod cell_outcome;
pub(crate) mod commands;
pub(crate) mod execution_state;
pub(crate) mod idle_work;
pub(crate) mod inbox;
pub(crate) mod infer_types;
pub(crate) mod interrupt;
pub(crate) mod kernel_commands;
pub(crate) mod request;
pub(crate) mod start;
pub(crate) mod stored_variables;

use crate::{
    MimeBundle,
    code_help::thread::{CodeHelp, Notebook},
    errors::{cell_error::CellError, lost_variables},
    evaluation::{
        cell_outcome::CellOutcome,
        commands::Step,
        execution_state::ExecutionState,
        idle_work::IdleWork,
        inbox::{Awaited, Inbox},
        kernel_commands::CellText,
        request::{Options, Request},
        start::Started,
        stored_variables::StoredVariables,
    },
    evcxr_text::{missing_variables, shell_commands},
    session::link::{Instruction, Link, Report},
    source::{
        preamble::{asks_for, without_commands},
        syntax,
    },
};
use anyhow::{Context, Result};
use evcxr::{CommandContext, EvalOutputs};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    mem,
    os::fd::OwnedFd,
    panic::{AssertUnwindSafe, catch_unwind},
    process,
    time::{Duration, Instant},
};

/// How long a new cell process may take to say that it is there.
const CONNECT_PATIENCE: Duration = Duration::from_secs(2);
/// The thread's body.
pub(crate) fn run(
    options: Options,
    link: Link,
    inbox: Inbox,
    notices: OwnedFd,
    code_help: CodeHelp,
    shared: &ExecutionState,
) {
    let mut evaluation = Evaluation {
        options,
        link,
        inbox,
        notices,
        code_help,
        shared,
        started: None,
        variables: StoredVariables::default(),
        types: BTreeMap::new(),
        idle_work: IdleWork::default(),
    };
    if let Err(error) = evaluation.start() {
        // CellText with the first cell, which tries again.
        tracing::error!("{error:#}");
    }
    evaluation.tell_code_help();
    loop {
        let request = match evaluation.inbox.request(evaluation.idle_work.patience()) {
            Awaited::Request(request) => request,
            Awaited::Nothing => {
                evaluation.use_leisure();
                continue;
            }
            Awaited::End => return,
        };
        match request {
            Request::Execute {
                code,
                number,
                execution,
                reply,
            } => {
                let result = evaluation.guarded(|it| it.execute(&code, number, execution));
                evaluation.code_help.await_notebook();
                let _ = reply.send(result);
                evaluation.tell_code_help();
                evaluation.find_leisure();
            }
            Request::Shutdown { reply } => {
                evaluation.link.send(&Instruction::End);
                // Not dropped: taking rust-analyzer's tables apart can take longer than clients wait for our end.
                mem::forget(evaluation);
                shared.kill_cell_process();
                shared.wait_for_exit();
                shared.remove_session();
                let _ = reply.send(());
                return;
            }
        }
    }
}

struct Evaluation<'a> {
    options: Options,
    link: Link,
    inbox: Inbox,
    notices: OwnedFd,
    code_help: CodeHelp,
    shared: &'a ExecutionState,
    started: Option<Started>,
    variables: StoredVariables,
    /// The types of the cell's variables as rustc shows them, as far as it was asked.
    types: BTreeMap<String, String>,
    idle_work: IdleWork,
}

impl Evaluation<'_> {
    /// What `evaluate` returns. If evcxr panicked, the next request starts it anew.
    fn guarded<T>(&mut self, evaluate: impl FnOnce(&mut Self) -> Result<T, CellError>) -> Result<T, CellError> {
        catch_unwind(AssertUnwindSafe(|| evaluate(self))).unwrap_or_else(|_| {
            // What evcxr held may be half changed.
            self.started = None;
            Err(CellError::evaluator_panicked())
        })
    }

    /// evcxr, started now if that has not succeeded yet.
    fn start(&mut self) -> Result<&mut CommandContext> {
        if self.started.is_none() {
            let started = Started::new(&self.options, &self.link, self.shared, &|line| self.notice(line))?;
            self.shared.set_process(started.context.process_handle());
            // Processes that ended while a template was built are of no interest.
            self.inbox.take_reports();
            self.variables.forget();
            self.started = Some(started);
        }
        self.context()
    }

    fn context(&mut self) -> Result<&mut CommandContext> {
        let started = self.started.as_mut().context("evcxr is not started")?;
        Ok(&mut started.context)
    }

    /// Tells the user something on the cells' standard error.
    fn notice(&self, line: &str) {
        tracing::info!("{line}");
        if let Err(error) = rustix::io::write(&self.notices, format!("{line}\n").as_bytes()) {
            tracing::warn!("cannot tell the notebook: {error}");
        }
    }

    fn execute(&mut self, code: &str, number: u32, execution: u64) -> Result<Option<MimeBundle>, CellError> {
        self.start()
            .map_err(|error| CellError::new("KernelError", format!("{error:#}")))?;
        if let Some(error) = syntax::check(&without_commands(code)) {
            return Err(CellError::from_syntax(&error, code, number));
        }
        let steps = commands::steps(code, &self.session()?.built_in_versions());
        let mut shown = MimeBundle::new();
        for step in steps.map_err(|refusal| refusal.error(code, number))? {
            let more = match step {
                Step::Evcxr(text) => self.run(&text, code, number, execution)?,
                Step::Kernel(command) => self.command(&command, execution)?,
            };
            commands::merge(&mut shown, more);
        }
        Ok(Some(shown).filter(|shown| !shown.is_empty()))
    }

    /// Runs a part of a cell: a text with the lines of the cell that are in it, and blank ones for the others.
    fn run(&mut self, text: &str, code: &str, number: u32, execution: u64) -> Result<MimeBundle, CellError> {
        let expansion = mosaic_expand::expand_cell_after(text, &self.session()?.tesserae())
            .map_err(|errors| CellError::from_expansion(&errors, code, number))?;
        let source = expansion.as_ref().map_or(text, |expansion| expansion.source());
        let source = self.session()?.with_versions_kept(source);
        if asks_for(&source, ":dep") {
            let expected = self.session()?.expect_crates();
            expected.map_err(|error| CellError::new("KernelError", format!("{error:#}")))?;
        }
        if shell_commands::restarts(&source) {
            // evcxr goes on believing in all variables.
            self.variables.lose_all();
        }
        let variables = self.variables.usable(self.believed_variables());
        self.types.clear();
        let begun = Instant::now();
        let (result, outcome) = self.evaluate(&source, execution)?;
        let cell = CellText {
            text,
            code,
            number,
            expansion: expansion.as_ref(),
        };
        match result {
            Ok(_) if outcome.died => Err(self.replace_process(&variables)),
            Ok(outputs) => {
                self.tell_timing(&outputs, begun.elapsed(), outcome.ran);
                self.tell_warnings(&cell);
                self.outcome(outcome.reports, &variables, outputs)
            }
            Err(evcxr::Error::SubprocessTerminated(status)) => Err(CellError::process_ended(&status, &variables)),
            // evcxr takes for an error what ended because it was to end.
            Err(_) if self.shared.interrupts() > 0 => Err(CellError::interrupted_before_it_ran()),
            Err(error) => Err(self.explain(&error, &cell)),
        }
    }

    /// How a cell ended that evcxr compiled, by what it reported.
    fn outcome(
        &self,
        reports: Vec<Report>,
        variables: &BTreeSet<String>,
        outputs: EvalOutputs,
    ) -> Result<MimeBundle, CellError> {
        let taken = self.variables.taken(variables);
        if reports.contains(&Report::Interrupted) {
            return Err(CellError::interrupted(&taken));
        }
        let Some(error) = CellError::from_reports(&reports) else {
            return Ok(bundle(outputs, reports));
        };
        if let Some(loss) = lost_variables::taken(&taken) {
            self.notice(&loss);
        }
        Err(error)
    }

    /// Has evcxr evaluate a text, and waits for its end.
    fn evaluate(
        &mut self,
        source: &str,
        execution: u64,
    ) -> Result<(Result<EvalOutputs, evcxr::Error>, CellOutcome), CellError> {
        let source = shell_commands::mark_commands(source, process::id());
        self.begin(execution)?;
        let result = self.execute_text(&source)?;
        Ok((result, self.follow()))
    }

    fn session(&mut self) -> Result<&mut Started, CellError> {
        self.started.as_mut().ok_or_else(CellError::ended)
    }

    /// Makes everything ready for an execution: the cell process, and the wrapper of rustc.
    fn begin(&mut self, execution: u64) -> Result<(), CellError> {
        self.shared.set_evaluating();
        self.go_on()?;
        // After a cell that ended its process, evcxr has just started another one.
        self.link.wait(CONNECT_PATIENCE);
        self.link.begin(execution);
        let mut outcome = CellOutcome::default();
        self.catch_up(&mut outcome);
        outcome
            .reports
            .retain(|report| matches!(report, Report::OutputLost { .. }));
        if let Some(error) = CellError::from_reports(&outcome.reports) {
            return Err(error);
        }
        if let Some(started) = &self.started {
            missing_variables::tell(started.directory(), &self.missing_variables())
                .map_err(|error| CellError::new("KernelError", format!("cannot write for rustc: {error}")))?;
        }
        Ok(())
    }

    /// Has evcxr start another cell process, and says what that costs.
    fn replace_process(&mut self, lost: &BTreeSet<String>) -> CellError {
        let status = lost_variables::status(self.shared.wait_for_exit());
        let ending = self.inbox.waits(|request| matches!(request, Request::Shutdown { .. }));
        if !ending && let Ok(context) = self.context() {
            if let Err(error) = context.execute(":restart") {
                tracing::error!("no new cell process: {error}");
            }
            self.catch_up(&mut CellOutcome::default());
        }
        self.variables.lose_all();
        if self.shared.interrupts() > 0 {
            CellError::process_replaced(lost)
        } else {
            CellError::process_ended(&status, lost)
        }
    }

    /// Returns the names of the variables that evcxr believes in.
    fn believed_variables(&self) -> impl Iterator<Item = &str> {
        let contexts = self.started.iter().map(|started| &started.context);
        contexts.flat_map(|context| context.variables_and_types().map(|(name, _)| name))
    }

    /// Returns the variables that evcxr believes in and that no cell process stores.
    fn missing_variables(&self) -> BTreeSet<String> {
        self.variables.missing(self.believed_variables())
    }

    /// What `:timing` asks for. evcxr itself knows only how long it took until the cell began.
    fn tell_timing(&self, outputs: &EvalOutputs, took: Duration, ran: Duration) {
        if outputs.timing.is_some() && !outputs.phases.is_empty() {
            let compiled = took.saturating_sub(ran);
            let [took, compiled, ran] = [took, compiled, ran].map(|it| it.as_secs_f64());
            self.notice(&format!(
                "took {took:.3} s: {compiled:.3} s to compile, {ran:.3} s to run"
            ));
        }
    }

    /// Tells the code help thread what a cell may refer to.
    fn tell_code_help(&mut self) {
        let missing = self.missing_variables();
        let notebook = self.started.as_mut().and_then(|started| {
            let directory = started.directory().to_owned();
            let of_context = || Notebook::of(&mut started.context, directory, &missing);
            // evcxr's rust-analyzer may panic over what a cell has defined.
            catch_unwind(AssertUnwindSafe(of_context)).ok().flatten()
        });
        self.code_help.take_notebook(notebook);
    }
}

/// Whether evcxr asks rust-analyzer for anything but names to evaluate a text: the types of the variables that it defines.
fn needs_types(source: &str) -> bool {
    let is_of_a_word = |c: char| c.is_alphanumeric() || c == '_';
    source.split(|c| !is_of_a_word(c)).any(|word| word == "let")
}

/// What evcxr's commands show, and the value of the last expression.
fn bundle(outputs: EvalOutputs, reports: Vec<Report>) -> MimeBundle {
    let mut bundle: MimeBundle = outputs
        .content_by_mime_type
        .into_iter()
        // Nothing is what our own shell commands say.
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
