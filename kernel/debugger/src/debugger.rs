//! [`Debugger`]: the handle of the kernel, and the state behind it.

use crate::{
    adapter::process::{Adapter, AdapterError},
    cells::Cells,
    events::Hit,
    gate::Gate,
    ids::Ids,
    notebook::Notebook,
    replies::{event, failure},
    variables::Variable,
    workers::Workers,
};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, HashMap, HashSet},
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{
    sync::{OnceCell, mpsc, oneshot},
    time::timeout,
};

/// The name of the cell process.
pub(crate) const CELLS: &str = "cells";
/// How long the end of the kernel waits for the adapters to leave their processes.
const LEAVING: Duration = Duration::from_secs(2);
/// How long an adapter may take to have a process run on after an interrupt.
const RUNNING_ON: Duration = Duration::from_secs(2);

/// What a [`Debugger`] is started with.
#[derive(Clone, Debug)]
pub struct Options {
    /// The adapter, if there is one; see [`find_adapter`](crate::find_adapter).
    pub adapter: Option<PathBuf>,
    /// A private directory with a short path, in which the debugger makes its socket and the files of cells.
    pub run_dir: PathBuf,
    /// The toolchain's directory, whose formatters show Rust's types.
    pub sysroot: Option<PathBuf>,
    /// The workers of this machine.
    pub workers: Workers,
}

/// A cheap handle to the debugger of a kernel. All clones lead to the same debugger.
///
/// The debugger is off until a client turns it on. Requests are served one after the other, in the order in which they
/// were made; none waits for a cell.
#[derive(Clone)]
pub struct Debugger {
    requests: mpsc::UnboundedSender<(Value, oneshot::Sender<Value>)>,
    shared: Arc<Shared>,
}

/// A process that is debugged.
#[derive(Debug)]
pub(crate) struct Session {
    /// The number of the session.
    pub(crate) number: u32,
    /// [`CELLS`], or the uid of a worker.
    pub(crate) name: String,
    /// The process.
    pub(crate) pid: u32,
    /// The adapter.
    pub(crate) adapter: Adapter,
    /// The breakpoints that the adapter has, by the names of cells. Locked while they are set.
    pub(crate) breakpoints: tokio::sync::Mutex<BTreeMap<String, Vec<Value>>>,
    /// The functions at which the process stops, by the adapter's numbers.
    pub(crate) functions: Mutex<BTreeMap<u64, &'static str>>,
}

impl Session {
    /// Returns the functions at which the process stops.
    pub(crate) fn functions(&self) -> MutexGuard<'_, BTreeMap<u64, &'static str>> {
        self.functions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes the number of a function, which is the new one in the adapter's reply.
    pub(crate) fn note_function(&self, body: &Value, name: Option<&'static str>) {
        let mut functions = self.functions();
        let set = body["breakpoints"].as_array().into_iter().flatten();
        let new = set
            .filter_map(|it| it["id"].as_u64())
            .find(|id| !functions.contains_key(id));
        if let (Some(name), Some(id)) = (name, new) {
            functions.insert(id, name);
        }
    }

    /// Returns the function at which the process has stopped, by the body of the event, if that is the reason.
    pub(crate) fn function_of(&self, body: &Value) -> Option<&'static str> {
        let hit = body["hitBreakpointIds"].as_array()?;
        let functions = self.functions();
        hit.iter().find_map(|id| functions.get(&id.as_u64()?).copied())
    }
}

/// A stop that clients know of.
#[derive(Clone, Debug)]
pub(crate) struct Stop {
    pub(crate) session: u32,
    pub(crate) thread: u64,
    /// The body of the event.
    pub(crate) body: Value,
    /// The frames begin with the first cell.
    pub(crate) from_cell: bool,
    /// The function and the line.
    pub(crate) place: Option<(String, u64)>,
}

/// A step under way.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub(crate) thread: u64,
    /// The request: `next`, `stepIn` or `stepOut`.
    pub(crate) command: String,
    /// The function and the line at which the step began.
    pub(crate) origin: Option<(String, u64)>,
    /// How often the step has been continued by itself.
    pub(crate) count: u32,
}

impl Step {
    /// Returns a step that ends at the next line of a cell.
    pub(crate) fn to_next_line(thread: u64) -> Step {
        Step {
            thread,
            command: "next".to_owned(),
            origin: None,
            count: 0,
        }
    }
}

