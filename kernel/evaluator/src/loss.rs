//! What a cell's end by force costs, in words.

use crate::report::CellError;
use std::{collections::BTreeSet, process::ExitStatus};

const KEPT: &str = "kept: definitions, imports, dependencies, and mosaic's workers with their tesserae: after \
     `mosaic::interactive(On).await?`, `mosaic::tesserae()` lists them and `T::attach(uid).await?` gives a proxy again";

impl CellError {
    /// The cell was interrupted before it ran.
    pub(crate) fn interrupted_before_it_ran() -> CellError {
        let message = "the cell was interrupted before it ran; all variables are kept";
        CellError::new("Interrupted", message)
    }

    /// The cell's process is gone by itself, and these variables with it. Where evcxr saw it end, the status is its words.
    pub(crate) fn process_ended(status: &str, lost: &BTreeSet<String>) -> CellError {
        let status = status.replace("Subprocess terminated", "the cell's process ended");
        CellError::new(
            "CellProcessEnded",
            format!("{}; {}; {KEPT}", status.trim(), losses(lost)),
        )
    }

    /// The cell did not stop when it was interrupted, and its process was killed.
    pub(crate) fn process_replaced(lost: &BTreeSet<String>) -> CellError {
        let message = "the cell was interrupted and did not stop, so that its process was replaced";
        CellError::new("Interrupted", format!("{message}; {}; {KEPT}", losses(lost)))
    }
}

/// How a process ended.
pub(crate) fn status(status: Option<ExitStatus>) -> String {
    status.map_or_else(
        || "the cell's process ended".to_owned(),
        |status| format!("the cell's process ended with status: {status}"),
    )
}

fn losses(lost: &BTreeSet<String>) -> String {
    if lost.is_empty() {
        return "no variable was lost".to_owned();
    }
    let names: Vec<&str> = lost.iter().map(String::as_str).collect();
    format!("variables lost with it: {}", names.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lost_variables_are_named() {
        let lost = BTreeSet::from(["b".to_owned(), "a".to_owned()]);
        assert!(
            CellError::process_replaced(&lost)
                .evalue
                .contains("lost with it: a, b; kept: ")
        );
        let error = CellError::process_ended("Subprocess terminated with status: signal: 6", &BTreeSet::new());
        assert!(
            error
                .evalue
                .starts_with("the cell's process ended with status: signal: 6; no variable was lost; ")
        );
    }
}
