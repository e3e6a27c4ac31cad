//! Reads the values of variables: those of a stopped process when a client asks, and those of the notebook when a cell
//! ends.

use crate::{
    adapter::process::AdapterError,
    debugger::{ReadVariable, Session, Shared},
    ids::{Frame as FrameId, Reference},
    stack::{Frame, is_around_cell},
    variables::{self, Variable},
};
use serde_json::{Map, Value, json};
use std::{collections::BTreeMap, sync::Arc};

/// How many elements the value of a container shows.
const SHOWN: usize = 10;
/// How many parts of a value a client gets, unless it asks for a certain number of parts.
const MOST_PARTS: usize = 200;
const MORE: &str = "more parts, which are not shown";
/// How many parts of a value are read at the end of a cell, and how deep. Clients can expand these later.
const READ_PARTS: usize = 100;
const READ_DEPTH: u32 = 3;
/// How many parts are read altogether, of a variable and of all variables of a cell. Reading 1000 parts takes a second
/// or two.
const READ_OF_VARIABLE: usize = 200;
const READ_OF_CELL: usize = 1000;
const NOT_STOPPED: &str = "the process is not stopped any more";
const NOT_READ: &str = "… (its value is read when a cell that mentions it ends with the debugger on)";

impl Shared {
    /// Answers `variables`.
    pub(crate) async fn variables(&self, arguments: &Value) -> Result<Value, String> {
        let id = arguments["variablesReference"].as_u64().unwrap_or_default();
        let reference = self.lock().ids.reference(id).ok_or(NOT_STOPPED)?;
        let shown = match reference {
            Reference::Read(at) => {
                let parts = self.lock().expandable.get(at).cloned().unwrap_or_default();
                page(parts.iter().map(|part| self.show_read(part)).collect(), arguments)
            }
            Reference::Locals(frame) => {
                let session = self.session(frame.session)?;
                let locals = self.locals(&session, frame).await.map_err(|error| error.to_string())?;
                page(self.show_all(&session, variables::without_shadowed(locals)), arguments)
            }
            Reference::Parts(session, reference) => {
                let session = self.session(session)?;
                let parts = Window::read(arguments).parts_of(&session, reference).await;
                self.show_all(&session, parts.map_err(|error| error.to_string())?)
            }
        };
        Ok(json!({ "variables": shown }))
    }

    pub(crate) fn session(&self, number: u32) -> Result<Arc<Session>, String> {
        self.lock()
            .sessions
            .get(&number)
            .cloned()
            .ok_or_else(|| NOT_STOPPED.to_owned())
    }

    /// Reads the local variables of a frame. The adapter tells those of the frame whose scopes it was last asked for.
    async fn locals(&self, session: &Session, frame: FrameId) -> Result<Vec<Variable>, AdapterError> {
        let scopes = session
            .adapter
            .request("scopes", json!({ "frameId": frame.frame }))
            .await?;
        let scopes = scopes["scopes"].as_array().cloned().unwrap_or_default();
        let locals = scopes.iter().find(|scope| scope["name"] == "Locals");
        match locals.and_then(|scope| scope["variablesReference"].as_u64()) {
            Some(reference) => parts_of(session, reference, 0, None).await,
            None => Ok(Vec::new()),
        }
    }

    pub(crate) fn show_all(&self, session: &Session, variables: Vec<Variable>) -> Vec<Value> {
        let mut state = self.lock();
        let in_type = state.shows_types_alone;
        let show = |variable: Variable| {
            let reference = match variable.reference {
                0 => 0,
                reference => state.ids.add_reference(Reference::Parts(session.number, reference)),
            };
            shown(&variable, reference, in_type)
        };
        variables.into_iter().map(show).collect()
    }

    fn show_read(&self, read: &ReadVariable) -> Value {
        let mut state = self.lock();
        let reference = match read.parts.is_empty() {
            true => 0,
            false => {
                let at = state.expandable.len();
                state.expandable.push(read.parts.clone());
                state.ids.add_reference(Reference::Read(at))
            }
        };
        shown(&read.variable, reference, state.shows_types_alone)
    }

