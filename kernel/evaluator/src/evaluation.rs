//! The thread in which evcxr evaluates cells, one request after the other.

use crate::{
    MimeBundle,
    crates::Crates,
    handle::{Completion, Completions, Options, Request},
    host::{DIRECTORY_VARIABLE, HUB_VARIABLE, SESSION_VARIABLE},
    link::{Link, Order, Report},
    report::CellError,
    session::{self, Session},
    toolchain::Toolchain,
};
use anyhow::{Context, Result, anyhow};
use evcxr::{CommandContext, EvalContext, EvalContextOutputs, EvalOutputs};
use serde_json::Value;
use std::{
    collections::BTreeSet,
    env, fs,
    os::fd::OwnedFd,
    path::{Path, PathBuf},
    process::{Child, Command},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, mpsc},
    thread,
    time::Duration,
};

/// Makes evcxr turn on what is sticky: asynchronous cells and `?`. From then on no cell is compiled twice for it.
const WARM_UP: &str =
    "std::future::ready(()).await; Err::<(), std::fmt::Error>(std::fmt::Error).or(Ok::<(), std::fmt::Error>(()))?;";

/// What the handle may look at while the thread works.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    state: Mutex<State>,
    ended: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// Counts executions; odd while one runs.
    execution: u64,
    process: Option<Arc<Mutex<Child>>>,
    session: Option<PathBuf>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The execution that runs, if one does.
    pub(crate) fn running(&self) -> Option<u64> {
        Some(self.lock().execution).filter(|execution| execution % 2 == 1)
    }

    fn step(&self) {
        self.lock().execution += 1;
        self.ended.notify_all();
    }

    /// Waits until `execution` has ended; returns whether it did within `grace`.
    pub(crate) fn wait_for_end(&self, execution: u64, grace: Duration) -> bool {
        let waited = self
            .ended
            .wait_timeout_while(self.lock(), grace, |state| state.execution == execution);
        waited.is_ok_and(|(_, timeout)| !timeout.timed_out())
    }

    pub(crate) fn kill_cell_process(&self) {
        let process = self.lock().process.clone();
        if let Some(process) = process
            && let Err(error) = process.lock().unwrap_or_else(PoisonError::into_inner).kill()
        {
            tracing::warn!("cannot kill the cell process: {error}");
        }
    }

    pub(crate) fn remove_session(&self) {
        if let Some(directory) = self.lock().session.take() {
            session::remove(&directory, &directory.with_extension("lock"));
        }
    }
}

/// Builds the template of the current toolchain, unless it is there.
pub(crate) fn prepare() -> Result<()> {
    let toolchain = Toolchain::find()?;
    let crates = Crates::for_toolchain(&toolchain)?;
    let run_dir = tempfile::Builder::new().prefix("mosaic-").tempdir()?;
    let options = Options {
        run_dir: run_dir.path().to_owned(),
        hub: run_dir.path().join("no-hub.sock"),
    };
    let paths = crate::link::Paths::in_directory(run_dir.path());
    let (_link, _reports) = Link::listen(&paths.socket)?;
    build_template(&options, &crates, &toolchain, &|line| eprintln!("{line}"))
}

fn build_template(options: &Options, crates: &Crates, toolchain: &Toolchain, notice: &dyn Fn(&str)) -> Result<()> {
    let lock = fs::File::create(crates.directory().join("template.lock"))?;
    lock.lock()?;
    if crates.template().is_dir() {
        return Ok(());
    }
    notice(&format!(
        "building the notebook's crates (mosaic, tokio, ndarray, serde) for rustc {}: once, about a minute …",
        toolchain.version()
    ));
    let session = Session::empty(crates.directory(), "session-")?;
    let mut context = CommandContext::with_eval_context(open(options, crates, session.directory(), None)?);
    // A cell that does not compile is checked by cargo, which wants its own artefacts of the crates.
    context
        .check("let _ = ();")
        .map_err(|error| anyhow!("the notebook's crates cannot be checked: {}", full(&error)))?;
    drop(context);
    // A clone starts without the cells that were compiled here.
    let _ = fs::remove_dir_all(session.directory().join("src"));
    fs::rename(session.directory(), crates.template()).context("cannot keep the prebuilt crates")?;
    notice("the notebook's crates are built");
    Ok(())
}

/// Starts evcxr in `directory` and makes it ready for the first cell.
fn open(options: &Options, crates: &Crates, directory: &Path, lock_file: Option<&Path>) -> Result<EvalContext> {
    let executable = env::current_exe().context("cannot find this executable")?;
    let config = format!("[evcxr]\ntmpdir = {directory:?}\nsccache = {executable:?}\n");
    fs::write(directory.join("evcxr.toml"), config)?;
    let here = env::current_dir()?;
    let mut command = Command::new(&executable);
    command
        .arg("cell-host")
        .current_dir(&here)
        .env(DIRECTORY_VARIABLE, &options.run_dir)
        .env(HUB_VARIABLE, &options.hub)
        .env(SESSION_VARIABLE, directory);
    // evcxr takes its configuration from the working directory first, where the user may have one of their own.
    env::set_current_dir(directory)?;
    let started = EvalContext::with_subprocess_command(command);
    env::set_current_dir(here)?;
    let (mut context, outputs) = started.map_err(|error| anyhow!("evcxr does not start: {error}"))?;
    forward(outputs)?;
    let mut state = context.state();
    for (name, specification) in crates.dependencies() {
        state
            .add_dep(name, &specification)
            .map_err(|error| anyhow!("crate {name}: {error}"))?;
    }
    if let Some(lock_file) = lock_file {
        // Adding dependencies one by one made cargo forget the versions that the template was built with.
        copy_aside(lock_file, &directory.join("Cargo.lock"))?;
    }
    context
        .eval_with_state(WARM_UP, state)
        .map_err(|error| anyhow!("the notebook's crates do not build: {}", full(&error)))?;
    Ok(context)
}

