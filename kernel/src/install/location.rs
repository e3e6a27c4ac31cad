//! The location of kernelspecs: one of the three that `jupyter kernelspec install` knows.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};
use clap::Args;

/// One of three locations. The default is the user's own.
#[derive(Debug, Default, Args)]
#[group(multiple = false)]
pub(super) struct Location {
    /// For the current user (the default)
    #[arg(long)]
    user: bool,
    /// Into the active virtual environment, or else where Python is installed
    #[arg(long)]
    sys_prefix: bool,
    /// Below this directory, in share/jupyter/kernels
    #[arg(long, value_name = "DIRECTORY")]
    prefix: Option<PathBuf>,
}

impl Location {
    /// Returns the directory of the kernelspecs.
    ///
    /// # Errors
    /// When the home directory or Python's prefix is needed and cannot be found.
    pub(super) fn kernels(&self) -> Result<PathBuf> {
        let data = if let Some(prefix) = &self.prefix {
            below(prefix)
        } else if self.sys_prefix {
            below(&sys_prefix(|name| env::var_os(name).map(PathBuf::from))?)
        } else {
            user_data(|name| env::var_os(name).map(PathBuf::from), cfg!(target_os = "macos"))?
        };
        Ok(std::path::absolute(data.join("kernels"))?)
    }
}

fn below(prefix: &Path) -> PathBuf {
    prefix.join("share/jupyter")
}

/// Returns the user's data directory, as jupyter_core defines it.
fn user_data(variable: impl Fn(&str) -> Option<PathBuf>, mac: bool) -> Result<PathBuf> {
    if let Some(directory) = variable("JUPYTER_DATA_DIR") {
        return Ok(directory);
    }
    let home = variable("HOME").context("HOME is not set: name the location with --prefix DIRECTORY")?;
    if mac {
        return Ok(home.join("Library/Jupyter"));
    }
    Ok(variable("XDG_DATA_HOME")
        .unwrap_or_else(|| home.join(".local/share"))
        .join("jupyter"))
}

/// Returns the prefix of the active environment, or else of the `python3` on the path.
fn sys_prefix(variable: impl Fn(&str) -> Option<PathBuf>) -> Result<PathBuf> {
    if let Some(prefix) = variable("VIRTUAL_ENV").or_else(|| variable("CONDA_PREFIX")) {
        return Ok(prefix);
    }
    let python = Command::new("python3")
        .args(["-c", "import sys; print(sys.prefix)"])
        .output();
    let advice = "activate a virtual environment, or name the location with --prefix DIRECTORY";
    let output = python.with_context(|| format!("cannot ask python3 for its prefix: {advice}"))?;
    let prefix = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    if !output.status.success() || prefix.is_empty() {
        bail!("python3 did not print its prefix: {advice}");
    }
    Ok(PathBuf::from(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables<'a>(set: &'a [(&'a str, &'a str)]) -> impl Fn(&str) -> Option<PathBuf> + 'a {
        move |name| {
            set.iter()
                .find(|(key, _)| *key == name)
                .map(|(_, value)| PathBuf::from(value))
        }
    }

    #[test]
    fn the_users_directory() {
        let home = ("HOME", "/home/me");
        let linux = |set: &[_]| user_data(variables(set), false).unwrap();
        assert_eq!(linux(&[home]), Path::new("/home/me/.local/share/jupyter"));
        assert_eq!(linux(&[home, ("XDG_DATA_HOME", "/data")]), Path::new("/data/jupyter"));
        assert_eq!(linux(&[home, ("JUPYTER_DATA_DIR", "/j")]), Path::new("/j"));
        assert_eq!(
            user_data(variables(&[home]), true).unwrap(),
            Path::new("/home/me/Library/Jupyter")
        );
        assert!(
            user_data(variables(&[]), false)
                .unwrap_err()
                .to_string()
                .contains("--prefix")
        );
    }

    #[test]
    fn the_active_environment() {
        let both = [("CONDA_PREFIX", "/conda"), ("VIRTUAL_ENV", "/venv")];
        assert_eq!(sys_prefix(variables(&both)).unwrap(), Path::new("/venv"));
        assert_eq!(sys_prefix(variables(&both[..1])).unwrap(), Path::new("/conda"));
    }

    #[test]
    fn a_prefix() {
        let location = Location {
            prefix: Some("/opt".into()),
            ..Location::default()
        };
        assert_eq!(location.kernels().unwrap(), Path::new("/opt/share/jupyter/kernels"));
    }
}