/// The state of the debugger.
pub(crate) struct State {
    pub(crate) is_on: bool,
    /// How many sessions there have been.
    pub(crate) session_count: u32,
    pub(crate) sessions: BTreeMap<u32, Arc<Session>>,
    /// The processes to which an adapter was attached, or is being attached, by their pids.
    pub(crate) attached: HashMap<u32, Arc<OnceCell<Result<(), String>>>>,
    pub(crate) ids: Ids,
    /// The threads at which a user looks or may look, in the order in which they have stopped.
    pub(crate) stops: Vec<Stop>,
    pub(crate) steps: HashMap<u32, Step>,
    /// The processes that a client has asked to pause, until they stop.
    pub(crate) pauses: HashSet<u32>,
    /// The breakpoint at which each process has last stopped.
    pub(crate) hits: HashMap<u32, Hit>,
    /// The frame whose scopes each adapter was last asked for.
    pub(crate) scoped: HashMap<u32, u64>,
    /// The breakpoints by the files of cells, as the client has set them.
    pub(crate) breakpoints: BTreeMap<String, Vec<Value>>,
    pub(crate) stops_at_panics: bool,
    /// The client shows the type of a variable and not its value.
    pub(crate) shows_types_alone: bool,
    /// The user has interrupted the cell: nothing stops until the next one.
    pub(crate) is_interrupted: bool,
    pub(crate) runs_cell: bool,
    pub(crate) cells: Cells,
    /// The notebook's variables as they were at the end of the last cell that mentioned them, by name.
    pub(crate) values: HashMap<String, ReadVariable>,
    /// The values that clients can expand.
    pub(crate) expandable: Vec<Vec<ReadVariable>>,
    pub(crate) gate: Option<Gate>,
}

/// A variable that was read with its parts, since its process runs on.
#[derive(Clone, Debug)]
pub(crate) struct ReadVariable {
    pub(crate) variable: Variable,
    pub(crate) parts: Vec<ReadVariable>,
}

/// What all handles share.
pub(crate) struct Shared {
    pub(crate) options: Options,
    pub(crate) notebook: Box<dyn Notebook>,
    state: Mutex<State>,
}

impl Debugger {
    /// Makes a debugger that is off. Must be called within a tokio runtime.
    pub fn new(options: Options, notebook: impl Notebook) -> Debugger {
        let cells = Cells::new(options.run_dir.join("cells"));
        let shared = Arc::new(Shared {
            options,
            notebook: Box::new(notebook),
            state: Mutex::new(State::new(cells)),
        });
        let (requests, mut received) = mpsc::unbounded_channel::<(Value, oneshot::Sender<Value>)>();
        let serving = shared.clone();
        tokio::spawn(async move {
            while let Some((request, reply)) = received.recv().await {
                let answer = serving.answer(&request).await;
                // The kernel may have ended meanwhile.
                let _ = reply.send(answer);
            }
        });
        Debugger { requests, shared }
    }

    /// Returns whether there is an adapter.
    pub fn is_available(&self) -> bool {
        self.shared.options.adapter.is_some()
    }

    /// Answers the content of a `debug_request`. The future returns the content of the `debug_reply`. The order of the
    /// calls is the order of the answers, and not that in which the futures are awaited.
    pub fn request(&self, request: Value) -> impl Future<Output = Value> + Send + 'static {
        let (reply, answer) = oneshot::channel();
        let refused = failure(&request, "the kernel ends");
        // The receiver is dropped only when the kernel ends, and then no answer comes.
        let _ = self.requests.send((request, reply));
        async move { answer.await.unwrap_or(refused) }
    }

    /// Prepares for a cell that is about to be compiled. `number` is absent for a cell that is not counted.
    pub async fn begin_cell(&self, number: Option<u32>, code: &str) {
        self.shared.begin_cell(number, code).await;
    }

    /// Notes that the cell has ended.
    pub fn end_cell(&self) {
        self.shared.end_cell();
    }

    /// Has everything that is stopped run on, and lets nothing stop until the next cell, since the user has interrupted
    /// the cell.
    pub async fn interrupt(&self) {
        self.shared.run_on().await;
    }

    /// Leaves all processes at the end of the kernel.
    pub async fn shut_down(&self) {
        let left = timeout(LEAVING, self.shared.turn_off()).await;
        if left.is_err() {
            tracing::warn!("the debugger has not left all processes in time");
        }
        let sessions: Vec<Arc<Session>> = self.shared.lock().sessions.values().cloned().collect();
        for session in sessions {
            session.adapter.kill();
        }
    }
}

