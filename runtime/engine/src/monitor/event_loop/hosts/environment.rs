//! The variables of this machine's environment that node processes and workers on other hosts get, too. No I/O here.

use std::ffi::{OsStr, OsString};

/// The beginnings of the names of variables that travel: they say how Rust's runtime and the usual libraries of threads
/// behave, and name nothing that differs between hosts.
const PREFIXES: [&str; 5] = ["RUST_", "RAYON_", "OMP_", "OPENBLAS_", "MKL_"];

/// The environment variable with the names of more variables that travel, with commas between them. A name may end with
/// `*`.
const NAMES_VARIABLE: &str = "MOSAIC_ENV";

/// What begins the names of this project's own variables. They travel only if they are named in full: most say where
/// something is on one host.
const OWN: &str = "MOSAIC_";

/// Returns the variables that travel.
pub(super) fn travelling(variables: impl Iterator<Item = (OsString, OsString)>) -> Vec<(OsString, OsString)> {
    let variables: Vec<_> = variables.collect();
    let names = variables.iter().find(|(name, _)| name == NAMES_VARIABLE);
    let names = names.map(|(_, names)| names.to_string_lossy()).unwrap_or_default();
    let wanted: Vec<&str> = names
        .split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty())
        .collect();
    let travels = |name: &OsStr| {
        let Some(name) = name.to_str() else {
            return false;
        };
        let by_beginning = |beginning: &str| name.starts_with(beginning) && !name.starts_with(OWN);
        let is_wanted = |wanted: &&str| match wanted.strip_suffix('*') {
            Some(beginning) => by_beginning(beginning),
            None => name == *wanted,
        };
        PREFIXES.into_iter().any(by_beginning) || wanted.iter().any(is_wanted)
    };
    variables.iter().filter(|(name, _)| travels(name)).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names_of(variables: &[(&str, &str)]) -> Vec<String> {
        let variables = variables.iter().map(|(name, value)| (name.into(), value.into()));
        let names = travelling(variables).into_iter().map(|(name, _)| name.into_string());
        names.collect::<Result<_, _>>().unwrap()
    }

    #[test]
    fn what_is_usual_and_what_is_named_travels() {
        let mut variables = vec![
            ("HOME", "/root"),
            ("LD_LIBRARY_PATH", "/lib"),
            ("RUST_BACKTRACE", "1"),
            ("OMP_NUM_THREADS", "2"),
            ("RAYON_NUM_THREADS", "2"),
            ("DATA", "x"),
            ("AWS_REGION", "x"),
            ("AWS_PROFILE", "x"),
            ("MOSAIC_SPILL_DIR", "/disk"),
            ("MOSAIC_ADDRESS", "10.0.0.1"),
        ];
        let usual = ["RUST_BACKTRACE", "OMP_NUM_THREADS", "RAYON_NUM_THREADS"];
        assert_eq!(names_of(&variables), usual);
        variables.push(("MOSAIC_ENV", "DATA, AWS_*,MISSING,,MOSAIC_SPILL_DIR"));
        let named = ["DATA", "AWS_REGION", "AWS_PROFILE", "MOSAIC_SPILL_DIR"];
        assert_eq!(names_of(&variables), [&usual[..], &named[..]].concat());
        // All of it, except what belongs to one host.
        variables.push(("MOSAIC_ENV", "*"));
        variables.swap_remove(10);
        assert_eq!(
            names_of(&variables),
            variables[..8].iter().map(|(name, _)| *name).collect::<Vec<_>>()
        );
    }

    #[test]
    fn values_stay_as_they_are() {
        let variables = [("RUST_LOG", "a=b 'c'\n")].map(|(name, value)| (name.into(), value.into()));
        assert_eq!(travelling(variables.clone().into_iter()), variables);
    }
}
