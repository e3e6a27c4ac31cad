//! The evaluation thread, in which evcxr evaluates one cell after the other.
//!
//! [`run`] is the body of the thread: it takes requests from its [`inbox`] until the kernel shuts down. Each file is
//! about one thing:
//!
//! | file | about |
//! | --- | --- |
//! | [`execute`] | a request to execute a cell, from the cell's text to its result |
//! | [`commands`] | the lines before a cell's code that begin with `:` |
//! | [`start_up`] | the user's start-up files, which run before the first cell |
//! | [`evaluate_items`] | the code of a cell, whose items are carried and whose parts know their places |
//! | [`infer_types`] | the types of a cell's variables, which evcxr must know before it compiles the cell |
//! | [`cell_outcome`] | the end of a cell: evcxr returns when a cell begins, and the cell process reports the rest |
//! | [`stored_variables`] | how variables are kept between cells |
//! | [`cell_places`] | the places of code in cells, by which panics name them |
//! | [`compiler_messages`] | errors and warnings of the compiler |
//! | [`debugging`] | cells that are compiled for the debugger |
//! | [`interrupt`], [`execution_state`] | what other threads do to the execution that is under way |
//! | [`idle_work`] | what the thread does between requests |
//! | [`evcxr_session`], [`start_evcxr`], [`template`], [`answers_directory`], [`prepare`] | how evcxr starts within a second |
//!
//! Invariants: only this thread calls evcxr. A panic of evcxr ends the [session](EvcxrSession), never the thread, and
//! the next cell opens another session. A client has its reply before the thread does anything else.

mod answers_directory;
mod cell_outcome;
mod cell_places;
pub(crate) mod commands;
mod compiler_messages;
mod debugging;
mod evaluate_items;
mod evcxr_session;
mod execute;
pub(crate) mod execution_state;
mod idle_work;
pub(crate) mod inbox;
mod infer_types;
pub(crate) mod interrupt;
pub(crate) mod prepare;
pub(crate) mod request;
pub(crate) mod start_evcxr;
mod start_up;
mod stored_variables;
mod template;

use crate::{
    code_help::{notebook::Notebook, thread::CodeHelp},
    errors::{cell_error::CellError, executed_cells::ExecutedCells, gone_variables::GoneVariables},
    evaluation::{
        commands::{profile::ProfileRequest, time::Timing},
        evcxr_session::EvcxrSession,
        execute::kernel_error,
        execution_state::ExecutionState,
        idle_work::IdleWork,
        inbox::{Awaited, Inbox},
        request::{Options, Request},
        stored_variables::StoredVariables,
    },
    session::{
        link::{Link, OnEvent, ProcessEvent},
        processes::KernelProcesses,
    },
};
use anyhow::Result;
use mosaic_engine::Question;
use mosaic_message::{Ask, MimeBundle, encode};
use std::{
    collections::{BTreeMap, BTreeSet},
    mem,
    os::fd::OwnedFd,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::mpsc,
    time::Duration,
};
use tokio::sync::oneshot;

/// How long destructors may take at the end of the kernel. Clients wait only a few seconds for that.
const DROP_PATIENCE: Duration = Duration::from_secs(1);

/// The state of the evaluation thread.
pub(crate) struct Evaluation<'a> {
    options: Options,
    /// The marks of the processes that this kernel starts.
    processes: KernelProcesses,
    /// Speaks to the cell process.
    link: Link,
    /// Receives requests, and the reports of the cell process.
    inbox: Inbox,
    to_user: ToUser,
    code_help: CodeHelp,
    /// Shared with the kernel's handle, which interrupts executions.
    execution_state: &'a ExecutionState,
    /// evcxr. Absent before it has started, and after a panic.
    session: Option<EvcxrSession>,
    variables: StoredVariables,
    /// The variables that went with earlier cells, for the errors of cells that still mention them.
    gone_variables: GoneVariables,
    /// The number of the cell that is executed, as clients show it.
    number: u32,
    /// The texts of the cells that were executed, for errors that come from their lines.
    executed_cells: ExecutedCells,
    /// The types of the cell's variables by name, as far as rustc was asked for them.
    types: BTreeMap<String, String>,
    /// What the user was told that is said once.
    told: BTreeSet<String>,
    idle_work: IdleWork,
    /// What the commands of the cell ask to be measured.
    measures: Measures,
}

/// The ways by which the evaluation thread shows something beside results.
pub(crate) struct ToUser {
    /// The cells' standard error, for what the kernel has to say.
    pub(crate) notices: OwnedFd,
    /// The front end, which shows displays.
    pub(crate) front_end: OnEvent,
}

/// What the commands of a cell ask to be measured, and what was measured.
#[derive(Debug, Default)]
struct Measures {
    /// `:time` asks how long the code takes.
    time: bool,
    /// How long the cell's last code took, once it has run.
    timing: Option<Timing>,
    /// `:profile` asks where the time goes.
    profile: Option<ProfileRequest>,
}

impl<'a> Evaluation<'a> {
    /// Makes the state of a thread that has not started evcxr yet.
    pub(crate) fn new(
        options: Options,
        link: Link,
        inbox: Inbox,
        to_user: ToUser,
        code_help: CodeHelp,
        execution_state: &'a ExecutionState,
    ) -> Evaluation<'a> {
        Evaluation {
            processes: KernelProcesses::of_run(&options.run_dir),
            options,
            link,
            inbox,
            to_user,
            code_help,
            execution_state,
            session: None,
            variables: StoredVariables::default(),
            gone_variables: GoneVariables::default(),
            number: 0,
            executed_cells: ExecutedCells::default(),
            types: BTreeMap::new(),
            told: BTreeSet::new(),
            idle_work: IdleWork::default(),
            measures: Measures::default(),
        }
    }
}

