//! What the adapters report: a process has stopped, or is gone.

use crate::{
    adapter::process::{AdapterError, AdapterEvent},
    attach::PANICS,
    debugger::{Session, Shared, Step, Stop},
    stack::{self, Frame, end_of_cell, is_around_cell, visible},
};
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::sync::mpsc;

/// A breakpoint at which a process has stopped. A line may have code at several locations, at each of which lldb stops.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Hit {
    thread: u64,
    place: Option<(String, u64)>,
    breakpoint: u64,
    location: u64,
}

impl Hit {
    /// Reads the body of an event, which says `breakpoint 3.2`.
    fn read(body: &Value, thread: u64, place: Option<(String, u64)>) -> Option<Hit> {
        let text = body["description"].as_str()?.strip_prefix("breakpoint ")?;
        let (breakpoint, location) = text.split_once('.')?;
        Some(Hit {
            thread,
            place,
            breakpoint: breakpoint.parse().ok()?,
            location: location.parse().ok()?,
        })
    }

    /// Returns whether the line is that of the hit before, and goes on. A line that begins anew begins with its first
    /// location.
    fn is_same_line(&self, before: Option<&Hit>) -> bool {
        before.is_some_and(|before| {
            before.thread == self.thread
                && before.place == self.place
                && before.breakpoint == self.breakpoint
                && before.location < self.location
        })
    }
}

/// What the adapter says of a process that it has stopped at a client's wish.
const PAUSED: &str = "signal SIGSTOP";
/// How often a step goes on by itself, through code that is no cell's.
const LONGEST_STEP: u32 = 100;
/// How many frames are read to find a cell's.
const DEPTH: u32 = 200;

/// Takes the events of an adapter until it or its process has ended.
pub(crate) async fn follow(
    shared: Arc<Shared>,
    session: Arc<Session>,
    mut events: mpsc::UnboundedReceiver<AdapterEvent>,
) {
    while let Some(event) = events.recv().await {
        match event {
            AdapterEvent::Event(name, body) => match name.as_str() {
                "stopped" => shared.stopped(&session, body).await,
                "exited" | "terminated" => break,
                _ => {}
            },
            AdapterEvent::Ended => break,
        }
    }
    shared.gone(&session);
}

impl Shared {
    /// Forgets a process that has ended, or whose adapter has.
    pub(crate) fn gone(&self, session: &Session) {
        let threads = {
            let mut state = self.lock();
            if state.sessions.remove(&session.number).is_none() {
                // The debugger is leaving the process, and ends the adapter afterwards.
                return;
            }
            session.adapter.kill();
            state.attached.remove(&session.pid);
            state.steps.remove(&session.number);
            state.take_stops(session.number)
        };
        self.announce_running(&threads);
    }

    /// Decides what a stop means: clients hear of those that are for them, and the process runs on from the others.
    async fn stopped(&self, session: &Arc<Session>, body: Value) {
        let Some(thread) = body["threadId"].as_u64() else {
            return;
        };
        let frames = self.known_frames(session, thread).await;
        let step = self
            .lock()
            .steps
            .remove(&session.number)
            .filter(|step| step.thread == thread);
        let stepping = step.as_ref().map(|step| step.thread);
        let function = session.function_of(&body);
        if function == Some(end_of_cell()) {
            self.read_variables(session, &frames).await;
            return self.run_on_quietly(session, stepping).await;
        }
        if self.lock().is_interrupted {
            return self.run_on_quietly(session, stepping).await;
        }
        if let Some(step) = step
            && let Some(command) = next_step(&step, &frames)
        {
            return self.step_on(session, &step, command).await;
        }
        // The adapter may tell of the stop by another thread than the one that got the signal.
        let is_pause = self.lock().pauses.remove(&session.number);
        let reason = match is_pause || body["description"] == PAUSED {
            true => "pause",
            false => body["reason"].as_str().unwrap_or_default(),
        };
        let is_panic = function.is_some_and(|function| PANICS.contains(&function));
        let from_cell = is_panic || matches!(reason, "exception" | "pause");
        if is_pause && frames.first().is_some_and(is_around_cell) {
            // An instruction of the cell without a line, such as the jump of a loop: the next line is near.
            return self.step_on(session, &Step::to_next_line(thread), "next").await;
        }
        let (thread, frames) = match visible(frames, from_cell) {
            frames if !frames.is_empty() => (thread, frames),
            _ => match self.thread_in_cell(session).await.filter(|_| reason == "pause") {
                Some(found) => found,
                None => return self.run_on_quietly(session, stepping).await,
            },
        };
        let place = frames.first().map(|frame| (frame.name.clone(), frame.line));
        let hit = Hit::read(&body, thread, place.clone());
        if self.goes_on_in_line(session, hit) && stepping.is_none() {
            return self.run_on_quietly(session, None).await;
        }
        let told = told(&body, reason, thread, is_panic);
        self.lock().stops.push(Stop {
            session: session.number,
            thread,
            body: told.clone(),
            from_cell,
            place,
        });
        self.publish("stopped", told);
    }

    /// Notes the breakpoint at which a process has stopped, if it is one. Returns whether the line is that of the hit
    /// before, and goes on.
    fn goes_on_in_line(&self, session: &Session, hit: Option<Hit>) -> bool {
        let mut state = self.lock();
        let before = match &hit {
            Some(hit) => state.hits.insert(session.number, hit.clone()),
            None => state.hits.remove(&session.number),
        };
        hit.is_some_and(|hit| hit.is_same_line(before.as_ref()))
    }

