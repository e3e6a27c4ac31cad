//! The table of requests.
//!
//! The requests of Jupyter's own are described in [Additions to the
//! DAP](https://jupyter-client.readthedocs.io/en/stable/messaging.html#additions-to-the-dap). Others are those of the
//! protocol, as JupyterLab and VS Code send them.

use crate::{
    adapter::find::HOW_TO_GET,
    cells::{SEED, SUFFIX},
    debugger::{CELLS, Session, Shared, Step, Stop},
    ids::{Frame as FrameId, Reference},
    replies::{failure, success},
    stack::{Frame, visible},
};
use mosaic_engine::task_of_thread;
use serde_json::{Value, json};
use std::{fs, path::Path, sync::Arc};

/// The filter of exceptions by which a client asks for stops at panics.
const PANICS: &str = "panic";
const IS_OFF: &str = "the debugger is off: turn it on first, which is the request `initialize`";
/// The client that shows the type of a variable in place of its value, unless the type is one of Python.
const JUPYTERLAB: &str = "jupyterlab";
const NO_CELL: &str = "no cell runs";
const NOT_STOPPED: &str = "this thread is not stopped";
/// The fields of a breakpoint that are for the adapter.
const BREAKPOINT: [&str; 4] = ["line", "condition", "hitCondition", "logMessage"];

/// The outcome of a request: the body of its reply, or the message of its refusal.
type Outcome = Result<Value, String>;

impl Shared {
    /// Answers a request.
    pub(crate) async fn answer(self: &Arc<Self>, request: &Value) -> Value {
        let command = request["command"].as_str().unwrap_or_default();
        match self.handle(command, &request["arguments"]).await {
            Ok(body) => success(request, body),
            Err(message) => failure(request, &message),
        }
    }

    async fn handle(self: &Arc<Self>, command: &str, arguments: &Value) -> Outcome {
        match command {
            "debugInfo" => return Ok(self.debug_info()),
            "inspectVariables" => return Ok(self.inspect_variables()),
            "richInspectVariables" => return self.inspect_richly(arguments).await,
            "modules" => return Ok(self.modules()),
            "copyToGlobals" => {
                return Err(
                    "a local variable cannot be copied to the notebook: the notebook's variables have the types \
                            that their cells were compiled with"
                        .to_owned(),
                );
            }
            "initialize" => {
                self.lock().shows_types_alone = arguments["clientID"] == JUPYTERLAB;
                return self.turn_on().map(|()| capabilities());
            }
            _ => {}
        }
        if !self.lock().is_on {
            let has_adapter = self.options.adapter.is_some();
            return Err(if has_adapter { IS_OFF } else { HOW_TO_GET }.to_owned());
        }
        match command {
            "attach" | "launch" => {
                let attached = self.attach_to_all().await;
                self.publish("initialized", json!({}));
                attached.map(|()| json!({}))
            }
            "configurationDone" => Ok(json!({})),
            "dumpCell" => self.dump_cell(arguments),
            "source" => self.source(arguments),
            "setBreakpoints" => self.set_client_breakpoints(arguments).await,
            "setExceptionBreakpoints" => Ok(self.set_filters(arguments).await),
            "setFunctionBreakpoints" => Ok(json!({ "breakpoints": [] })),
            "threads" => self.threads().await,
            "stackTrace" => self.stack_trace(arguments).await,
            "scopes" => self.scopes(arguments),
            "variables" => self.variables(arguments).await,
            "evaluate" => self.evaluate(arguments).await,
            "exceptionInfo" => self.exception_info(arguments),
            "continue" => self.go_on(arguments).await,
            "next" | "stepIn" | "stepOut" => self.step(command, arguments).await,
            "pause" => self.pause(arguments).await,
            "disconnect" | "terminate" => {
                self.turn_off().await;
                Ok(json!({}))
            }
            _ => Err(format!("the debugger does not know the request `{command}`")),
        }
    }

