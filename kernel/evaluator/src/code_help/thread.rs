//! The code help thread, which answers one question after the other, and the handle to it.
//!
//! The thread has a rust-analyzer of its own. evcxr's rust-analyzer would answer only while no cell is compiled. Once
//! it has read the standard library, evcxr also has it infer types for every cell, which takes longer than asking
//! rustc.

use crate::{
    code_help::{answers, completions::Completions, memory, notebook::Notebook, project::Project},
    mime_bundle::MimeBundle,
    source::{nesting, preamble::without_commands},
};
use anyhow::{Context, Result};
use std::{
    collections::BTreeSet,
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex, TryLockError,
        mpsc::{self, Receiver, Sender},
    },
    thread,
    time::{Duration, Instant},
};
use tokio::sync::oneshot;

/// A cheap handle to the code help thread.
#[derive(Clone, Debug)]
pub(crate) struct CodeHelp {
    messages: Sender<Message>,
    /// Set when cargo must not be asked any more. Locked while cargo is asked, which leaves files until it has
    /// answered.
    has_ended: Arc<Mutex<bool>>,
}

/// Completes in the lines of a cell's commands, which rust-analyzer knows nothing of. Takes the names of the variables,
/// the code, and the cursor, counted in code points. Returns nothing if the cursor is not in a command.
pub(crate) type CompleteCommand = fn(&BTreeSet<String>, &str, usize) -> Option<Completions>;

/// A message to the thread, which takes them in order.
#[derive(Debug)]
enum Message {
    /// Another notebook will come soon: requests from now on are about that one.
    ExpectNotebook,
    /// The notebook, or nothing if it is unknown.
    SetNotebook(Option<Notebook>),
    /// There is time to read what answers will need.
    Prepare,
    Answer(Request),
}

/// A question on code.
#[derive(Debug)]
enum Request {
    /// Complete the name left of the cursor, counted in code points.
    Complete {
        code: String,
        cursor: usize,
        reply: oneshot::Sender<Option<Completions>>,
    },
    /// Document the name at the cursor, counted in code points.
    Inspect {
        code: String,
        cursor: usize,
        reply: oneshot::Sender<Option<MimeBundle>>,
    },
    /// Tell the type of the variable whose name ends at a byte of the code.
    TypeOf {
        code: String,
        end: usize,
        reply: oneshot::Sender<Option<String>>,
    },
}

impl Request {
    fn code(&self) -> &str {
        match self {
            Request::Complete { code, .. } | Request::Inspect { code, .. } | Request::TypeOf { code, .. } => code,
        }
    }

    /// Returns whether nobody waits for the reply any more.
    fn is_abandoned(&self) -> bool {
        match self {
            Request::Complete { reply, .. } => reply.is_closed(),
            Request::Inspect { reply, .. } => reply.is_closed(),
            Request::TypeOf { reply, .. } => reply.is_closed(),
        }
    }
}

impl CodeHelp {
    /// Starts the thread. It reads nothing before there is something to answer, or time.
    ///
    /// # Errors
    ///
    /// The thread cannot be started.
    pub(crate) fn start(complete_command: CompleteCommand) -> io::Result<CodeHelp> {
        let (messages, received) = mpsc::channel();
        let has_ended = Arc::<Mutex<bool>>::default();
        let state = State {
            complete_command,
            notebook: NotebookState::default(),
            waiting: Vec::new(),
            project: None,
            has_ended: Arc::clone(&has_ended),
        };
        thread::Builder::new()
            .name("code-help".into())
            .stack_size(nesting::STACK_SIZE)
            .spawn(move || state.run(&received))?;
        Ok(CodeHelp { messages, has_ended })
    }

    /// Stops the thread from asking cargo again, and waits until cargo has answered, for [`ENDING`] at most.
    /// `end_cargo` ends the processes that were started so far.
    pub(crate) fn end(&self, end_cargo: impl Fn()) {
        let begun = Instant::now();
        while begun.elapsed() < ENDING {
            end_cargo();
            let mut has_ended = match self.has_ended.try_lock() {
                Ok(has_ended) => has_ended,
                Err(TryLockError::Poisoned(panicked)) => panicked.into_inner(),
                Err(TryLockError::WouldBlock) => {
                    thread::sleep(BETWEEN_ATTEMPTS);
                    continue;
                }
            };
            *has_ended = true;
            return;
        }
    }

    /// Holds back all further questions until the notebook is set.
    pub(crate) fn expect_notebook(&self) {
        self.send(Message::ExpectNotebook);
    }

    /// Sets what a cell may refer to; nothing if that is unknown. Questions that were held back are answered now.
    pub(crate) fn set_notebook(&self, notebook: Option<Notebook>) {
        self.send(Message::SetNotebook(notebook));
    }

    /// Has the thread read what answers will need.
    pub(crate) fn prepare(&self) {
        self.send(Message::Prepare);
    }

    /// Completes the name left of `cursor`, counted in code points.
    pub(crate) async fn complete(&self, code: String, cursor: usize) -> Option<Completions> {
        let answer = self.ask(|reply| Request::Complete { code, cursor, reply });
        answer.await.ok().flatten()
    }

    /// Returns the documentation of the name at `cursor`, counted in code points.
    pub(crate) async fn inspect(&self, code: String, cursor: usize) -> Option<MimeBundle> {
        let answer = self.ask(|reply| Request::Inspect { code, cursor, reply });
        answer.await.ok().flatten()
    }

    /// Returns the documentation of a name. Blocks the calling thread.
    pub(crate) fn wait_for_documentation(&self, name: &str) -> Option<MimeBundle> {
        let (code, cursor) = (name.to_owned(), name.chars().count());
        let answer = self.ask(|reply| Request::Inspect { code, cursor, reply });
        answer.blocking_recv().ok().flatten()
    }

