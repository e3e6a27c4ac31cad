//! Attaches to processes, sets their breakpoints, and leaves them.

use crate::{
    adapter::{
        find::HOW_TO_GET,
        formatters,
        process::{Adapter, AdapterError},
    },
    debugger::{CELLS, Session, Shared},
    events,
    gate::Gate,
    stack::end_of_cell,
};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    fs,
    sync::{Arc, Mutex},
};
use tokio::{
    sync::{OnceCell, Semaphore, mpsc},
    task::JoinSet,
};

/// The function of the standard library that every panic calls, and nothing else; by its names in several versions.
pub(crate) const PANICS: [&str; 2] = [
    "std::panicking::panic_with_hook",
    "std::panicking::rust_panic_with_hook",
];
/// How many adapters read symbols at once.
const AT_ONCE: usize = 2;

impl Shared {
    /// Turns the debugger on: cells are compiled for it, and new processes wait for it.
    pub(crate) fn turn_on(self: &Arc<Self>) -> Result<(), String> {
        if self.options.adapter.is_none() {
            return Err(HOW_TO_GET.to_owned());
        }
        let mut state = self.lock();
        if state.is_on {
            return Ok(());
        }
        let directory = state.cells.directory().to_owned();
        fs::create_dir_all(&directory).map_err(|error| format!("cannot create {}: {error}", directory.display()))?;
        let gate = Gate::open(self.clone());
        state.gate = Some(gate.map_err(|error| format!("cannot listen for new processes: {error}"))?);
        state.is_on = true;
        drop(state);
        self.notebook.set_debugging(true);
        Ok(())
    }

    /// Attaches to all processes that run.
    pub(crate) async fn attach_to_all(self: &Arc<Self>) -> Result<(), String> {
        let mut processes: Vec<(String, u32)> = self.options.workers.all();
        processes.extend(self.notebook.cell_process().map(|pid| (CELLS.to_owned(), pid)));
        let mut attaching = JoinSet::new();
        for (name, pid) in processes {
            let shared = self.clone();
            attaching.spawn(async move { shared.attach(&name, pid).await });
        }
        let results = attaching.join_all().await;
        results.into_iter().collect()
    }

    /// Attaches to a process, unless that was done. Returns when the process runs on with its breakpoints.
    pub(crate) async fn attach(self: &Arc<Self>, name: &str, pid: u32) -> Result<(), String> {
        static TURNS: Semaphore = Semaphore::const_new(AT_ONCE);
        let once = {
            let mut state = self.lock();
            if !state.is_on {
                return Ok(());
            }
            state
                .attached
                .entry(pid)
                .or_insert_with(|| Arc::new(OnceCell::new()))
                .clone()
        };
        let attach = || async {
            // The semaphore is never closed.
            let _turn = TURNS.acquire().await;
            self.attach_now(name, pid).await
        };
        once.get_or_init(attach).await.clone()
    }

    async fn attach_now(self: &Arc<Self>, name: &str, pid: u32) -> Result<(), String> {
        let program = self.options.adapter.as_ref().ok_or(HOW_TO_GET)?;
        let (reporter, events) = mpsc::unbounded_channel();
        let adapter = Adapter::start(program, move |event| {
            // The receiver is gone when the session has ended.
            let _ = reporter.send(event);
        });
        let adapter = adapter.map_err(|error| format!("cannot start {}: {error}", program.display()))?;
        // A process of this name has ended, although its adapter may be silent.
        let ended = self.sessions().into_iter().find(|session| session.name == name);
        if let Some(ended) = ended {
            self.gone(&ended);
        }
        let session = {
            let mut state = self.lock();
            state.session_count += 1;
            Arc::new(Session {
                number: state.session_count,
                name: name.to_owned(),
                pid,
                adapter,
                breakpoints: tokio::sync::Mutex::default(),
                functions: Mutex::default(),
            })
        };
        let attached = self.begin_session(&session).await;
        if let Err(error) = attached {
            session.adapter.kill();
            self.lock().sessions.remove(&session.number);
            return Err(format!("cannot debug {name} (process {pid}): {error}"));
        }
        tokio::spawn(events::follow(self.clone(), session, events));
        Ok(())
    }

