//! rustc, as the wrapper runs it for the source of a cell.

use crate::{
    evcxr_text::markers::EVCXRS_SOURCE,
    rustc_wrapper::{
        rustc_call::RustcCall,
        source_tree::{SourceLine, SourceTree},
    },
    session::{environment_variables::MANIFEST_DIRECTORY_VARIABLE, files, notebook_files},
    source::nesting,
};
use anyhow::{Context, Result};
use serde_json::{Value, json};
use std::{
    borrow::Cow,
    env,
    ffi::OsStr,
    fs,
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, ExitStatus, Stdio},
};

/// The variable by which rustc knows the size of its threads' stacks.
const STACK_VARIABLE: &str = "RUST_MIN_STACK";
pub(super) const CANNOT_RUN_RUSTC: &str = "cannot run rustc";

/// The compiler, cargo's call of it, and the source of the cell.
pub(super) struct Rustc<'a> {
    pub(super) program: &'a OsStr,
    /// The call as cargo makes it.
    pub(super) call: &'a RustcCall,
    /// The file that holds the source.
    pub(super) source: &'a Path,
    /// The tree in which rustc finds the source beside the notebook's files, if there is a notebook.
    pub(super) tree: Option<SourceTree>,
}

/// The result of a run of rustc's.
#[derive(Debug)]
pub(super) struct Output {
    pub(super) status: ExitStatus,
    /// rustc's messages, one JSON object on a line, with places in the source.
    pub(super) messages: Vec<String>,
}

/// The way in which rustc is run for a source.
pub(super) struct Run<'r> {
    pub(super) call: &'r RustcCall,
    /// The number of parts of the cell that has the most.
    pub(super) parts: usize,
    /// Adds more to the command.
    pub(super) prepare: &'r dyn Fn(&mut Command),
    /// Moves the places in a message to the source that evcxr wrote. Gets the path by which rustc knows the source.
    pub(super) restore: &'r dyn Fn(&str, &mut Value),
}

impl<'a> Rustc<'a> {
    /// Returns the compiler for a cell, if the call compiles one. `session` is the session's directory.
    ///
    /// # Errors
    ///
    /// The session's directory cannot be written to.
    pub(super) fn of_cell(
        program: &'a OsStr,
        call: &'a RustcCall,
        session: impl FnOnce(&Path) -> std::path::PathBuf,
    ) -> Result<Option<Rustc<'a>>> {
        let Some(source) = call.cell_source() else {
            return Ok(None);
        };
        let tree = SourceTree::of(&session(source)).context("cannot make a directory for rustc")?;
        Ok(Some(Rustc {
            program,
            call,
            source,
            tree,
        }))
    }

    /// Reads the source that evcxr wrote.
    pub(super) fn read_source(&self) -> Result<String> {
        fs::read_to_string(self.source).with_context(|| format!("cannot read {}", self.source.display()))
    }

    /// Returns items with the content of the files beside the notebook that they name.
    pub(super) fn items_with_files<'i>(&self, items: &'i str) -> Cow<'i, str> {
        let tree = self.tree.as_ref();
        let with_files = tree.and_then(|tree| notebook_files::with_files(items, tree.notebook()));
        with_files.map_or(Cow::Borrowed(items), Cow::Owned)
    }

    /// Replaces the source.
    pub(super) fn write_source(&self, text: &str) -> Result<()> {
        fs::write(self.source, text).with_context(|| format!("cannot write {}", self.source.display()))
    }

    /// Runs rustc, again if it has missed a file that exists beside the notebook.
    pub(super) fn run(&self, run: &Run) -> Result<Output> {
        loop {
            let mut output = self.run_once(run).context(CANNOT_RUN_RUSTC)?;
            let Some(tree) = &self.tree else { return Ok(output) };
            if output.status.success() || !tree.link_missing(&output.messages) {
                let messages = output.messages.iter();
                output.messages = messages.map(|line| translate(tree, run, line)).collect();
                return Ok(output);
            }
        }
    }

    /// Returns a command that compiles another crate of the session, with what the cell's call says about linking.
    pub(super) fn command_of_library(&self) -> Command {
        let mut command = Command::new(self.program);
        command.args(self.call.arguments_of_linking());
        command
    }

    fn run_once(&self, run: &Run) -> std::io::Result<Output> {
        let mut command = Command::new(self.program);
        if env::var_os(STACK_VARIABLE).is_none() {
            command.env(STACK_VARIABLE, nesting::STACK_SIZE.to_string());
        }
        match &self.tree {
            Some(tree) => {
                let call = run.call.with_source(&tree.source(), tree.options(run.parts));
                command
                    .args(call.arguments())
                    .env(MANIFEST_DIRECTORY_VARIABLE, tree.notebook());
            }
            None => {
                command.args(run.call.arguments());
            }
        }
        (run.prepare)(&mut command);
        let mut rustc = command.stderr(Stdio::piped()).spawn()?;
        let output = rustc.stderr.take();
        let lines = output.into_iter().flat_map(|it| BufReader::new(it).lines());
        let messages = lines.collect::<std::io::Result<Vec<String>>>()?;
        Ok(Output {
            status: rustc.wait()?,
            messages,
        })
    }

    /// Runs rustc as cargo calls it to check a source, and prints its errors. evcxr would take a warning for an error.
    pub(super) fn run_check(&self) -> Result<ExitStatus> {
        let output = self.run(&Run::of(self.call))?;
        let errors = output.messages.iter().filter(|line| !is_warning(line));
        errors.for_each(|line| eprintln!("{line}"));
        Ok(output.status)
    }
}

