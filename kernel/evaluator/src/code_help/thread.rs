//! Answers what users want to know of code: completions, documentation, and types.
//!
//! It has a rust-analyzer and a thread of its own. evcxr's would answer only while no cell is compiled, and once that has
//! read the standard library, evcxr has it infer types for every cell, which takes longer than rustc takes to tell them.
//! What a cell may refer to is told by the evaluation thread after each cell.

pub(crate) use crate::code_help::notebook::Notebook;
pub(crate) use crate::code_help::project::Project;
use crate::{
    MimeBundle,
    code_help::{
        answers::{self, complete_command},
        memory,
    },
    evaluation::request::Completions,
};
use anyhow::{Context, Result};
use std::{
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

/// A cheap handle to the thread.
#[derive(Clone, Debug)]
pub(crate) struct CodeHelp {
    orders: Sender<Message>,
    /// Held while cargo is asked, which leaves files until it has answered; whether nothing is to be asked any more.
    has_ended: Arc<Mutex<bool>>,
}

/// What the thread is told and asked, in order.
#[derive(Debug)]
enum Message {
    /// The notebook is about to be told anew: who asks from now on means the new one.
    Await,
    /// The notebook, unless nothing is known of it.
    Take(Option<Notebook>),
    /// There is time to read what answers will need.
    Prepare,
    Answer(Request),
}

#[derive(Debug)]
enum Request {
    /// What completes the code left of the cursor, counted in code points.
    Complete {
        code: String,
        cursor: usize,
        reply: oneshot::Sender<Option<Completions>>,
    },
    /// The documentation of the name at the cursor, counted in code points.
    Inspect {
        code: String,
        cursor: usize,
        reply: oneshot::Sender<Option<MimeBundle>>,
    },
    /// The type of the variable whose name ends at a byte of the code.
    TypeOf {
        code: String,
        end: usize,
        reply: oneshot::Sender<Option<String>>,
    },
}

impl Request {
    fn is_moot(&self) -> bool {
        match self {
            Request::Complete { reply, .. } => reply.is_closed(),
            Request::Inspect { reply, .. } => reply.is_closed(),
            Request::TypeOf { reply, .. } => reply.is_closed(),
        }
    }
}

impl CodeHelp {
    /// Starts the thread, which reads nothing before there is something to answer, or time.
    pub(crate) fn start() -> io::Result<CodeHelp> {
        let (orders, received) = mpsc::channel();
        let state = State::default();
        let has_ended = Arc::clone(&state.has_ended);
        thread::Builder::new()
            .name("analyst".into())
            // rust-analyzer recurses over what is being typed.
            .stack_size(64 << 20)
            .spawn(move || state.follow(&received))?;
        Ok(CodeHelp { orders, has_ended })
    }

    /// Has it ask cargo nothing more, and waits until cargo has answered, unless that takes too long. `end_cargo` ends
    /// what was started so far.
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

    /// Has who asks from now on wait until the notebook is told again.
    pub(crate) fn await_notebook(&self) {
        self.tell(Message::Await);
    }

    /// Tells what a cell may refer to; nothing if that is not known.
    pub(crate) fn take_notebook(&self, notebook: Option<Notebook>) {
        self.tell(Message::Take(notebook));
    }

    /// Has it read what it will need.
    pub(crate) fn prepare(&self) {
        self.tell(Message::Prepare);
    }

    /// What completes the code left of `cursor`, counted in code points.
    pub(crate) async fn complete(&self, code: String, cursor: usize) -> Option<Completions> {
        let answer = self.ask(|reply| Request::Complete { code, cursor, reply });
        answer.await.ok().flatten()
    }

    /// The documentation of the name at `cursor`, counted in code points.
    pub(crate) async fn inspect(&self, code: String, cursor: usize) -> Option<MimeBundle> {
        let answer = self.ask(|reply| Request::Inspect { code, cursor, reply });
        answer.await.ok().flatten()
    }

    /// The same for a thread that may wait.
    pub(crate) fn wait_for_documentation(&self, name: &str) -> Option<MimeBundle> {
        let (code, cursor) = (name.to_owned(), name.chars().count());
        let answer = self.ask(|reply| Request::Inspect { code, cursor, reply });
        answer.blocking_recv().ok().flatten()
    }

    /// The type of the variable whose name ends at a byte of a cell, for a thread that may wait.
    pub(crate) fn wait_for_type(&self, cell: &str, end: usize) -> Option<String> {
        let code = cell.to_owned();
        let answer = self.ask(|reply| Request::TypeOf { code, end, reply });
        answer.blocking_recv().ok().flatten()
    }

    fn ask<T>(&self, question: impl FnOnce(oneshot::Sender<T>) -> Request) -> oneshot::Receiver<T> {
        let (reply, answer) = oneshot::channel();
        self.tell(Message::Answer(question(reply)));
        answer
    }

    fn tell(&self, order: Message) {
        // The thread follows orders as long as there is somebody to give them.
        let _ = self.orders.send(order);
    }
}

/// What the thread knows.
#[derive(Default)]
struct State {
    told: NotebookState,
    /// Questions on the notebook that is awaited.
    waiting: Vec<Request>,
    project: Option<Project>,
    has_ended: Arc<Mutex<bool>>,
}

/// What the thread was told of the notebook.
#[derive(Default)]
enum NotebookState {
    /// That it will be told more.
    #[default]
    Wait,
    /// That nothing is known of it.
    Nothing,
    All(Box<Notebook>),
}

/// How long the kernel's end may wait for cargo's.
const ENDING: Duration = Duration::from_secs(2);
const BETWEEN_ATTEMPTS: Duration = Duration::from_millis(1);

/// How often rust-analyzer looks through everything until most of what it needed only once is freed, a third to a half of
/// all: each time that the source changes it frees a part.
const ROUNDS: u32 = 6;

impl State {
    fn follow(mut self, orders: &Receiver<Message>) {
        for order in orders {
            match order {
                Message::Await => self.told = NotebookState::Wait,
                Message::Take(notebook) => {
                    self.told = notebook.map_or(NotebookState::Nothing, |notebook| {
                        NotebookState::All(Box::new(notebook))
                    });
                    for question in std::mem::take(&mut self.waiting) {
                        self.answer(question);
                    }
                }
                Message::Prepare => self.guarded(State::prepare),
                Message::Answer(question) if matches!(self.told, NotebookState::Wait) => self.waiting.push(question),
                Message::Answer(question) => self.answer(question),
            }
            memory::give_back_if_worth();
        }
    }

    fn answer(&mut self, question: Request) {
        // One that nobody waits for any more is dropped.
        if question.is_moot() {
            return;
        }
        // A reply that is dropped says that there is no answer, and one that nobody takes is of no interest.
        self.guarded(|state| match question {
            Request::Complete { code, cursor, reply } => {
                let _ = reply.send(state.complete(&code, cursor));
            }
            Request::Inspect { code, cursor, reply } => {
                let found = state.looking();
                let found = found.and_then(|(project, notebook)| answers::inspect(project, notebook, &code, cursor));
                let _ = reply.send(found);
            }
            Request::TypeOf { code, end, reply } => {
                let found = state.looking();
                let found = found.and_then(|(project, notebook)| answers::type_of(project, notebook, &code, end));
                let _ = reply.send(found);
            }
        });
    }

    fn complete(&mut self, code: &str, cursor: usize) -> Option<Completions> {
        let NotebookState::All(notebook) = &self.told else {
            return None;
        };
        if let Some(found) = complete_command(notebook, code, cursor) {
            return Some(found);
        }
        let (project, notebook) = self.looking()?;
        answers::complete(project, notebook, code, cursor)
    }

    /// Looks through everything that there is, as for the type of a first variable, unless that is done.
    fn prepare(&mut self) {
        if let Some((project, notebook)) = self.looking()
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

    /// The project with all that it needs, and the notebook.
    fn looking(&mut self) -> Option<(&mut Project, &Notebook)> {
        let NotebookState::All(notebook) = &self.told else {
            return None;
        };
        match read(&mut self.project, notebook, &self.has_ended) {
            Ok(project) => Some((project, notebook)),
            Err(error) => {
                tracing::warn!("nothing is known of the code: {error:#}");
                None
            }
        }
    }

    /// rust-analyzer may panic over code that is being typed; what it has read stays.
    fn guarded(&mut self, act: impl FnOnce(&mut State)) {
        let _ = catch_unwind(AssertUnwindSafe(|| act(self)));
    }
}

fn read<'a>(project: &'a mut Option<Project>, notebook: &Notebook, has_ended: &Mutex<bool>) -> Result<&'a mut Project> {
    let is_of = |project: &Project| project.is_in(&notebook.directory);
    if !project.as_ref().is_some_and(is_of) {
        *project = Some(Project::new(&notebook.directory)?);
    }
    let project = project.as_mut().context("there is no project")?;
    project.read(&notebook.manifest, has_ended)?;
    Ok(project)
}