    fn debug_info(&self) -> Value {
        let state = self.lock();
        let breakpoints: Vec<Value> = state
            .breakpoints
            .iter()
            .map(|(source, breakpoints)| json!({ "source": source, "breakpoints": breakpoints }))
            .collect();
        let stopped: Vec<u64> = state.stops.iter().map(|stop| stop.thread).collect();
        json!({
            "isStarted": state.is_on,
            "hashMethod": "Murmur2",
            "hashSeed": SEED,
            "tmpFilePrefix": state.cells.prefix(),
            "tmpFileSuffix": SUFFIX,
            "breakpoints": breakpoints,
            "stoppedThreads": stopped,
            "richRendering": true,
            "exceptionPaths": [],
            "copyToGlobals": false,
        })
    }

    /// Lists the cells that were executed, whose sources clients offer to show.
    fn modules(&self) -> Value {
        let state = self.lock();
        let modules: Vec<Value> = state
            .cells
            .executed()
            .map(|(name, file)| json!({ "id": name, "name": name, "path": file }))
            .collect();
        json!({ "totalModules": modules.len(), "modules": modules })
    }

    fn dump_cell(&self, arguments: &Value) -> Outcome {
        let code = arguments["code"].as_str().ok_or("the request has no code")?;
        let file = self.lock().cells.add(code);
        fs::write(&file, code).map_err(|error| format!("cannot write {file}: {error}"))?;
        Ok(json!({ "sourcePath": file }))
    }

    fn source(&self, arguments: &Value) -> Outcome {
        let path = arguments["source"]["path"].as_str().unwrap_or_default();
        let known = self.lock().cells.code(path).map(str::to_owned);
        let content = match known {
            Some(code) => code,
            None if Path::new(path).is_file() => fs::read_to_string(path).map_err(|error| error.to_string())?,
            None => return Err(format!("there is no source {path}")),
        };
        Ok(json!({ "content": content, "mimeType": "text/x-rustsrc" }))
    }

    async fn set_client_breakpoints(&self, arguments: &Value) -> Outcome {
        let path = arguments["source"]["path"].as_str().unwrap_or_default().to_owned();
        let wanted = arguments["breakpoints"].as_array().cloned().unwrap_or_default();
        let breakpoints: Vec<Value> = wanted.iter().map(for_adapter).collect();
        let lines = {
            let mut state = self.lock();
            match breakpoints.is_empty() {
                true => state.breakpoints.remove(&path),
                false => state.breakpoints.insert(path.clone(), breakpoints.clone()),
            };
            state.cells.code(&path).map(|code| code.lines().count())
        };
        for session in self.sessions() {
            self.set_breakpoints(&session)
                .await
                .map_err(|error| error.to_string())?;
        }
        let set = breakpoints.iter().enumerate().map(|(id, breakpoint)| {
            let line = breakpoint["line"].as_u64().and_then(|line| usize::try_from(line).ok());
            let is_there = lines.zip(line).is_some_and(|(lines, line)| line <= lines);
            json!({ "id": id + 1, "verified": is_there, "line": line, "source": { "path": path } })
        });
        Ok(json!({ "breakpoints": set.collect::<Vec<Value>>() }))
    }

    async fn set_filters(&self, arguments: &Value) -> Value {
        let filters = arguments["filters"].as_array().into_iter().flatten();
        let options = arguments["filterOptions"].as_array().into_iter().flatten();
        let mut wanted = filters.chain(options.map(|option| &option["filterId"]));
        let stops_at_panics = wanted.any(|filter| filter == PANICS);
        let is_new = std::mem::replace(&mut self.lock().stops_at_panics, stops_at_panics) != stops_at_panics;
        if is_new {
            for session in self.sessions() {
                self.set_functions(&session).await;
            }
        }
        json!({ "breakpoints": [] })
    }

    /// Lists the threads of all processes, those of the cells first.
    async fn threads(&self) -> Outcome {
        let mut threads = Vec::new();
        let mut sessions = self.sessions();
        sessions.sort_by_key(|session| (session.name != CELLS, session.number));
        for session in sessions {
            let body = session.adapter.request("threads", json!({})).await;
            let body = body.map_err(|error| error.to_string())?;
            for thread in body["threads"].as_array().into_iter().flatten() {
                let name = thread["name"].as_str().unwrap_or_default();
                threads.push(json!({ "id": thread["id"], "name": format!("{}: {name}", session.name) }));
            }
        }
        Ok(json!({ "threads": threads }))
    }