    /// Answers `inspectVariables`: the notebook's variables, as they were when a cell last ended that mentioned them.
    pub(crate) fn inspect_variables(&self) -> Value {
        let variables: BTreeMap<String, String> = self.notebook.variables().into_iter().collect();
        let values = {
            let mut state = self.lock();
            state.values.retain(|name, _| variables.contains_key(name));
            state.expandable.clear();
            state.ids.forget_read();
            state.values.clone()
        };
        let shown: Vec<Value> = variables
            .into_iter()
            .map(|(name, type_name)| {
                let unread = || ReadVariable {
                    variable: Variable {
                        name: name.clone(),
                        value: NOT_READ.to_owned(),
                        type_name: String::new(),
                        reference: 0,
                        expression: None,
                    },
                    parts: Vec::new(),
                };
                let mut read = values.get(&name).cloned().unwrap_or_else(unread);
                read.variable.type_name = type_name;
                self.show_read(&read)
            })
            .collect();
        json!({ "variables": shown })
    }

    /// Answers `richInspectVariables`: a variable in all formats in which the notebook can show it.
    pub(crate) async fn inspect_richly(&self, arguments: &Value) -> Result<Value, String> {
        let name = arguments["variableName"].as_str().unwrap_or_default();
        let frame = arguments["frameId"].as_u64();
        let frame = { frame.and_then(|id| self.lock().ids.frame(id)) };
        if let Some(frame) = frame {
            let session = self.session(frame.session)?;
            let locals = self.locals(&session, frame).await.map_err(|error| error.to_string())?;
            let found = variables::without_shadowed(locals)
                .into_iter()
                .find(|variable| variable.name == name);
            let variable = found.ok_or_else(|| format!("there is no variable `{name}` here"))?;
            let mut budget = READ_OF_VARIABLE;
            let read = read(&session, variable, READ_DEPTH, &mut budget).await;
            return Ok(plain(&read));
        }
        let is_known = self.notebook.variables().iter().any(|(known, _)| known == name);
        if !is_known {
            return Err(format!("there is no variable `{name}`"));
        }
        let (runs_cell, value) = {
            let state = self.lock();
            (state.runs_cell, state.values.get(name).cloned())
        };
        if !runs_cell && let Some(data) = self.notebook.show(name.to_owned()).await {
            return Ok(json!({ "data": data, "metadata": {} }));
        }
        value
            .map(|value| plain(&value))
            .ok_or_else(|| format!("`{name}` cannot be shown while a cell runs"))
    }

    /// Reads the variables at the end of a cell, before they go back to the notebook.
    pub(crate) async fn read_variables(&self, session: &Session, frames: &[Frame]) {
        let Some(frame) = frames.iter().find(|frame| frame.is_cell || is_around_cell(frame)) else {
            return;
        };
        let frame = FrameId {
            session: session.number,
            thread: 0,
            frame: frame.id,
        };
        let Ok(locals) = self.locals(session, frame).await else {
            return;
        };
        let mut left = READ_OF_CELL;
        for variable in variables::without_shadowed(locals) {
            let mut budget = READ_OF_VARIABLE.min(left);
            left -= budget;
            let read = read(session, variable, READ_DEPTH, &mut budget).await;
            left += budget;
            self.lock().values.insert(read.variable.name.clone(), read);
        }
    }
}

/// The parts that a client asks for.
struct Window {
    start: usize,
    /// Absent if the client asks for all parts.
    count: Option<usize>,
}

impl Window {
    fn read(arguments: &Value) -> Window {
        let number = |field: &str| arguments[field].as_u64().and_then(|it| usize::try_from(it).ok());
        Window {
            start: number("start").unwrap_or_default(),
            count: number("count").filter(|count| *count > 0),
        }
    }

    /// Reads these parts of a variable.
    async fn parts_of(&self, session: &Session, reference: u64) -> Result<Vec<Variable>, AdapterError> {
        if let Some(count) = self.count {
            return parts_of(session, reference, self.start, Some(count)).await;
        }
        first_parts(session, reference, self.start, MOST_PARTS).await
    }
}

