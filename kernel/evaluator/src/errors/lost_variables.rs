//! What an interrupt, a panic or the end of the cell process costs: the texts that name lost variables.

use crate::{
    errors::{cell_error::CellError, error_name::ErrorName},
    evcxr_text::messages::PROCESS_ENDED,
};
use std::{collections::BTreeSet, process::ExitStatus};

/// What the end of the cell process never takes away.
const KEPT: &str = "kept: definitions, imports, dependencies, and mosaic's workers with their tesserae: \
     `mosaic::tesserae().await?` lists them and `T::attach(uid).await?` gives a proxy again";

impl CellError {
    /// Returns the error of a cell that was interrupted before it ran.
    pub(crate) fn interrupted_before_it_ran() -> CellError {
        let message = "the cell was interrupted before its code ran; all variables are kept";
        CellError::new(ErrorName::Interrupted, message)
    }

    /// Returns the error of a cell that stopped at an interrupt. The cell had taken the variables `taken`, by moving or
    /// redefining them.
    pub(crate) fn interrupted(taken: &BTreeSet<String>) -> CellError {
        let kept = match names(taken) {
            None => "all variables are kept".to_owned(),
            Some(names) => format!("all variables are kept but those that it had taken: {names}"),
        };
        CellError::new(ErrorName::Interrupted, format!("the cell was interrupted; {kept}"))
    }

    /// Returns the error of a cell whose process has ended by itself, and the variables `lost` with it. `status` says
    /// how the process ended, in evcxr's words or in those of [`status`].
    pub(crate) fn process_ended(status: &str, lost: &BTreeSet<String>) -> CellError {
        let status = status.replace(PROCESS_ENDED, "the cell's process ended");
        CellError::new(
            ErrorName::CellProcessEnded,
            format!("{}; {}; {KEPT}", status.trim(), losses(lost)),
        )
    }

    /// Returns the error of a cell that did not stop at an interrupt, so that its process was killed.
    pub(crate) fn process_replaced(lost: &BTreeSet<String>) -> CellError {
        let message = "the cell was interrupted and did not stop, so that its process was replaced";
        CellError::new(ErrorName::Interrupted, format!("{message}; {}; {KEPT}", losses(lost)))
    }
}

/// Describes how a cell process ended.
pub(crate) fn status(status: Option<ExitStatus>) -> String {
    status.map_or_else(
        || "the cell's process ended".to_owned(),
        |status| {
            let status = mosaic_engine::describe_exit_status(status);
            format!("the cell's process ended with status: {status}")
        },
    )
}

/// Describes the variables that a cell took and did not put back, since it panicked or returned early. Returns nothing
/// if there are none.
pub(crate) fn taken(lost: &BTreeSet<String>) -> Option<String> {
    names(lost).map(|names| format!("lost, since the cell had taken them before it failed: {names}"))
}

/// Describes the variables that a cell did not keep, since it returned before its end. Returns nothing if there are none.
pub(crate) fn not_kept(lost: &BTreeSet<String>) -> Option<String> {
    names(lost).map(|names| format!("not kept, since the cell returned before its end: {names}"))
}

fn losses(lost: &BTreeSet<String>) -> String {
    names(lost).map_or_else(
        || "no variable was lost".to_owned(),
        |names| format!("variables lost with it: {names}"),
    )
}

fn names(variables: &BTreeSet<String>) -> Option<String> {
    let names: Vec<&str> = variables.iter().map(String::as_str).collect();
    (!names.is_empty()).then(|| names.join(", "))
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
        assert!(CellError::interrupted(&lost).evalue.ends_with("taken: a, b"));
        assert!(taken(&lost).is_some_and(|text| text.ends_with(": a, b")));
        assert!(
            CellError::interrupted(&BTreeSet::new())
                .evalue
                .ends_with("all variables are kept")
        );
        let error = CellError::process_ended("Subprocess terminated with status: signal: 6", &BTreeSet::new());
        assert!(
            error
                .evalue
                .starts_with("the cell's process ended with status: signal: 6; no variable was lost; ")
        );
    }
}