    async fn stack_trace(&self, arguments: &Value) -> Outcome {
        let stopped = self.lock().stopped(thread(arguments));
        let Some((session, stop)) = stopped else {
            return Ok(json!({ "stackFrames": [], "totalFrames": 0 }));
        };
        let frames = self.frames(&session, stop.thread).await;
        let frames = visible(frames.map_err(|error| error.to_string())?, stop.from_cell);
        let task = task_of(&session, stop.thread);
        let total = frames.len();
        let number = |field: &str| {
            arguments[field]
                .as_u64()
                .and_then(|it| usize::try_from(it).ok())
                .unwrap_or_default()
        };
        let levels = Some(number("levels"))
            .filter(|levels| *levels > 0)
            .unwrap_or(usize::MAX);
        let of_last = frames.len().saturating_sub(1);
        let mut state = self.lock();
        let shown: Vec<Value> = frames
            .into_iter()
            .enumerate()
            .skip(number("startFrame"))
            .take(levels)
            .map(|(at, frame)| {
                let id = state.ids.add_frame(FrameId {
                    session: session.number,
                    thread: stop.thread,
                    frame: frame.id,
                });
                let name = match &task {
                    Some(task) if at == of_last => format!("{} ({task})", frame.name),
                    _ => frame.name.clone(),
                };
                let source = self.source_of(&state, &frame);
                json!({
                    "id": id, "name": name, "line": frame.line, "column": frame.column, "source": source,
                    "presentationHint": if frame.is_cell { "normal" } else { "subtle" },
                })
            })
            .collect();
        Ok(json!({ "stackFrames": shown, "totalFrames": total }))
    }

    /// Returns the source of a frame: the file of a cell, or a file of this machine.
    fn source_of(&self, state: &crate::debugger::State, frame: &Frame) -> Value {
        let Some(path) = &frame.path else {
            return Value::Null;
        };
        let name = path.rsplit('/').next().unwrap_or(path);
        if let Some(file) = state.cells.file(path) {
            return json!({ "name": name, "path": file });
        }
        // The standard library's own paths begin with `/rustc/COMMIT/`.
        let library = path
            .strip_prefix("/rustc/")
            .and_then(|rest| Some(rest.split_once('/')?.1));
        let sources = self.options.sysroot.as_ref().map(|it| it.join("lib/rustlib/src/rust"));
        let path = match (library, sources) {
            (Some(library), Some(sources)) => sources.join(library).display().to_string(),
            _ => path.clone(),
        };
        json!({ "name": name, "path": path })
    }

    fn scopes(&self, arguments: &Value) -> Outcome {
        let mut state = self.lock();
        let id = arguments["frameId"].as_u64().unwrap_or_default();
        let frame = state.ids.frame(id).ok_or(NOT_STOPPED)?;
        let reference = state.ids.add_reference(Reference::Locals(frame));
        Ok(json!({ "scopes": [{
            "name": "Locals", "presentationHint": "locals", "variablesReference": reference, "expensive": false,
        }] }))
    }

    fn exception_info(&self, arguments: &Value) -> Outcome {
        let (_, stop) = self.lock().stopped(thread(arguments)).ok_or(NOT_STOPPED)?;
        let text = stop.body["text"]
            .as_str()
            .or(stop.body["description"].as_str())
            .unwrap_or("stopped");
        Ok(json!({ "exceptionId": text, "description": text, "breakMode": "always" }))
    }

    async fn go_on(&self, arguments: &Value) -> Outcome {
        let stopped = {
            let state = self.lock();
            // JupyterLab forgets the thread before it sends the request, and then names one that does not exist.
            let last = state.stops.last().map(|stop| stop.thread);
            state.stopped(thread(arguments)).or_else(|| state.stopped(last?))
        };
        let (session, _) = stopped.ok_or(NOT_STOPPED)?;
        self.resume(&session).await.map_err(|error| error.to_string())?;
        Ok(json!({ "allThreadsContinued": false }))
    }

