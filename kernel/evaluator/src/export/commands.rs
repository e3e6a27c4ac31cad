//! What the commands of cells mean for a program: crates, the edition, how code is compiled, how results are shown.

use crate::{
    prebuilt::requested_dependency::with_hyphens,
    session::{files::MANIFEST, settings::Edition},
};
use anyhow::{Context, Result, bail};
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};
use toml::{Table, Value};

/// The crates whose sources come with the program, so that no line of the notebook says where they are.
const OWN_CRATES: [&str; 2] = ["mosaic", "notebook"];
/// The format of results unless `:fmt` sets another one.
pub(super) const DEFAULT_FORMAT: &str = "{:?}";

/// The sum of all commands so far.
#[derive(Debug)]
pub(super) struct Commands {
    /// The specifications of crates, by their names.
    pub(super) dependencies: BTreeMap<String, Value>,
    pub(super) edition: Edition,
    /// The optimisation level, if a command sets it.
    pub(super) opt_level: Option<String>,
    pub(super) omits_overflow_checks: bool,
    /// The format of results.
    pub(super) format: String,
}

/// What becomes of a command.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Use {
    /// The program says the same in another place.
    Taken,
    /// The command means nothing in a program.
    Comment,
}

impl Commands {
    pub(super) fn new() -> Commands {
        Commands {
            dependencies: BTreeMap::new(),
            edition: Edition::default(),
            opt_level: None,
            omits_overflow_checks: false,
            format: DEFAULT_FORMAT.to_owned(),
        }
    }

    /// Takes in a command. Relative paths begin at the directory of the `notebook`.
    ///
    /// # Errors
    ///
    /// The command is malformed, or names a path that does not exist.
    pub(super) fn take(&mut self, command: &str, notebook: &Path) -> Result<Use> {
        let (name, arguments) = command.split_once(' ').unwrap_or((command, ""));
        let arguments = arguments.trim();
        match name {
            ":dep" => self.add_dependency(&with_hyphens(arguments), notebook)?,
            ":edition" => {
                let edition = Edition::of_year(arguments).filter(|_| !arguments.is_empty());
                self.edition = edition.with_context(|| format!("`{arguments}` is no edition of cells"))?;
            }
            ":opt" if !arguments.is_empty() => self.opt_level = Some(arguments.trim_matches('"').to_owned()),
            ":overflow_checks" => self.omits_overflow_checks = arguments == "0",
            ":release" => (self.opt_level, self.omits_overflow_checks) = (None, true),
            ":fmt" => {
                let format = if arguments.is_empty() {
                    DEFAULT_FORMAT
                } else {
                    arguments
                };
                if !format.contains('{') || format.contains('"') {
                    bail!("`{format}` is no format of results");
                }
                format.clone_into(&mut self.format);
            }
            _ => return Ok(Use::Comment),
        }
        Ok(Use::Taken)
    }

    fn add_dependency(&mut self, arguments: &str, notebook: &Path) -> Result<()> {
        if arguments.starts_with(['.', '/']) {
            let (name, path) = crate_at(&notebook.join(arguments))?;
            let table = Table::from_iter([("path".to_owned(), Value::String(path.display().to_string()))]);
            self.dependencies.insert(name, Value::Table(table));
            return Ok(());
        }
        let (name, specification) = arguments.split_once('=').unwrap_or((arguments, "\"*\""));
        let name = name.trim();
        let table = format!("it = {specification}").parse::<Table>();
        let mut table = table.with_context(|| format!("`:dep {arguments}` is no dependency"))?;
        let mut specification = table.remove("it").context("there is no specification")?;
        if OWN_CRATES.contains(&name) {
            return Ok(());
        }
        if let Some(path) = specification.get("path").and_then(Value::as_str) {
            let path = absolute(&notebook.join(path))?;
            if let Value::Table(table) = &mut specification {
                table.insert("path".to_owned(), Value::String(path.display().to_string()));
            }
        }
        // evcxr takes a name with hyphens and one with underscores for the same crate.
        self.dependencies
            .retain(|other, _| other.replace('-', "_") != name.replace('-', "_"));
        self.dependencies.insert(name.to_owned(), specification);
        Ok(())
    }
}

/// Returns the name and the absolute path of the crate in a directory.
fn crate_at(directory: &Path) -> Result<(String, PathBuf)> {
    let directory = absolute(directory)?;
    let manifest = directory.join(MANIFEST.name());
    let shown = || format!("cannot read {}", manifest.display());
    let table: Table = fs::read_to_string(&manifest)
        .with_context(shown)?
        .parse()
        .with_context(shown)?;
    let name = table
        .get("package")
        .and_then(|it| it.get("name"))
        .and_then(Value::as_str);
    Ok((name.with_context(shown)?.to_owned(), directory))
}

fn absolute(path: &Path) -> Result<PathBuf> {
    path.canonicalize()
        .with_context(|| format!("cannot find {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_add_up() {
        let mut commands = Commands::new();
        for (command, expected) in [
            (":dep a", Use::Taken),
            (":dep b-c = \"1\"", Use::Taken),
            (":dep b_c = { version = \"2\", default_features = false }", Use::Taken),
            (":dep mosaic", Use::Taken),
            (":edition 2021", Use::Taken),
            (":opt 1", Use::Taken),
            (":overflow_checks 0", Use::Taken),
            (":fmt {:#?}", Use::Taken),
            (":help", Use::Comment),
            ("!ls", Use::Comment),
        ] {
            assert_eq!(commands.take(command, Path::new(".")).unwrap(), expected, "{command}");
        }
        let dependencies: Vec<String> = commands
            .dependencies
            .iter()
            .map(|(k, v)| format!("{k} = {v}"))
            .collect();
        assert_eq!(
            dependencies,
            ["a = \"*\"", "b_c = { default-features = false, version = \"2\" }"]
        );
        assert_eq!(commands.edition, Edition::Edition2021);
        assert!(commands.omits_overflow_checks && commands.format == "{:#?}");
    }

    #[test]
    fn what_no_program_can_say_is_an_error() {
        for (command, part) in [
            (":edition 2018", "2018"),
            (":dep a = {", "no dependency"),
            (":dep ./no_such_crate", "no_such_crate"),
            (":dep a = { path = \"no_such_crate\" }", "no_such_crate"),
            (":fmt", ""),
        ] {
            match Commands::new().take(command, Path::new("/tmp")) {
                Ok(_) => assert_eq!(part, "", "{command}"),
                Err(error) => assert!(error.to_string().contains(part), "{error}"),
            }
        }
    }
}
