//! Answers what users want to know of code: completions, documentation, and types.
//!
//! It has a rust-analyzer and a thread of its own. evcxr's would answer only while no cell is compiled, and once that has
//! read the standard library, evcxr has it infer types for every cell, which takes longer than rustc takes to tell them.
//! What a cell may refer to is told by the evaluation thread after each cell.

mod notebook;
mod project;

use crate::{
    MimeBundle,
    assistance::{self, complete_command},
    memory,
    request::Completions,
};
use anyhow::{Context, Result};
pub(crate) use notebook::Notebook;
pub(crate) use project::Project;
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
pub(crate) struct Analyst {
    orders: Sender<Order>,
    /// Held while cargo is asked, which leaves files until it has answered; whether nothing is to be asked any more.
    has_ended: Arc<Mutex<bool>>,
}

/// What the thread is told and asked, in order.
#[derive(Debug)]
enum Order {
    /// The notebook is about to be told anew: who asks from now on means the new one.
    Await,
    /// The notebook, unless nothing is known of it.
    Take(Option<Notebook>),
    /// There is time to read what answers will need.
    Prepare,
    Answer(Question),
}

#[derive(Debug)]
enum Question {
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

impl Question {
    fn is_moot(&self) -> bool {
        match self {
            Question::Complete { reply, .. } => reply.is_closed(),
            Question::Inspect { reply, .. } => reply.is_closed(),
            Question::TypeOf { reply, .. } => reply.is_closed(),
        }
    }
}

impl Analyst {
    /// Starts the thread, which reads nothing before there is something to answer, or time.
    pub(crate) fn start() -> io::Result<Analyst> {
        let (orders, received) = mpsc::channel();
        let state = State::default();
        let has_ended = Arc::clone(&state.has_ended);
        thread::Builder::new()
            .name("analyst".into())
            // rust-analyzer recurses over what is being typed.
            .stack_size(64 << 20)
            .spawn(move || state.follow(&received))?;
        Ok(Analyst { orders, has_ended })
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
        self.tell(Order::Await);
    }

    /// Tells what a cell may refer to; nothing if that is not known.
    pub(crate) fn take_notebook(&self, notebook: Option<Notebook>) {
        self.tell(Order::Take(notebook));
    }

    /// Has it read what it will need.
    pub(crate) fn prepare(&self) {
        self.tell(Order::Prepare);
    }

    /// What completes the code left of `cursor`, counted in code points.
    pub(crate) async fn complete(&self, code: String, cursor: usize) -> Option<Completions> {
        let answer = self.ask(|reply| Question::Complete { code, cursor, reply });
        answer.await.ok().flatten()
    }

    /// The documentation of the name at `cursor`, counted in code points.
    pub(crate) async fn inspect(&self, code: String, cursor: usize) -> Option<MimeBundle> {
        let answer = self.ask(|reply| Question::Inspect { code, cursor, reply });
        answer.await.ok().flatten()
    }

    /// The same for a thread that may wait.
    pub(crate) fn wait_for_documentation(&self, name: &str) -> Option<MimeBundle> {
        let (code, cursor) = (name.to_owned(), name.chars().count());
        let answer = self.ask(|reply| Question::Inspect { code, cursor, reply });
        answer.blocking_recv().ok().flatten()
    }

    /// The type of the variable whose name ends at a byte of a cell, for a thread that may wait.
    pub(crate) fn wait_for_type(&self, cell: &str, end: usize) -> Option<String> {
        let code = cell.to_owned();
        let answer = self.ask(|reply| Question::TypeOf { code, end, reply });
        answer.blocking_recv().ok().flatten()
    }

    fn ask<T>(&self, question: impl FnOnce(oneshot::Sender<T>) -> Question) -> oneshot::Receiver<T> {
        let (reply, answer) = oneshot::channel();
        self.tell(Order::Answer(question(reply)));
        answer
    }

    fn tell(&self, order: Order) {
        // The thread follows orders as long as there is somebody to give them.
        let _ = self.orders.send(order);
    }
}

/// What the thread knows.
#[derive(Default)]
struct State {
    told: Told,
    /// Questions on the notebook that is awaited.
    waiting: Vec<Question>,
    project: Option<Project>,
    has_ended: Arc<Mutex<bool>>,
}

/// What the thread was told of the notebook.
#[derive(Default)]
enum Told {
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
    fn follow(mut self, orders: &Receiver<Order>) {
        for order in orders {
            match order {
                Order::Await => self.told = Told::Wait,
                Order::Take(notebook) => {
                    self.told = notebook.map_or(Told::Nothing, |notebook| Told::All(Box::new(notebook)));
                    for question in std::mem::take(&mut self.waiting) {
                        self.answer(question);
                    }
                }
                Order::Prepare => self.guarded(State::prepare),
                Order::Answer(question) if matches!(self.told, Told::Wait) => self.waiting.push(question),
                Order::Answer(question) => self.answer(question),
            }
            memory::give_back_if_worth();
        }
    }

    fn answer(&mut self, question: Question) {
        // One that nobody waits for any more is dropped.
        if question.is_moot() {
            return;
        }
        // A reply that is dropped says that there is no answer, and one that nobody takes is of no interest.
        self.guarded(|state| match question {
            Question::Complete { code, cursor, reply } => {
                let _ = reply.send(state.complete(&code, cursor));
            }
            Question::Inspect { code, cursor, reply } => {
                let found = state.looking();
                let found = found.and_then(|(project, notebook)| assistance::inspect(project, notebook, &code, cursor));
                let _ = reply.send(found);
            }
            Question::TypeOf { code, end, reply } => {
                let found = state.looking();
                let found = found.and_then(|(project, notebook)| assistance::type_of(project, notebook, &code, end));
                let _ = reply.send(found);
            }
        });
    }

    fn complete(&mut self, code: &str, cursor: usize) -> Option<Completions> {
        let Told::All(notebook) = &self.told else { return None };
        if let Some(found) = complete_command(notebook, code, cursor) {
            return Some(found);
        }
        let (project, notebook) = self.looking()?;
        assistance::complete(project, notebook, code, cursor)
    }

    /// Looks through everything that there is, as for the type of a first variable, unless that is done.
    fn prepare(&mut self) {
        if let Some((project, notebook)) = self.looking()
            && !project.is_settled
        {
            let cell = "let it = 1;\nit";
            for _ in 0..ROUNDS {
                assistance::type_of(project, notebook, cell, cell.len());
                project.forget();
            }
            project.is_settled = true;
            memory::give_back();
        }
    }

    /// The project with all that it needs, and the notebook.
    fn looking(&mut self) -> Option<(&mut Project, &Notebook)> {
        let Told::All(notebook) = &self.told else { return None };
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