impl State {
    fn new(cells: Cells) -> State {
        State {
            is_on: false,
            session_count: 0,
            sessions: BTreeMap::new(),
            attached: HashMap::new(),
            ids: Ids::default(),
            stops: Vec::new(),
            steps: HashMap::new(),
            pauses: HashSet::new(),
            hits: HashMap::new(),
            scoped: HashMap::new(),
            breakpoints: BTreeMap::new(),
            stops_at_panics: false,
            shows_types_alone: false,
            is_interrupted: false,
            runs_cell: false,
            cells,
            values: HashMap::new(),
            expandable: Vec::new(),
            gate: None,
        }
    }

    /// Returns the session of a stopped thread.
    pub(crate) fn stopped(&self, thread: u64) -> Option<(Arc<Session>, Stop)> {
        let stop = self.stops.iter().rev().find(|stop| stop.thread == thread)?;
        Some((self.sessions.get(&stop.session)?.clone(), stop.clone()))
    }

    /// Forgets the stops of a session that runs on. Returns their threads.
    pub(crate) fn take_stops(&mut self, session: u32) -> Vec<u64> {
        let threads = self
            .stops
            .iter()
            .filter(|stop| stop.session == session)
            .map(|stop| stop.thread);
        let threads = threads.collect();
        self.stops.retain(|stop| stop.session != session);
        self.ids.forget(session);
        self.scoped.remove(&session);
        threads
    }
}

impl Shared {
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn publish(&self, name: &str, body: Value) {
        self.notebook.publish(event(name, body));
    }

    /// Returns the sessions.
    pub(crate) fn sessions(&self) -> Vec<Arc<Session>> {
        self.lock().sessions.values().cloned().collect()
    }

    async fn begin_cell(&self, number: Option<u32>, code: &str) {
        let sessions = {
            let mut state = self.lock();
            state.runs_cell = true;
            state.is_interrupted = false;
            // The cell has its functions at new locations of the same breakpoints.
            state.hits.clear();
            if let Some(number) = number {
                state.cells.execute(crate::cells::name(Some(number)), code);
            }
            state.sessions.values().cloned().collect::<Vec<_>>()
        };
        for session in sessions {
            if let Err(error) = self.set_breakpoints(&session).await {
                tracing::warn!("{} is not debugged any more: {error}", session.name);
            }
        }
    }

    fn end_cell(&self) {
        let threads: Vec<u64> = {
            let mut state = self.lock();
            state.runs_cell = false;
            let cells = state
                .sessions
                .values()
                .find(|session| session.name == CELLS)
                .map(|it| it.number);
            // A step over the last line ends with the cell.
            let step = cells.and_then(|cells| state.steps.remove(&cells));
            step.into_iter().map(|step| step.thread).collect()
        };
        self.announce_running(&threads);
    }

    /// Has everything run on that is stopped, without breakpoints.
    async fn run_on(&self) {
        self.lock().is_interrupted = true;
        for session in self.sessions() {
            let is_stopped = self.lock().stops.iter().any(|stop| stop.session == session.number);
            if is_stopped {
                self.run_on_in_time(&session).await;
            }
        }
    }

    /// Has a process run on without breakpoints. An adapter that does not see to that in time is ended.
    async fn run_on_in_time(&self, session: &Session) {
        let run_on = async {
            self.set_breakpoints(session).await?;
            self.resume(session).await
        };
        match timeout(RUNNING_ON, run_on).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!("{} does not run on: {error}", session.name),
            Err(_) => {
                tracing::warn!(
                    "{} does not run on: its debug adapter is silent, and was ended",
                    session.name
                );
                session.adapter.kill();
            }
        }
    }

    /// Has a process run on, and tells clients.
    pub(crate) async fn resume(&self, session: &Session) -> Result<(), AdapterError> {
        let threads = self.note_running(session.number);
        let thread = threads.first().copied().unwrap_or_default();
        session
            .adapter
            .request("continue", json!({ "threadId": thread }))
            .await?;
        self.announce_running(&threads);
        Ok(())
    }

    /// Notes that a process runs on. Returns the threads of which clients believe that they are stopped.
    pub(crate) fn note_running(&self, session: u32) -> Vec<u64> {
        let mut state = self.lock();
        state.steps.remove(&session);
        state.take_stops(session)
    }

    /// Tells clients that threads run, and repeats the last stop of another process. JupyterLab shows one stop at a
    /// time.
    pub(crate) fn announce_running(&self, threads: &[u64]) {
        for thread in threads {
            self.publish("continued", json!({ "threadId": thread, "allThreadsContinued": false }));
        }
        let remaining = self.lock().stops.last().cloned();
        if let Some(stop) = remaining.filter(|_| !threads.is_empty()) {
            self.publish("stopped", stop.body);
        }
    }
}