/// Reads `most` parts of a variable from the `start`th. If there are more, the last one says so.
async fn first_parts(
    session: &Session,
    reference: u64,
    start: usize,
    most: usize,
) -> Result<Vec<Variable>, AdapterError> {
    let mut parts = parts_of(session, reference, start, Some(most + 1)).await?;
    if parts.len() > most {
        parts.truncate(most);
        parts.push(Variable {
            name: "…".to_owned(),
            value: MORE.to_owned(),
            type_name: String::new(),
            reference: 0,
            expression: None,
        });
    }
    Ok(parts)
}

/// Reads the parts of a variable: all of them, or a number of them from the `start`th.
async fn parts_of(
    session: &Session,
    reference: u64,
    start: usize,
    count: Option<usize>,
) -> Result<Vec<Variable>, AdapterError> {
    let parts = plain_parts(session, reference, start, count).await?;
    let mut complete = Vec::with_capacity(parts.len());
    for part in parts {
        complete.push(with_elements(session, part).await);
    }
    Ok(complete)
}

pub(crate) async fn plain_parts(
    session: &Session,
    reference: u64,
    start: usize,
    count: Option<usize>,
) -> Result<Vec<Variable>, AdapterError> {
    let mut arguments = json!({ "variablesReference": reference });
    if let Some(count) = count {
        arguments["start"] = start.into();
        arguments["count"] = count.into();
    }
    Ok(variables::read(&session.adapter.request("variables", arguments).await?))
}

/// Returns a variable whose value shows elements where lldb tells their number alone.
pub(crate) async fn with_elements(session: &Session, mut variable: Variable) -> Variable {
    if let Some(size) = variables::size(&variable.value) {
        let elements = match variable.reference {
            0 => Vec::new(),
            reference => plain_parts(session, reference, 0, Some(SHOWN))
                .await
                .unwrap_or_default(),
        };
        variable.value = variables::list(&elements[..elements.len().min(SHOWN)], size);
    }
    variable
}

/// Reads a variable with its parts, as long as the budget lasts.
async fn read(session: &Session, variable: Variable, depth: u32, budget: &mut usize) -> ReadVariable {
    let mut parts = Vec::new();
    if variable.reference != 0 && depth > 0 && *budget > 0 {
        let found = first_parts(session, variable.reference, 0, READ_PARTS.min(*budget)).await;
        let found = found.unwrap_or_default();
        *budget -= found.len().min(*budget);
        for part in found {
            parts.push(Box::pin(read(session, part, depth - 1, budget)).await);
        }
    }
    ReadVariable { variable, parts }
}

/// Returns a variable as a client gets it. `in_type` says that the type is to show the value, too.
fn shown(variable: &Variable, reference: u64, in_type: bool) -> Value {
    let type_name = match in_type && !variable.value.is_empty() {
        true => format!("{} = {}", variable.type_name, variable.value),
        false => variable.type_name.clone(),
    };
    json!({
        "name": variable.name, "value": variable.value, "type": type_name, "variablesReference": reference,
        "evaluateName": variable.expression.as_ref().unwrap_or(&variable.name),
    })
}

/// Returns a value with its parts as text.
fn plain(read: &ReadVariable) -> Value {
    let mut data = Map::new();
    data.insert("text/plain".to_owned(), lines(read, 0).into());
    json!({ "data": data, "metadata": {} })
}

fn lines(read: &ReadVariable, depth: usize) -> String {
    let indent = "    ".repeat(depth);
    let Variable {
        name, value, type_name, ..
    } = &read.variable;
    let first = match type_name.is_empty() {
        true => format!("{indent}{name} = {value}"),
        false => format!("{indent}{name}: {type_name} = {value}"),
    };
    let parts = read.parts.iter().map(|part| lines(part, depth + 1));
    [first].into_iter().chain(parts).collect::<Vec<_>>().join("\n")
}

/// Returns the part of a list that a request asks for.
fn page(all: Vec<Value>, arguments: &Value) -> Vec<Value> {
    let number = |field: &str| arguments[field].as_u64().and_then(|it| usize::try_from(it).ok());
    let count = number("count").filter(|count| *count > 0).unwrap_or(usize::MAX);
    all.into_iter()
        .skip(number("start").unwrap_or_default())
        .take(count)
        .collect()
}