    /// Returns the type of the variable whose name ends at a byte of a cell. Blocks the calling thread.
    pub(crate) fn wait_for_type(&self, cell: &str, end: usize) -> Option<String> {
        let code = cell.to_owned();
        let answer = self.ask(|reply| Request::TypeOf { code, end, reply });
        answer.blocking_recv().ok().flatten()
    }

    fn ask<T>(&self, request: impl FnOnce(oneshot::Sender<T>) -> Request) -> oneshot::Receiver<T> {
        let (reply, answer) = oneshot::channel();
        self.send(Message::Answer(request(reply)));
        answer
    }

    fn send(&self, message: Message) {
        // The thread lives as long as there is a handle.
        let _ = self.messages.send(message);
    }
}

/// The state of the thread.
struct State {
    complete_command: CompleteCommand,
    notebook: NotebookState,
    /// The requests that are held back until the notebook is set.
    waiting: Vec<Request>,
    /// What rust-analyzer has read. Absent before the first question.
    project: Option<Project>,
    has_ended: Arc<Mutex<bool>>,
}

/// What the thread knows of the notebook.
#[derive(Default)]
enum NotebookState {
    /// The notebook is being read, and will be set soon.
    #[default]
    Expected,
    /// evcxr did not say what a cell may refer to.
    Unknown,
    Known(Box<Notebook>),
}

/// How long the end of the kernel may wait for the end of cargo.
const ENDING: Duration = Duration::from_secs(2);
const BETWEEN_ATTEMPTS: Duration = Duration::from_millis(1);

/// How often rust-analyzer looks through everything before it counts as settled. Each change of the source frees a part
/// of the memory that is needed only once, and that is a third to a half of all.
const ROUNDS: u32 = 6;

impl State {
    fn run(mut self, messages: &Receiver<Message>) {
        for message in messages {
            match message {
                Message::ExpectNotebook => self.notebook = NotebookState::Expected,
                Message::SetNotebook(notebook) => {
                    self.notebook = notebook.map_or(NotebookState::Unknown, |notebook| {
                        NotebookState::Known(Box::new(notebook))
                    });
                    for request in std::mem::take(&mut self.waiting) {
                        self.answer(request);
                    }
                }
                Message::Prepare => self.guarded(State::prepare),
                Message::Answer(request) if matches!(self.notebook, NotebookState::Expected) => {
                    self.waiting.push(request);
                }
                Message::Answer(request) => self.answer(request),
            }
            memory::give_back_if_worth();
        }
    }

    fn answer(&mut self, request: Request) {
        if request.is_abandoned() || nesting::check(&without_commands(request.code())).is_some() {
            return;
        }
        // Dropping the sender of a reply says that there is no answer. A reply that nobody takes is of no interest.
        self.guarded(|state| match request {
            Request::Complete { code, cursor, reply } => {
                let _ = reply.send(state.complete(&code, cursor));
            }
            Request::Inspect { code, cursor, reply } => {
                let found = state.project_and_notebook();
                let found = found.and_then(|(project, notebook)| answers::inspect(project, notebook, &code, cursor));
                let _ = reply.send(found);
            }
            Request::TypeOf { code, end, reply } => {
                let found = state.project_and_notebook();
                let found = found.and_then(|(project, notebook)| answers::type_of(project, notebook, &code, end));
                let _ = reply.send(found);
            }
        });
    }

    fn complete(&mut self, code: &str, cursor: usize) -> Option<Completions> {
        let NotebookState::Known(notebook) = &self.notebook else {
            return None;
        };
        if let Some(found) = (self.complete_command)(&notebook.variables, code, cursor) {
            return Some(found);
        }
        let (project, notebook) = self.project_and_notebook()?;
        answers::complete(project, notebook, code, cursor)
    }

    /// Warms rust-analyzer up: it looks through everything that the first question on a type would need. Does so once
    /// for each project.
    fn prepare(&mut self) {
        if let Some((project, notebook)) = self.project_and_notebook()
            && !project.is_settled
        {
            let cell = "let it = 1;\nit";
            for _ in 0..ROUNDS {
                answers::type_of(project, notebook, cell, cell.len());
                project.forget();
            }
            project.is_settled = true;
            memory::give_back();
        }
    }

    /// Returns the project, read as far as the notebook needs, and the notebook.
    fn project_and_notebook(&mut self) -> Option<(&mut Project, &Notebook)> {
        let NotebookState::Known(notebook) = &self.notebook else {
            return None;
        };
        match read(&mut self.project, notebook, &self.has_ended) {
            Ok(project) => Some((project, notebook)),
            Err(error) => {
                tracing::warn!("cannot read the notebook's crates: {error:#}");
                None
            }
        }
    }

    /// Calls a function and survives its panic, since rust-analyzer may panic over code that is being typed. The
    /// project stays.
    fn guarded(&mut self, act: impl FnOnce(&mut State)) {
        let _ = catch_unwind(AssertUnwindSafe(|| act(self)));
    }
}

/// Reads the crates of a notebook, in a new project if the notebook has another directory than before.
fn read<'a>(project: &'a mut Option<Project>, notebook: &Notebook, has_ended: &Mutex<bool>) -> Result<&'a mut Project> {
    let is_of = |project: &Project| project.is_in(&notebook.directory);
    if !project.as_ref().is_some_and(is_of) {
        *project = Some(Project::new(&notebook.directory)?);
    }
    let project = project.as_mut().context("there is no project")?;
    project.read(&notebook.manifest, has_ended)?;
    Ok(project)
}