/// Starts evcxr and serves requests until the kernel shuts down.
pub(crate) fn run(mut evaluation: Evaluation) {
    if let Err(error) = evaluation.guarded(|it| it.start().map_err(kernel_error)) {
        // The first cell tries again, and shows the error if there is one.
        tracing::error!("evcxr has not started: {}", error.evalue);
    }
    evaluation.tell_code_help();
    loop {
        match evaluation.inbox.request(evaluation.idle_work.patience()) {
            Awaited::Request(Request::Execute {
                code,
                number,
                execution,
                reply,
            }) => {
                let result = evaluation.guarded(|it| it.execute(&code, number, execution));
                evaluation.code_help.expect_notebook();
                evaluation.tell_variables();
                let _ = reply.send(result);
                evaluation.tell_code_help();
                evaluation.idle_work = IdleWork::after_request();
            }
            Awaited::Request(Request::Shutdown { reply }) => return evaluation.shut_down(reply),
            Awaited::Nothing => evaluation.idle_work = evaluation.idle_work.perform(&evaluation.code_help),
            Awaited::End => return,
        }
    }
}

impl Evaluation<'_> {
    /// Drops the variables, ends the cell process and removes the session's directory.
    fn shut_down(mut self, reply: oneshot::Sender<()>) {
        let execution_state = self.execution_state;
        self.drop_variables(DROP_PATIENCE);
        // Not dropped: taking rust-analyzer's tables apart can take longer than clients wait for the kernel's end.
        mem::forget(self);
        execution_state.kill_cell_process();
        execution_state.wait_for_exit();
        execution_state.remove_session();
        let _ = reply.send(());
    }

    /// Returns what `evaluate` returns. If evcxr panics, forgets the session, so that the next cell opens another.
    fn guarded<T>(&mut self, evaluate: impl FnOnce(&mut Self) -> Result<T, CellError>) -> Result<T, CellError> {
        catch_unwind(AssertUnwindSafe(|| evaluate(self))).unwrap_or_else(|_| {
            // The panic may have left evcxr's state half changed.
            self.session = None;
            Err(CellError::evaluator_panicked())
        })
    }

    /// Starts evcxr, unless it has started.
    fn start(&mut self) -> Result<()> {
        if self.session.is_none() {
            let session = EvcxrSession::open(&self.options, self.execution_state, &|line| self.notice(line))?;
            self.execution_state.set_process(session.context.process_handle());
            // Reports of processes that ended while a template was built are of no interest.
            self.inbox.take_reports();
            self.variables.forget();
            self.session = Some(session);
        }
        Ok(())
    }

    /// Returns the session, or the error that there is none.
    fn session(&mut self) -> Result<&mut EvcxrSession, CellError> {
        self.session.as_mut().ok_or_else(CellError::ended)
    }

    /// Shows the user a line on the cells' standard error.
    fn notice(&self, line: &str) {
        tracing::info!("{line}");
        if let Err(error) = rustix::io::write(&self.to_user.notices, format!("{line}\n").as_bytes()) {
            tracing::warn!("cannot tell the notebook: {error}");
        }
    }

    /// Shows the user a display below everything that the cell has printed and shown.
    fn show(&self, bundle: MimeBundle) {
        let ask = Ask::Display {
            bundle,
            display_id: None,
        };
        let (sender, shown) = mpsc::channel();
        let question = Question::new(encode(&ask), move |answer| drop(sender.send(answer)));
        (self.to_user.front_end)(ProcessEvent::Asked(question));
        // The question is answered once the display has its position, and also if it is refused.
        if let Ok(Err(reason)) = shown.recv() {
            tracing::warn!("cannot show a display: {reason}");
        }
    }

    /// Returns the names of the variables that evcxr believes in.
    fn believed_variables(&self) -> impl Iterator<Item = &str> {
        let contexts = self.session.iter().map(|session| &session.context);
        contexts.flat_map(|context| context.variables_and_types().map(|(name, _)| name))
    }

    /// Reports whether the notebook has a variable, an item or an import of this name.
    fn knows(&self, name: &str) -> bool {
        let is_item = |session: &EvcxrSession| session.context.defined_item_names().any(|it| it == name);
        let is_variable = || self.variables.usable(self.believed_variables()).contains(name);
        self.session.as_ref().is_some_and(is_item) || is_variable()
    }

    /// Returns the variables that evcxr believes in and that the cell process does not store.
    fn missing_variables(&self) -> BTreeSet<String> {
        self.variables.missing(self.believed_variables())
    }

    /// Tells the code help thread what a cell may refer to.
    fn tell_code_help(&mut self) {
        let missing = self.missing_variables();
        let notebook = self.session.as_mut().and_then(|session| {
            let directory = session.directory().to_owned();
            let known = session.known_items();
            let read = || Notebook::read(&mut session.context, directory, &missing, known);
            // evcxr's rust-analyzer may panic over what a cell has defined.
            catch_unwind(AssertUnwindSafe(read)).ok().flatten()
        });
        self.code_help.set_notebook(notebook);
    }
}
