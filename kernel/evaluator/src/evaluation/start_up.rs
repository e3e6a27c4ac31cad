//! The user's start-up files, which run before the first cell of a session.
//!
//! evcxr's files are read as evcxr_jupyter reads them, so that its users find what they have set up. They run with the
//! first cell, and not when the kernel starts: opening a notebook must run nothing.

use crate::{
    errors::cell_error::CellError,
    evaluation::{Evaluation, commands::text},
    evcxr_text::configuration,
    mime_bundle::MimeBundle,
    session::files::EVCXR_CONFIGURATION,
};
use anyhow::{Context, Result};
use mosaic_engine::open_own_file;
use std::{
    env, fs,
    io::{self, Read},
    path::{Path, PathBuf},
};
use toml::{Table, Value};

/// The number of the cell whose text is a start-up file. The user's cells count from 1.
const NUMBER: u32 = 0;
/// The name of that cell in errors.
const CELL: &str = "cell [0]";
const OWN_FILE: &str = "init.rs";

/// The text of a start-up file, or the part of it that runs as one cell.
#[derive(Debug, PartialEq, Eq)]
struct StartUpCell {
    file: PathBuf,
    code: String,
}

/// The directories in which start-up files may lie.
struct Directories {
    notebook: Option<PathBuf>,
    evcxr: Option<PathBuf>,
    own: Option<PathBuf>,
}

impl Evaluation<'_> {
    /// Runs the start-up files, unless this session has. An error in one of them is shown, and the next one runs.
    ///
    /// # Errors
    ///
    /// An interrupt has ended one of the files.
    pub(super) fn run_start_up_files_once(&mut self, execution: u64) -> Result<(), CellError> {
        let session = self.session()?;
        if std::mem::replace(&mut session.has_run_start_up_files, true) {
            return Ok(());
        }
        self.run_start_up_files(execution).map(drop)
    }

    /// Runs the start-up files. Returns their paths.
    fn run_start_up_files(&mut self, execution: u64) -> Result<Vec<PathBuf>, CellError> {
        let cells = match Directories::of_user().cells() {
            Ok(cells) => cells,
            Err(error) => {
                self.notice(&format!("a start-up file cannot be used: {error:#}"));
                return Ok(Vec::new());
            }
        };
        let number = self.number;
        for StartUpCell { file, code } in &cells {
            let result = self.execute_code(code, NUMBER, execution);
            if self.execution_state.interrupts() > 0 {
                return Err(CellError::interrupted_before_it_ran());
            }
            if let Err(error) = result {
                let name = file.file_name().unwrap_or_default().to_string_lossy();
                let shown = error.traceback.join("\n").replace(CELL, &name);
                self.notice(&format!("the start-up file {} has failed:\n{shown}", file.display()));
            }
        }
        self.number = number;
        Ok(cells.into_iter().map(|cell| cell.file).collect())
    }
}

/// Runs the start-up files again, for `:load_config`.
pub(super) fn load_configuration(
    evaluation: &mut Evaluation,
    arguments: Option<&str>,
    execution: u64,
) -> Result<MimeBundle, CellError> {
    let mut files = evaluation.run_start_up_files(execution)?;
    files.dedup();
    let files: Vec<String> = files.iter().map(|file| file.display().to_string()).collect();
    Ok(match (arguments, files.is_empty()) {
        (Some("--quiet"), _) => MimeBundle::new(),
        (_, true) => text("There are no start-up files.\n"),
        (_, false) => text(format!("Start-up files: {}\n", files.join(", "))),
    })
}

impl Directories {
    fn of_user() -> Directories {
        let of_user = dirs::config_dir();
        let in_configuration = |name: &str| Some(of_user.as_ref()?.join(name));
        Directories {
            notebook: env::current_dir().ok(),
            evcxr: env::var_os(configuration::DIRECTORY_VARIABLE)
                .map(PathBuf::from)
                .or_else(|| in_configuration(configuration::DIRECTORY)),
            own: in_configuration("mosaic-kernel"),
        }
    }

    /// Reads the start-up files, in the order in which they run.
    fn cells(&self) -> Result<Vec<StartUpCell>> {
        let (file, table) = self.evcxr_configuration()?;
        let in_evcxrs = |name: &str| Some(self.evcxr.as_ref()?.join(name));
        let read_cell = |path: Option<PathBuf>| -> Result<Option<StartUpCell>> {
            let Some(file) = path else { return Ok(None) };
            let code = read(&file, |it| fs::read_to_string(it))?;
            Ok(code.map(|code| StartUpCell { file, code }))
        };
        let of_toml = |code: Option<String>| {
            Some(StartUpCell {
                file: file.clone(),
                code: code?,
            })
        };
        let crates = match of_toml(crates_of(&table)?) {
            None => read_cell(in_evcxrs(configuration::CRATES))?,
            some => some,
        };
        let prelude = table
            .get(configuration::SETTINGS)
            .and_then(|it| it.get("prelude"))
            .and_then(Value::as_str);
        let prelude = match of_toml(prelude.map(str::to_owned)) {
            None => read_cell(in_evcxrs(configuration::PRELUDE))?,
            some => some,
        };
        let own = read_cell(self.own.as_ref().map(|it| it.join(OWN_FILE)))?;
        let cells = [of_toml(settings_of(&table)), crates, prelude, own];
        Ok(cells.into_iter().flatten().collect())
    }

