//! The Python environment of the demo and the tests: `.venv` in the repository. It holds the packages of
//! `tests/requirements.txt` and this project's own package in `kernel/python/`.

use crate::run::{ask, program, run, step};
use anyhow::{Context, Result, bail};
use std::{
    env,
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

const OLDEST: (u32, u32) = (3, 10);
/// The files of this project's own package.
const PACKAGE: [&str; 5] = [
    "pyproject.toml",
    "README.md",
    "mosaic_papermill/__init__.py",
    "mosaic_papermill/engine.py",
    "mosaic_papermill/exporter.py",
];

/// A virtual environment with the required packages and this project's own.
pub(crate) struct Environment {
    prefix: PathBuf,
}

impl Environment {
    pub(crate) fn prefix(&self) -> &Path {
        &self.prefix
    }

    /// Returns a command for the environment's interpreter. Its output is unbuffered, so that progress shows.
    pub(crate) fn python(&self) -> Command {
        let mut command = program(self.prefix.join("bin").join("python"));
        command.env("PYTHONUNBUFFERED", "1");
        // Kernels must see the environment that Jupyter has without cargo: they cache what they find for later kernels.
        for (name, _) in env::vars_os() {
            if name.to_str().is_some_and(is_set_by_cargo) {
                command.env_remove(name);
            }
        }
        command
    }

    /// Says whether the environment was completely made from these sources, and whether its interpreter still exists.
    fn is_made_from(&self, sources: &str) -> bool {
        fs::read_to_string(self.stamp()).is_ok_and(|made_from| made_from == sources)
            && ask(self.python().arg("--version")).is_some()
    }

    /// Returns the path of the stamp: a copy of the sources, written last.
    fn stamp(&self) -> PathBuf {
        self.prefix.join("made-from.txt")
    }

    fn install(&self, what: &[&OsStr]) -> Result<()> {
        let options = ["--disable-pip-version-check", "--no-input", "--progress-bar", "off"];
        run(self.python().args(["-m", "pip", "install"]).args(options).args(what))
    }
}

/// Returns the environment. It is made again if the requirements or this project's own package have changed.
///
/// # Errors
///
/// There is no Python 3.10 or later, it cannot make virtual environments, or a package cannot be installed.
pub(crate) fn environment(root: &Path) -> Result<Environment> {
    let environment = Environment {
        prefix: root.join(".venv"),
    };
    let requirements = root.join("tests").join("requirements.txt");
    let package = root.join("kernel").join("python");
    let files = PACKAGE.map(|file| package.join(file));
    let sources = std::iter::once(&requirements).chain(&files);
    let sources: String = sources.map(|file| read(file)).collect::<Result<_>>()?;
    if environment.is_made_from(&sources) {
        return Ok(environment);
    }
    step("making the Python environment .venv (some minutes)");
    let python = interpreter()?;
    run(program(&python)
        .args(["-m", "venv", "--clear"])
        .arg(environment.prefix()))?;
    environment.install(&["-r".as_ref(), requirements.as_ref()])?;
    environment.install(&["--no-deps".as_ref(), package.as_ref()])?;
    fs::write(environment.stamp(), sources).context("cannot write into .venv")?;
    Ok(environment)
}

/// Says whether cargo sets this variable for the programs that `cargo run` starts.
fn is_set_by_cargo(variable: &str) -> bool {
    let ours = ["CARGO", "CARGO_MANIFEST_DIR", "CARGO_MANIFEST_PATH"];
    ours.contains(&variable) || variable.starts_with("CARGO_PKG_")
}

fn read(file: &Path) -> Result<String> {
    fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))
}

/// Finds the Python that makes the environment: the first of `$PYTHON`, `python3` and `python` that exists.
fn interpreter() -> Result<String> {
    let chosen = env::var("PYTHON").ok();
    let names = chosen.map_or_else(
        || vec!["python3".to_owned(), "python".to_owned()],
        |python| vec![python],
    );
    let found = names.iter().find_map(|name| Some((name, version(name)?)));
    let Some((name, version)) = found else {
        bail!(
            "{} not found: install Python 3.10 or later, or set PYTHON to its path",
            names.join(" and ")
        );
    };
    if version < OLDEST {
        let (major, minor) = version;
        bail!("{name} is Python {major}.{minor}: install Python 3.10 or later, or set PYTHON to its path");
    }
    if ask(program(name).args(["-c", "import ensurepip, venv"])).is_none() {
        bail!("{name} cannot make virtual environments: {}", without_venv(version));
    }
    Ok(name.clone())
}

fn version(python: &str) -> Option<(u32, u32)> {
    let version = ask(program(python).args(["-c", "import sys; print(*sys.version_info[:2])"]))?;
    let (major, minor) = version.split_once(' ')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

fn without_venv((major, minor): (u32, u32)) -> String {
    format!(
        "it lacks ensurepip. On Debian and Ubuntu run `apt-get install python{major}.{minor}-venv`, elsewhere install \
         the package that holds Python's modules venv and ensurepip"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_names_debians_package() {
        assert!(without_venv((3, 12)).contains("apt-get install python3.12-venv"));
    }

    #[test]
    fn a_program_that_is_no_python_has_no_version() {
        assert_eq!(version("no-such-python"), None);
        assert_eq!(version("true"), None);
    }

    #[test]
    fn what_cargo_tells_this_program_is_not_told_to_python() {
        for (variable, expected) in [
            ("CARGO", true),
            ("CARGO_MANIFEST_DIR", true),
            ("CARGO_PKG_NAME", true),
            ("CARGO_HOME", false),
            ("CARGO_BUILD_JOBS", false),
        ] {
            assert_eq!(is_set_by_cargo(variable), expected, "{variable}");
        }
        let environment = Environment { prefix: PathBuf::new() };
        let python = environment.python();
        assert!(python.get_envs().any(|it| it == ("CARGO".as_ref(), None)));
    }

    #[test]
    fn an_environment_without_stamp_is_not_used() {
        let environment = Environment {
            prefix: PathBuf::from("/nonexistent"),
        };
        assert!(!environment.is_made_from(""));
    }
}