/// Reports whether one of rustc's messages is a warning.
pub(super) fn is_warning(line: &str) -> bool {
    let message: Option<Value> = serde_json::from_str(line).ok();
    message.is_some_and(|message| message["level"] == "warning")
}

impl<'r> Run<'r> {
    /// Runs rustc by a call, for a source that is as evcxr wrote it.
    pub(super) fn of(call: &'r RustcCall) -> Run<'r> {
        Run {
            call,
            parts: 0,
            prepare: &|_| {},
            restore: &|_, _| {},
        }
    }
}

/// Returns a message of rustc's with places in the source, and with the user's paths.
fn translate(tree: &SourceTree, run: &Run, line: &str) -> String {
    let Ok(mut message) = serde_json::from_str::<Value>(line) else {
        return line.to_owned();
    };
    let source = tree.source().to_string_lossy().into_owned();
    (run.restore)(&source, &mut message);
    rename(tree, &source, &mut message);
    message.to_string()
}

/// Renames the source to the name that evcxr knows, and writes the user's paths in all texts.
fn rename(tree: &SourceTree, source: &str, value: &mut Value) {
    match value {
        Value::String(text) if text == source => files::CELL_SOURCE.name().clone_into(text),
        Value::String(text) => {
            let is_file = tree.is_file_of_notebook(text);
            *text = tree.as_written(text);
            if is_file && text.ends_with(EVCXRS_SOURCE) {
                // evcxr takes every file of this name for the source.
                text.push(' ');
            }
        }
        Value::Array(values) => values.iter_mut().for_each(|it| rename(tree, source, it)),
        Value::Object(fields) => {
            let name = fields.get("file_name").and_then(Value::as_str);
            let is_file = name.is_some_and(|name| name != source && tree.is_file_of_notebook(name));
            if let Some(name) = name.filter(|_| is_file && fields.get("expansion").is_some_and(Value::is_null)) {
                let line = tree.line_that_names(Path::new(name));
                fields.insert(
                    "expansion".to_owned(),
                    line.map_or(Value::Null, |line| expansion(&line)),
                );
            }
            fields.values_mut().for_each(|it| rename(tree, source, it));
        }
        _ => {}
    }
}

/// Returns the line that names a file as the place where the file was included. evcxr then takes what is in the file
/// for the user's code, and shows it at that line.
fn expansion(line: &SourceLine) -> Value {
    json!({
        "span": {
            "file_name": files::CELL_SOURCE.name(), "byte_start": line.bytes.start, "byte_end": line.bytes.end,
            "line_start": line.number, "line_end": line.number, "column_start": 1, "column_end": line.length + 1,
            "is_primary": false, "text": [], "label": null, "suggested_replacement": null,
            "suggestion_applicability": null, "expansion": null,
        },
        "macro_decl_name": "include!",
        "def_site_span": null,
    })
}

/// Runs a compiler as cargo calls it.
pub(super) fn run_unchanged(program: &OsStr, call: &RustcCall) -> Result<ExitStatus> {
    let mut command = Command::new(program);
    command.args(call.arguments()).status().context(CANNOT_RUN_RUSTC)
}