fn full(error: &evcxr::Error) -> String {
    match error {
        evcxr::Error::CompilationErrors(errors) => {
            errors.iter().map(|error| error.rendered() + &error.message()).collect()
        }
        other => other.to_string(),
    }
}

/// Replaces a file by a copy, without touching what the old one shares with others.
fn copy_aside(from: &Path, to: &Path) -> std::io::Result<()> {
    let _ = fs::remove_file(to);
    fs::copy(from, to).map(drop)
}

/// evcxr waits until these are read. The cells' own output takes another way, so what comes here goes to the log.
fn forward(outputs: EvalContextOutputs) -> Result<()> {
    for (name, lines) in [("evcxr-stdout", outputs.stdout), ("evcxr-stderr", outputs.stderr)] {
        thread::Builder::new().name(name.into()).spawn(move || {
            for line in lines {
                tracing::warn!("{name}: {line}");
            }
        })?;
    }
    Ok(())
}

/// The thread's body.
pub(crate) fn run(
    options: Options,
    link: Link,
    reports: mpsc::Receiver<Report>,
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
        closed: false,
    };
    if let Err(error) = evaluation.start() {
        // Told with the first cell, which tries again.
        tracing::error!("{error:#}");
    }
    for request in requests {
        match request {
            Request::Execute { code, number, reply } => {
                shared.step();
                let result = evaluation.execute(&code, number);
                shared.step();
                let _ = reply.send(result);
            }
            Request::Complete { code, cursor, reply } => drop(reply.send(evaluation.complete(&code, cursor))),
            Request::Inspect { code, cursor, reply } => drop(reply.send(evaluation.inspect(&code, cursor))),
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
    reports: mpsc::Receiver<Report>,
    notices: OwnedFd,
    shared: &'a Shared,
    started: Option<Started>,
    /// The cell process is gone, and evcxr has not noticed yet.
    closed: bool,
}

/// The order matters: evcxr ends its process before its directory goes.
struct Started {
    context: CommandContext,
    _session: Session,
}

impl Evaluation<'_> {
    fn start(&mut self) -> Result<&mut CommandContext> {
        if self.started.is_none() {
            self.started = Some(self.open_session()?);
        }
        self.started
            .as_mut()
            .map(|started| &mut started.context)
            .context("evcxr has just been started")
    }

    fn open_session(&self) -> Result<Started> {
        let toolchain = Toolchain::find()?;
        let crates = Crates::for_toolchain(&toolchain)?;
        if !crates.template().is_dir() {
            build_template(&self.options, &crates, &toolchain, &|line| self.notice(line))?;
        }
        let session = Session::from_template(&crates)?;
        self.shared.lock().session = Some(session.directory().to_owned());
        let lock_file = crates.template().join("Cargo.lock");
        let context = open(&self.options, &crates, session.directory(), Some(&lock_file))?;
        let context = CommandContext::with_eval_context(context);
        self.shared.lock().process = Some(context.process_handle());
        // Processes that ended while the template was built are of no interest.
        while self.reports.try_recv().is_ok() {}
        Ok(Started {
            context,
            _session: session,
        })
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
        let source = expansion.as_ref().map_or(code, |expansion| expansion.source());
        self.begin();
        let Some(Started { context, .. }) = &mut self.started else {
            return Err(CellError::ended());
        };
        let before = variables(context);
        let result = context.execute(source);
        let reports = self.collect();
        match result {
            Ok(outputs) => match CellError::from_reports(&reports) {
                Some(error) => Err(error),
                None => {
                    self.tell_lost(&reports);
                    Ok(bundle(outputs, reports))
                }
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

    /// Makes the cell process ready, and certain that it is.
    fn begin(&mut self) {
        self.link.send(&Order::Begin);
        self.collect();
    }

    /// Everything that the cell process has reported until now.
    fn collect(&mut self) -> Vec<Report> {
        let mut collected = Vec::new();
        if !self.link.send(&Order::Answer) {
            collected.extend(self.reports.try_iter());
            return collected;
        }
        for report in &self.reports {
            match report {
                Report::Answered => break,
                Report::Closed => {
                    self.closed = true;
                    break;
                }
                report => collected.push(report),
            }
        }
        collected
    }

    fn tell_lost(&self, reports: &[Report]) {
        for report in reports {
            if let Report::VariableLost { name } = report {
                self.notice(&format!("the type of `{name}` was redefined, so its value is gone"));
            }
        }
    }

    fn complete(&mut self, code: &str, cursor: usize) -> Completions {
        let nothing = Completions {
            matches: Vec::new(),
            cursor_start: cursor,
            cursor_end: cursor,
        };
        let Ok(context) = self.start() else { return nothing };
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
                nothing
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