    async fn begin_session(&self, session: &Arc<Session>) -> Result<(), AdapterError> {
        let adapter = &session.adapter;
        let client = json!({
            "clientID": "mosaic-kernel", "adapterID": "lldb-dap", "pathFormat": "path", "linesStartAt1": true,
            "columnsStartAt1": true, "supportsVariableType": true,
        });
        adapter.request("initialize", client).await?;
        let arguments = json!({
            "pid": session.pid,
            "initCommands": formatters::commands(self.options.sysroot.as_deref()),
            "postRunCommands": formatters::commands_for_process(),
            "enableAutoVariableSummaries": true,
        });
        // From here on the process is stopped, until the configuration is done.
        adapter.request("attach", arguments).await?;
        self.lock().sessions.insert(session.number, session.clone());
        self.set_breakpoints(session).await?;
        self.set_functions(session).await;
        adapter.request("configurationDone", json!({})).await?;
        Ok(())
    }

    /// Tells an adapter the breakpoints that it does not have yet, and removes those that the user has removed. What the
    /// adapter refuses is left out.
    ///
    /// # Errors
    ///
    /// The adapter does not answer.
    pub(crate) async fn set_breakpoints(&self, session: &Session) -> Result<(), AdapterError> {
        let mut known = session.breakpoints.lock().await;
        let wanted: BTreeMap<String, Vec<Value>> = {
            let state = self.lock();
            let of_file = |file: &str| match state.is_interrupted {
                true => Vec::new(),
                false => state.breakpoints.get(file).cloned().unwrap_or_default(),
            };
            let executed = state.cells.executed();
            executed.map(|(name, file)| (name.to_owned(), of_file(file))).collect()
        };
        let directory = self.notebook.source_directory().unwrap_or_default();
        for (name, breakpoints) in wanted {
            if known
                .get(&name)
                .map_or(breakpoints.is_empty(), |known| *known == breakpoints)
            {
                continue;
            }
            let arguments =
                json!({ "source": { "name": name, "path": directory.join(&name) }, "breakpoints": breakpoints });
            match session.adapter.request("setBreakpoints", arguments).await {
                Ok(_) => {
                    known.insert(name, breakpoints);
                }
                Err(error @ AdapterError::Silent(..)) => return Err(error),
                Err(error) => tracing::warn!("{} has no breakpoints in {name}: {error}", session.name),
            }
        }
        Ok(())
    }

    /// Tells an adapter the functions at which its process stops.
    pub(crate) async fn set_functions(&self, session: &Session) {
        let stops_at_panics = self.lock().stops_at_panics;
        let end = (session.name == CELLS).then_some(end_of_cell());
        let panics = PANICS.into_iter().filter(|_| stops_at_panics);
        let wanted: Vec<&'static str> = end.into_iter().chain(panics).collect();
        session.functions().retain(|_, name| wanted.contains(name));
        let mut names: Vec<&str> = session.functions().values().copied().collect();
        // One after the other, since the adapter tells the numbers of several new ones in any order.
        let new: Vec<&'static str> = wanted.into_iter().filter(|name| !names.contains(name)).collect();
        let steps: Vec<Option<&'static str>> = match new.is_empty() {
            true => vec![None],
            false => new.into_iter().map(Some).collect(),
        };
        for name in steps {
            names.extend(name);
            let functions: Vec<Value> = names.iter().map(|name| json!({ "name": name })).collect();
            let arguments = json!({ "breakpoints": functions });
            match session.adapter.request("setFunctionBreakpoints", arguments).await {
                Ok(body) => session.note_function(&body, name),
                Err(error) => tracing::warn!("{} does not stop at panics: {error}", session.name),
            }
        }
    }

    /// Turns the debugger off: all processes run on, without a debugger.
    pub(crate) async fn turn_off(&self) {
        let (sessions, threads) = {
            let mut state = self.lock();
            state.is_on = false;
            state.gate = None;
            state.breakpoints.clear();
            state.stops_at_panics = false;
            state.attached.clear();
            state.steps.clear();
            state.values.clear();
            state.expandable.clear();
            state.ids.forget_read();
            let sessions: Vec<Arc<Session>> = std::mem::take(&mut state.sessions).into_values().collect();
            let stopped = sessions.iter().flat_map(|session| state.take_stops(session.number));
            (sessions.clone(), stopped.collect::<Vec<u64>>())
        };
        self.notebook.set_debugging(false);
        let mut leaving = JoinSet::new();
        for session in sessions {
            leaving.spawn(async move {
                let left = session
                    .adapter
                    .request("disconnect", json!({ "terminateDebuggee": false }))
                    .await;
                if let Err(error) = left {
                    tracing::warn!("the debugger has not left {} in order: {error}", session.name);
                }
                session.adapter.kill();
            });
        }
        while leaving.join_next().await.is_some() {}
        self.announce_running(&threads);
    }
}