    /// Reads evcxr's configuration: the notebook's, or else the user's.
    fn evcxr_configuration(&self) -> Result<(PathBuf, Table)> {
        // Others may write where a notebook lies.
        let read_own = |path: &Path| {
            let mut text = String::new();
            open_own_file(path)?.read_to_string(&mut text)?;
            Ok(text)
        };
        for (directory, is_own) in [(&self.notebook, false), (&self.evcxr, true)] {
            let Some(directory) = directory else { continue };
            let path = directory.join(EVCXR_CONFIGURATION.name());
            let text = match is_own {
                true => read(&path, |it| fs::read_to_string(it))?,
                false => read(&path, read_own)?,
            };
            if let Some(text) = text {
                let table = text.parse().with_context(|| path.display().to_string())?;
                return Ok((path, table));
            }
        }
        Ok((PathBuf::new(), Table::new()))
    }
}

/// Reads a file, if there is one.
fn read(path: &Path, read: impl Fn(&Path) -> io::Result<String>) -> Result<Option<String>> {
    match read(path) {
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
        other => other
            .map(Some)
            .with_context(|| format!("cannot read {}", path.display())),
    }
}

/// Returns the settings of evcxr's configuration that apply to this kernel, as commands.
fn settings_of(table: &Table) -> Option<String> {
    let settings = table.get(configuration::SETTINGS)?;
    let switch = |key: &str| settings.get(key).and_then(Value::as_bool).map(u8::from);
    let commands = [
        switch("offline_mode").map(|it| format!(":offline {it}\n")),
        switch("preserve_vars_on_panic").map(|it| format!(":preserve_vars_on_panic {it}\n")),
        settings
            .get("opt_level")
            .and_then(Value::as_str)
            .map(|it| format!(":opt {it}\n")),
    ];
    Some(commands.into_iter().flatten().collect::<String>()).filter(|it| !it.is_empty())
}

/// Returns the crates of evcxr's configuration, as commands.
fn crates_of(table: &Table) -> Result<Option<String>> {
    let Some(crates) = table.get("dependencies") else {
        return Ok(None);
    };
    let crates = crates.as_table().context("`dependencies` of evcxr.toml is no table")?;
    let commands = crates
        .iter()
        .map(|(name, specification)| format!(":dep {name} = {specification}\n"));
    Ok(Some(commands.collect::<String>()).filter(|it| !it.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes files and returns what runs of them, as names and texts.
    fn cells(files: &[(&str, &str)]) -> Result<Vec<(String, String)>> {
        let root = tempfile::tempdir()?;
        for (file, text) in files {
            let path = root.path().join(file);
            fs::create_dir_all(path.parent().unwrap())?;
            fs::write(path, text)?;
        }
        let directory = |name: &str| Some(root.path().join(name));
        let directories = Directories {
            notebook: directory("notebook"),
            evcxr: directory("evcxr"),
            own: directory("own"),
        };
        let name = |file: PathBuf| file.strip_prefix(root.path()).unwrap().display().to_string();
        let cells = directories.cells()?.into_iter();
        Ok(cells.map(|it| (name(it.file), it.code)).collect())
    }

    #[test]
    fn files_run_in_evcxrs_order_and_ours_last() {
        let own = ("own/init.rs", "o");
        for (files, expected) in [
            (vec![], vec![]),
            (vec![own], vec![own]),
            (
                vec![("evcxr/prelude.rs", "p"), own, ("evcxr/init.evcxr", "i")],
                vec![("evcxr/init.evcxr", "i"), ("evcxr/prelude.rs", "p"), own],
            ),
            (
                vec![
                    (
                        "evcxr/evcxr.toml",
                        "[evcxr]\nprelude = \"q\"\nopt_level = \"1\"\nsccache = \"/x\"",
                    ),
                    ("evcxr/prelude.rs", "p"),
                    ("evcxr/init.evcxr", "i"),
                ],
                vec![
                    ("evcxr/evcxr.toml", ":opt 1\n"),
                    ("evcxr/init.evcxr", "i"),
                    ("evcxr/evcxr.toml", "q"),
                ],
            ),
            (
                vec![
                    (
                        "notebook/evcxr.toml",
                        "[evcxr]\noffline_mode = true\n[dependencies]\na = { version = \"1\" }",
                    ),
                    ("evcxr/evcxr.toml", "[evcxr]\nprelude = \"q\""),
                    ("evcxr/init.evcxr", "i"),
                ],
                vec![
                    ("notebook/evcxr.toml", ":offline 1\n"),
                    ("notebook/evcxr.toml", ":dep a = { version = \"1\" }\n"),
                ],
            ),
        ] {
            let expected: Vec<_> = expected
                .iter()
                .map(|(file, code)| (file.to_string(), code.to_string()))
                .collect();
            assert_eq!(cells(&files).unwrap(), expected);
        }
    }

    #[test]
    fn a_configuration_that_does_not_parse_is_named() {
        for text in ["[evcxr", "dependencies = 1"] {
            let error = cells(&[("evcxr/evcxr.toml", text)]).unwrap_err();
            assert!(format!("{error:#}").contains("evcxr.toml"), "{error:#}");
        }
    }
}
