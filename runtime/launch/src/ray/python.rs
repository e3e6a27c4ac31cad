//! Finds a Python interpreter that has Ray.

use std::{
    env,
    ffi::OsString,
    process::{Command, Stdio},
};

/// The environment variable with the interpreter to use.
const VARIABLE: &str = "MOSAIC_PYTHON";
/// Succeeds if there is a package `ray`. An import of it would take a second.
const HAS_RAY: &str = "import importlib.util, sys; sys.exit(importlib.util.find_spec('ray') is None)";
/// What to install.
const REMEDY: &str = "install the version of Ray that the cluster has, with `pip install \"ray[client]==VERSION\"`";

/// Returns a command for the interpreter of [`VARIABLE`], or the first of `python3` and `python` that has Ray.
///
/// # Errors
///
/// There is none. The text says what to install.
pub(super) fn find() -> Result<Command, String> {
    find_among(env::var_os(VARIABLE), &["python3", "python"]).map(Command::new)
}

fn find_among(chosen: Option<OsString>, others: &[&str]) -> Result<OsString, String> {
    if let Some(chosen) = chosen {
        return if has_ray(&chosen) {
            Ok(chosen)
        } else {
            let chosen = chosen.to_string_lossy();
            Err(format!(
                "{chosen}, which {VARIABLE} names, is no Python interpreter with Ray: {REMEDY}"
            ))
        };
    }
    let mut with_ray = others.iter().map(OsString::from).filter(has_ray);
    with_ray.next().ok_or_else(|| {
        format!("no Python interpreter in PATH has Ray: {REMEDY}, or set {VARIABLE} to an interpreter that has it")
    })
}

fn has_ray(python: &OsString) -> bool {
    let mut command = Command::new(python);
    command
        .args(["-c", HAS_RAY])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_to_install_is_said() {
        let error = find_among(None, &["false", "/nonexistent"]).unwrap_err();
        assert!(
            error.starts_with("no Python interpreter in PATH has Ray: install "),
            "{error}"
        );
        let error = find_among(Some("/nonexistent".into()), &["true"]).unwrap_err();
        assert!(
            error.starts_with("/nonexistent, which MOSAIC_PYTHON names, is no"),
            "{error}"
        );
        assert_eq!(find_among(None, &["false", "true"]).unwrap().to_str(), Some("true"));
    }
}
