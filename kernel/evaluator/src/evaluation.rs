//! The thread in which evcxr evaluates cells, one request after the other.

use crate::{
    MimeBundle, commands,
    link::{Link, Numbered, Order, Report},
    report::CellError,
    request::{Completion, Completions, Options, Request},
    shared::Shared,
    start::Started,
    syntax,
};
use anyhow::{Context, Result};
use evcxr::{CommandContext, EvalOutputs};
use serde_json::Value;
use std::{
    collections::BTreeSet,
    os::fd::OwnedFd,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::mpsc,
    time::Duration,
};

/// How long a new cell process may take to say that it is there.
const CONNECT_PATIENCE: Duration = Duration::from_secs(2);

/// The thread's body.
pub(crate) fn run(
    options: Options,
    link: Link,
    reports: mpsc::Receiver<Numbered>,
    notices: OwnedFd,
    shared: &Shared,
    requests: &mpsc::Receiver<Request>,
) {
    let mut evaluation = Evaluation {
        options,
        link,
        reports,
        notices,
        shared,
        started: None,
    };
    if let Err(error) = evaluation.start() {
        // Told with the first cell, which tries again.
        tracing::error!("{error:#}");
    }
    for request in requests {
        match request {
            Request::Execute { code, number, reply } => {
                shared.step();
                let result = evaluation
                    .guarded(|it| it.execute(&code, number))
                    .unwrap_or_else(|| Err(CellError::evaluator_panicked()));
                shared.step();
                let _ = reply.send(result);
            }
            Request::Complete { code, cursor, reply } => {
                let completions = evaluation.guarded(|it| it.complete(&code, cursor));
                let _ = reply.send(completions.unwrap_or_else(|| Completions::none(cursor)));
            }
            Request::Inspect { code, cursor, reply } => {
                let _ = reply.send(evaluation.guarded(|it| it.inspect(&code, cursor)).flatten());
            }
            Request::Shutdown { reply } => {
                drop(evaluation);
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
    reports: mpsc::Receiver<Numbered>,
    notices: OwnedFd,
    shared: &'a Shared,
    started: Option<Started>,
}

impl Evaluation<'_> {
    /// What `evaluate` returns, or nothing if evcxr or its rust-analyzer panicked: then the next request starts anew.
    fn guarded<T>(&mut self, evaluate: impl FnOnce(&mut Self) -> T) -> Option<T> {
        let outcome = catch_unwind(AssertUnwindSafe(|| evaluate(self)));
        if outcome.is_err() {
            // What evcxr held may be half changed.
            self.started = None;
        }
        outcome.ok()
    }

    /// evcxr, started now if that has not succeeded yet.
    fn start(&mut self) -> Result<&mut CommandContext> {
        if self.started.is_none() {
            let started = Started::new(&self.options, &self.link, self.shared, &|line| self.notice(line))?;
            self.shared.set_process(started.context.process_handle());
            // Processes that ended while a template was built are of no interest.
            while self.reports.try_recv().is_ok() {}
            self.started = Some(started);
        }
        self.started
            .as_mut()
            .map(|started| &mut started.context)
            .context("evcxr has just been started")
    }

    /// Tells the user something on the cells' standard error.
    fn notice(&self, line: &str) {
        tracing::info!("{line}");
        if let Err(error) = rustix::io::write(&self.notices, format!("{line}\n").as_bytes()) {
            tracing::warn!("cannot tell the notebook: {error}");
        }
    }

    fn execute(&mut self, code: &str, number: u32) -> Result<Option<MimeBundle>, CellError> {
        self.start()
            .map_err(|error| CellError::new("KernelError", format!("{error:#}")))?;
        let expansion =
            mosaic_expand::expand_cell(code).map_err(|errors| CellError::from_expansion(&errors, code, number))?;
        if let Some(refusal) = commands::refusal(code) {
            return Err(CellError::new("CommandError", refusal));
        }
        if let Some(place) = syntax::let_without_pattern(code) {
            return Err(CellError::missing_pattern(code, number, place));
        }
        let source = expansion.as_ref().map_or(code, |expansion| expansion.source());
        self.begin()?;
        let Some(Started { context, .. }) = &mut self.started else {
            return Err(CellError::ended());
        };
        let before = variables(context);
        let result = context.execute(source);
        let reports = self.collect();
        self.tell_lost(&reports);
        match result {
            Ok(outputs) => match CellError::from_reports(&reports) {
                Some(error) => Err(error),
                None => Ok(bundle(outputs, reports)),
            },
            Err(evcxr::Error::CompilationErrors(errors)) => {
                Err(CellError::from_compilation(&errors, code, number, expansion.as_ref()))
            }
            Err(evcxr::Error::SubprocessTerminated(status)) => {
                let lost: Vec<String> = before.into_iter().collect();
                Err(CellError::process_ended(
                    &status.replace("Subprocess terminated", "the cell's process ended"),
                    &lost,
                ))
            }
            Err(error) => Err(CellError::new("Error", error.to_string())),
        }
    }

    /// Makes the cell process ready, and certain that it is. After a cell that ended its process, evcxr has just started
    /// another one.
    fn begin(&self) -> Result<(), CellError> {
        self.link.wait(CONNECT_PATIENCE);
        self.link.send(&Order::Begin);
        let mut reports = self.collect();
        reports.retain(|report| matches!(report, Report::OutputLost { .. }));
        CellError::from_reports(&reports).map_or(Ok(()), Err)
    }

    /// Everything that the cell process has reported until now.
    fn collect(&self) -> Vec<Report> {
        let Some(process) = self.link.send(&Order::Answer) else {
            return self.reports.try_iter().map(|(_, report)| report).collect();
        };
        let until_answered = self
            .reports
            .iter()
            .take_while(|(number, report)| *number != process || !matches!(report, Report::Answered | Report::Closed));
        until_answered.map(|(_, report)| report).collect()
    }

    fn tell_lost(&self, reports: &[Report]) {
        for report in reports {
            if let Report::VariableLost { name } = report {
                self.notice(&format!(
                    "the value of `{name}` is gone: its type was redefined, or built again with other dependencies"
                ));
            }
        }
    }

    fn complete(&mut self, code: &str, cursor: usize) -> Completions {
        let Ok(context) = self.start() else {
            return Completions::none(cursor);
        };
        let expansion = mosaic_expand::expand_cell(code).ok().flatten();
        // Up to the generated code, which follows an item, both texts are the same.
        let source = expansion.as_ref().map_or(code, |expansion| expansion.source());
        match context.completions(source, byte_offset(source, cursor)) {
            Ok(found) => Completions {
                cursor_start: code_points(source, found.start_offset),
                cursor_end: code_points(source, found.end_offset),
                matches: found
                    .completions
                    .into_iter()
                    .map(|completion| Completion {
                        text: completion.code,
                        kind: completion.kind.to_owned(),
                    })
                    .collect(),
            },
            Err(error) => {
                tracing::debug!("no completions: {error}");
                Completions::none(cursor)
            }
        }
    }

    fn inspect(&mut self, code: &str, cursor: usize) -> Option<MimeBundle> {
        let context = self.start().ok()?;
        let end = end_of_name(code, byte_offset(code, cursor));
        let (text, html) = context.hover_at(code, end).ok()?;
        let found = !text.trim().is_empty() && text != "No documentation found";
        found.then(|| {
            MimeBundle::from([
                ("text/plain".into(), Value::String(text)),
                ("text/html".into(), Value::String(html)),
            ])
        })
    }
}

fn variables(context: &CommandContext) -> BTreeSet<String> {
    context.variables_and_types().map(|(name, _)| name.to_owned()).collect()
}

/// What evcxr's commands show, and the value of the last expression.
fn bundle(outputs: EvalOutputs, reports: Vec<Report>) -> Option<MimeBundle> {
    let mut bundle: MimeBundle = outputs
        .content_by_mime_type
        .into_iter()
        .map(|(mime, content)| (mime, Value::String(content)))
        .collect();
    for report in reports {
        if let Report::Result { mime, content } = report {
            bundle.insert(mime, Value::String(content));
        }
    }
    Some(bundle).filter(|bundle| !bundle.is_empty())
}

fn byte_offset(text: &str, code_points: usize) -> usize {
    text.char_indices().nth(code_points).map_or(text.len(), |(at, _)| at)
}

fn code_points(text: &str, byte_offset: usize) -> usize {
    text.char_indices().take_while(|(at, _)| *at < byte_offset).count()
}

/// Inspection is asked for anywhere in a name; evcxr wants its end.
fn end_of_name(text: &str, from: usize) -> usize {
    let rest = &text[from..];
    from + rest
        .find(|c: char| !c.is_alphanumeric() && c != '_')
        .unwrap_or(rest.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_count_code_points() {
        let text = "ä𝒳b";
        assert_eq!([0, 1, 2, 3, 9].map(|cursor| byte_offset(text, cursor)), [0, 2, 6, 7, 7]);
        assert_eq!([0, 2, 6, 7].map(|at| code_points(text, at)), [0, 1, 2, 3]);
        assert_eq!(end_of_name("vec.push(1)", 5), 8);
    }
}
