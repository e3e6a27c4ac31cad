//! The thread in which evcxr evaluates cells, one request after the other.
//!
//! evcxr has done its part when a cell begins to run. The thread then waits for the cell's end on a link of its own. What
//! users want to know of their code is asked of the [analyst](crate::analyst).

mod course;
mod leisure;
mod own;
mod typing;

use crate::{
    MimeBundle, absent,
    analyst::{Analyst, Notebook},
    commands::{self, Step},
    inbox::{Awaited, Inbox},
    link::{Link, Order, Report},
    loss,
    preamble::{asks_for, without_commands},
    report::CellError,
    request::{Options, Request},
    shared::Shared,
    shell,
    start::Started,
    syntax,
};
use anyhow::{Context, Result};
use course::Course;
use evcxr::{CommandContext, EvalOutputs};
use leisure::Leisure;
use own::Told;
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
pub(crate) fn run(options: Options, link: Link, inbox: Inbox, notices: OwnedFd, analyst: Analyst, shared: &Shared) {
    let mut evaluation = Evaluation {
        options,
        link,
        inbox,
        notices,
        analyst,
        shared,
        started: None,
        process: 0,
        stored: None,
        absent: BTreeSet::new(),
        types: BTreeMap::new(),
        leisure: Leisure::default(),
    };
    if let Err(error) = evaluation.start() {
        // Told with the first cell, which tries again.
        tracing::error!("{error:#}");
    }
    evaluation.tell_analyst();
    loop {
        let request = match evaluation.inbox.request(evaluation.leisure.patience()) {
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
                evaluation.analyst.await_notebook();
                let _ = reply.send(result);
                evaluation.tell_analyst();
                evaluation.find_leisure();
            }
            Request::Shutdown { reply } => {
                evaluation.link.send(&Order::End);
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
    analyst: Analyst,
    shared: &'a Shared,
    started: Option<Started>,
    /// The number of the cell process.
    process: u64,
    /// The variables that it stores, once it has said so.
    stored: Option<BTreeSet<String>>,
    /// The variables that evcxr believes in and that are not stored.
    absent: BTreeSet<String>,
    /// The types of the cell's variables as rustc shows them, as far as it was asked.
    types: BTreeMap<String, String>,
    leisure: Leisure,
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
            (self.stored, self.absent) = (None, BTreeSet::new());
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
                Step::Own(command) => self.command(&command, execution)?,
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
        if shell::restarts(&source) {
            // evcxr goes on believing in all variables.
            self.stored = Some(BTreeSet::new());
            self.find_absent();
        }
        let variables = self.variables();
        self.types.clear();
        let begun = Instant::now();
        let (result, course) = self.evaluate(&source, execution)?;
        let cell = Told {
            text,
            code,
            number,
            expansion: expansion.as_ref(),
        };
        let result = match result {
            Ok(_) if course.died => Err(self.replace_process(&variables)),
            Ok(outputs) => {
                self.tell_timing(&outputs, begun.elapsed(), course.ran);
                self.tell_warnings(&cell);
                self.outcome(course.reports, &variables, outputs)
            }
            Err(evcxr::Error::SubprocessTerminated(status)) => Err(CellError::process_ended(&status, &variables)),
            // evcxr takes for an error what ended because it was to end.
            Err(_) if self.shared.interrupts() > 0 => Err(CellError::interrupted_before_it_ran()),
            Err(error) => Err(self.explain(&error, &cell)),
        };
        self.find_absent();
        result
    }

    /// How a cell ended that evcxr compiled, by what it reported.
    fn outcome(
        &self,
        reports: Vec<Report>,
        variables: &BTreeSet<String>,
        outputs: EvalOutputs,
    ) -> Result<MimeBundle, CellError> {
        let stored = self.stored.as_ref().unwrap_or(variables);
        let taken = variables.difference(stored).cloned().collect();
        if reports.contains(&Report::Interrupted) {
            return Err(CellError::interrupted(&taken));
        }
        let Some(error) = CellError::from_reports(&reports) else {
            return Ok(bundle(outputs, reports));
        };
        if let Some(loss) = loss::taken(&taken) {
            self.notice(&loss);
        }
        Err(error)
    }

    /// Has evcxr evaluate a text, and waits for its end.
    fn evaluate(
        &mut self,
        source: &str,
        execution: u64,
    ) -> Result<(Result<EvalOutputs, evcxr::Error>, Course), CellError> {
        let source = shell::mark_commands(source, process::id());
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
        let mut course = Course::default();
        self.catch_up(&mut course);
        course
            .reports
            .retain(|report| matches!(report, Report::OutputLost { .. }));
        if let Some(error) = CellError::from_reports(&course.reports) {
            return Err(error);
        }
        self.find_absent();
        if let Some(started) = &self.started {
            absent::tell(started.directory(), &self.absent)
                .map_err(|error| CellError::new("KernelError", format!("cannot write for rustc: {error}")))?;
        }
        Ok(())
    }

    /// Has evcxr start another cell process, and says what that costs.
    fn replace_process(&mut self, lost: &BTreeSet<String>) -> CellError {
        let status = loss::status(self.shared.wait_for_exit());
        let ending = self.inbox.waits(|request| matches!(request, Request::Shutdown { .. }));
        if !ending && let Ok(context) = self.context() {
            if let Err(error) = context.execute(":restart") {
                tracing::error!("no new cell process: {error}");
            }
            self.catch_up(&mut Course::default());
        }
        self.stored = Some(BTreeSet::new());
        if self.shared.interrupts() > 0 {
            CellError::process_replaced(lost)
        } else {
            CellError::process_ended(&status, lost)
        }
    }

    fn find_absent(&mut self) {
        let Some(stored) = self.stored.clone() else { return };
        self.absent.clear();
        self.absent = self.variables().difference(&stored).cloned().collect();
    }

    /// The variables that there are.
    fn variables(&self) -> BTreeSet<String> {
        let context = self.started.iter().map(|started| &started.context);
        let names = context.flat_map(|context| context.variables_and_types().map(|(name, _)| name));
        names
            .filter(|name| !self.absent.contains(*name))
            .map(str::to_owned)
            .collect()
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

    /// Tells the analyst what a cell may refer to.
    fn tell_analyst(&mut self) {
        let absent = &self.absent;
        let notebook = self.started.as_mut().and_then(|started| {
            let directory = started.directory().to_owned();
            let of_context = || Notebook::of(&mut started.context, directory, absent);
            // evcxr's rust-analyzer may panic over what a cell has defined.
            catch_unwind(AssertUnwindSafe(of_context)).ok().flatten()
        });
        self.analyst.take_notebook(notebook);
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