    /// Has a process run on from a stop of which clients do not hear. A thread that was `stepping` runs from now on.
    async fn run_on_quietly(&self, session: &Session, stepping: Option<u64>) {
        let mut threads = self.note_running(session.number);
        threads.extend(stepping);
        if let Err(error) = session.adapter.request("continue", json!({ "threadId": 0 })).await {
            tracing::warn!("{} does not run on: {error}", session.name);
        }
        self.announce_running(&threads);
    }

    /// Goes on with a step.
    async fn step_on(&self, session: &Session, step: &Step, command: &str) {
        let (thread, count) = (step.thread, step.count + 1);
        let step = Step { count, ..step.clone() };
        self.lock().steps.insert(session.number, step);
        if let Err(error) = session.adapter.request(command, json!({ "threadId": thread })).await {
            tracing::warn!("the step in {} has ended: {error}", session.name);
        }
    }

    /// Returns the frames of a stopped thread.
    pub(crate) async fn frames(&self, session: &Session, thread: u64) -> Result<Vec<Frame>, AdapterError> {
        let arguments = json!({ "threadId": thread, "startFrame": 0, "levels": DEPTH });
        let body = session.adapter.request("stackTrace", arguments).await?;
        let state = self.lock();
        Ok(stack::read(&body, |path| state.cells.file(path).is_some()))
    }

    /// Returns the frames of a stopped thread; none if the adapter does not tell them.
    async fn known_frames(&self, session: &Session, thread: u64) -> Vec<Frame> {
        self.frames(session, thread).await.unwrap_or_else(|error| {
            tracing::warn!("{} has no stack: {error}", session.name);
            Vec::new()
        })
    }

    /// Finds a thread that executes a cell, or what a cell has called.
    async fn thread_in_cell(&self, session: &Session) -> Option<(u64, Vec<Frame>)> {
        let body = session.adapter.request("threads", json!({})).await.ok()?;
        let threads = body["threads"]
            .as_array()?
            .iter()
            .filter_map(|thread| thread["id"].as_u64());
        for thread in threads {
            let frames = visible(self.known_frames(session, thread).await, true);
            if !frames.is_empty() {
                return Some((thread, frames));
            }
        }
        None
    }
}

/// Returns the body of the event by which clients hear of a stop.
fn told(body: &Value, reason: &str, thread: u64, is_panic: bool) -> Value {
    let mut told = json!({ "reason": reason, "threadId": thread, "allThreadsStopped": false });
    for field in ["description", "text", "hitBreakpointIds"] {
        if !body[field].is_null() && !is_panic {
            told[field] = body[field].clone();
        }
    }
    if is_panic {
        told["reason"] = "exception".into();
        told["description"] = "Paused on panic".into();
        told["text"] = "panic".into();
    }
    told
}

/// Returns the request by which a step goes on, if it has not ended yet: it ends in a cell, on another line.
fn next_step<'s>(step: &'s Step, frames: &[Frame]) -> Option<&'s str> {
    let top = frames.first()?;
    if step.count >= LONGEST_STEP {
        return None;
    }
    if !top.is_cell {
        let is_below_cell = frames.iter().any(|frame| frame.is_cell);
        return match is_around_cell(top) {
            true => Some("next"),
            false if is_below_cell => Some("stepOut"),
            // The cell has ended.
            false => None,
        };
    }
    let is_same_line = step
        .origin
        .as_ref()
        .is_some_and(|(name, line)| *name == top.name && *line == top.line);
    (is_same_line && step.command != "stepOut").then_some(step.command.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(name: &str, line: u64, is_cell: bool) -> Frame {
        Frame {
            id: 1,
            name: name.to_owned(),
            line,
            column: 1,
            path: None,
            is_cell,
        }
    }

    #[test]
    fn a_line_stops_once() {
        let hit = |text: &str, line| {
            let body = json!({ "description": text });
            Hit::read(&body, 7, Some(("cell [2]".to_owned(), line)))
        };
        let first = hit("breakpoint 3.1", 4);
        for (text, line, is_same) in [
            ("breakpoint 3.2", 4, true),
            // The next iteration of a loop.
            ("breakpoint 3.1", 4, false),
            ("breakpoint 3.2", 5, false),
            ("breakpoint 4.2", 4, false),
        ] {
            assert_eq!(
                hit(text, line).unwrap().is_same_line(first.as_ref()),
                is_same,
                "{text} {line}"
            );
        }
        assert!(!first.as_ref().unwrap().is_same_line(None));
        assert_eq!(hit("step over", 4), None);
    }

    #[test]
    fn a_step_ends_in_a_cell_on_another_line() {
        let step = |command: &str, count| Step {
            thread: 1,
            command: command.to_owned(),
            origin: Some(("cell [2]".to_owned(), 3)),
            count,
        };
        let cell = |line| frame("cell [2]", line, true);
        for (command, frames, expected) in [
            ("next", vec![cell(4)], None),
            ("next", vec![cell(3)], Some("next")),
            ("stepIn", vec![cell(3)], Some("stepIn")),
            ("stepIn", vec![frame("f", 3, true), cell(3)], None),
            ("stepOut", vec![cell(3)], None),
            (
                "stepIn",
                vec![frame("core::ops::add", 1, false), cell(3)],
                Some("stepOut"),
            ),
            (
                "next",
                vec![frame("run_user_code_2::{closure}", 40, false)],
                Some("next"),
            ),
            ("next", vec![frame("mosaic_cell::catch", 40, false)], None),
        ] {
            assert_eq!(next_step(&step(command, 0), &frames), expected, "{command} {frames:?}");
        }
        assert_eq!(next_step(&step("next", LONGEST_STEP), &[cell(3)]), None);
    }
}