    async fn step(&self, command: &str, arguments: &Value) -> Outcome {
        let stopped = self.lock().stopped(thread(arguments));
        let (session, Stop { thread, place, .. }) = stopped.ok_or(NOT_STOPPED)?;
        self.note_running(session.number);
        let step = Step {
            thread,
            command: command.to_owned(),
            origin: place,
            count: 0,
        };
        self.lock().steps.insert(session.number, step);
        let stepped = session.adapter.request(command, json!({ "threadId": thread })).await;
        stepped.map(|_| json!({})).map_err(|error| error.to_string())
    }

    /// Stops the process of a thread, or else the process of the cells. JupyterLab names no thread that exists.
    async fn pause(&self, arguments: &Value) -> Outcome {
        let wanted = thread(arguments);
        let mut sessions = self.sessions();
        sessions.sort_by_key(|session| session.name != CELLS);
        let mut found = None;
        for session in &sessions {
            let body = session.adapter.request("threads", json!({})).await.unwrap_or_default();
            if body["threads"]
                .as_array()
                .into_iter()
                .flatten()
                .any(|it| it["id"].as_u64() == Some(wanted))
            {
                found = Some(session.clone());
            }
        }
        let session = found.or_else(|| sessions.first().cloned()).ok_or(NO_CELL)?;
        let (runs_cell, is_stopped) = {
            let state = self.lock();
            (
                state.runs_cell,
                state.stops.iter().any(|stop| stop.session == session.number),
            )
        };
        if session.name == CELLS && !runs_cell {
            return Err(NO_CELL.to_owned());
        }
        if is_stopped {
            return Ok(json!({}));
        }
        // The adapter may tell of the stop before it replies.
        self.lock().pauses.insert(session.number);
        let paused = session.adapter.request("pause", json!({ "threadId": wanted })).await;
        paused.map(|_| json!({})).map_err(|error| {
            self.lock().pauses.remove(&session.number);
            error.to_string()
        })
    }
}

/// Says which worker, task and tessera the frames of a thread belong to, unless the process is that of the cells. A
/// thread that a method has started itself belongs to no task.
fn task_of(session: &Session, thread: u64) -> Option<String> {
    if session.name == CELLS {
        return None;
    }
    let executing = u32::try_from(thread).ok().and_then(|thread| {
        let executing = task_of_thread(session.pid, thread);
        executing.unwrap_or_else(|error| {
            tracing::warn!("the tasks of {} are not known: {error}", session.name);
            None
        })
    });
    let (task, tessera) = executing.map(|it| (it.task, it.tessera)).unwrap_or_default();
    let told = [Some(session.name.clone()), task, tessera];
    Some(told.into_iter().flatten().collect::<Vec<_>>().join(", "))
}

/// Returns the thread that a request is about; 0 if it names none.
fn thread(arguments: &Value) -> u64 {
    arguments["threadId"].as_u64().unwrap_or_default()
}

/// Returns a client's breakpoint as the adapter gets it.
fn for_adapter(breakpoint: &Value) -> Value {
    let fields = BREAKPOINT.into_iter().filter(|field| !breakpoint[field].is_null());
    fields
        .map(|field| (field.to_owned(), breakpoint[field].clone()))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

fn capabilities() -> Value {
    json!({
        "supportsConfigurationDoneRequest": true,
        "supportsConditionalBreakpoints": true,
        "supportsHitConditionalBreakpoints": true,
        "supportsLogPoints": true,
        "supportsEvaluateForHovers": true,
        "supportsExceptionInfoRequest": true,
        "supportsModulesRequest": true,
        "supportsDelayedStackTraceLoading": true,
        "supportTerminateDebuggee": false,
        "exceptionBreakpointFilters": [
            { "filter": PANICS, "label": "Panics", "description": "Stops where code panics", "default": false },
        ],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_adapter_gets_what_it_knows_of_a_breakpoint() {
        let breakpoint = json!({ "line": 3, "condition": "x > 1", "id": 4, "verified": true });
        assert_eq!(for_adapter(&breakpoint), json!({ "line": 3, "condition": "x > 1" }));
    }
}
