//! [`CellError`], what a failed cell shows, and the errors of cells that ran.
//!
//! Errors of cells that do not compile are made in [`compile_error`](super::compile_error). Errors of cells whose
//! process is gone, or that were interrupted, are made in [`lost_variables`](super::lost_variables).

use crate::{
    errors::{
        error_name::ErrorName,
        executed_cells::{CellPlace, ExecutedCells},
    },
    evcxr_text::markers::{CELL_CRATE_PATH, USER_ERROR, is_cell_function},
    session::link::Report,
};

/// Begins the name of a cell in places.
const CELL: &str = "cell [";

/// The reason for which a cell failed, in the parts of Jupyter's `error` message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CellError {
    /// The kind of the error.
    pub ename: ErrorName,
    /// The error in one line.
    pub evalue: String,
    /// The text that clients show, with ANSI colours.
    pub traceback: Vec<String>,
}

impl CellError {
    /// Makes an error that shows its kind and its one line.
    pub(crate) fn new(ename: ErrorName, evalue: impl Into<String>) -> CellError {
        let evalue = evalue.into();
        let traceback = vec![format!("\x1b[1;31m{ename}\x1b[0m: {evalue}")];
        CellError {
            ename,
            evalue,
            traceback,
        }
    }

    /// Returns the error of a cell that comes after the evaluation thread has ended.
    pub(crate) fn ended() -> CellError {
        CellError::new(ErrorName::Kernel, "the kernel is shutting down")
    }

    /// Returns the error of a cell over which evcxr panicked. Everything that evcxr knew is gone.
    pub(crate) fn evaluator_panicked() -> CellError {
        let message = "the evaluator panicked and starts anew: run the cells with your definitions again";
        CellError::new(ErrorName::Kernel, message)
    }

    /// Returns the error of a cell that ran, if its reports say that it failed. A panic comes before all other reports.
    pub(crate) fn from_reports(reports: &[Report], cells: &ExecutedCells) -> Option<CellError> {
        let panicked = reports.iter().find_map(|report| match report {
            Report::Panicked { message, backtrace } => Some(CellError::panicked(message, backtrace, cells)),
            _ => None,
        });
        let interrupted = || {
            let message = "the cell was interrupted; all variables are kept";
            reports
                .contains(&Report::Interrupted)
                .then(|| CellError::new(ErrorName::Interrupted, message))
        };
        panicked.or_else(interrupted).or_else(|| {
            reports.iter().find_map(|report| match report {
                Report::Failed { message, causes } => Some(CellError::returned(message, causes)),
                Report::OutputLost { message } => Some(CellError::new(
                    ErrorName::Kernel,
                    format!("what cells print cannot be shown: {message}"),
                )),
                _ => None,
            })
        })
    }

    /// Shows a panic: its message, the line of the cell that it came from, and the user's frames of its backtrace.
    fn panicked(message: &str, backtrace: &str, cells: &ExecutedCells) -> CellError {
        let mut error = CellError::new(ErrorName::Panic, message);
        if let Some((text, place)) = CellPlace::split_off(message)
            && let Some(shown) = cells.render(text, ErrorName::Panic.as_str(), place)
        {
            error.traceback = vec![shown];
        }
        let frames = users_frames(backtrace);
        let place = message.rsplit_once(", at ").map(|(_, place)| format!("  at {place}"));
        // A single frame often only repeats the place.
        if place.is_none_or(|place| frames != [place]) {
            error.traceback.extend(frames);
        }
        error
    }

    /// Shows an error that a `?` returned, as `main` prints it: the message, and a list of the causes.
    fn returned(message: &str, causes: &str) -> CellError {
        let mut error = CellError::new(ErrorName::Returned, message);
        if !causes.is_empty() {
            error.traceback.push(format!("\n{causes}"));
        }
        error
    }
}

/// Returns the frames of a backtrace from the first to the last that are the user's, without those that call the cell.
/// Frames have places if the cells were compiled for that. A frame with a place may lack the name of its crate.
fn users_frames(backtrace: &str) -> Vec<String> {
    let lines = backtrace.lines().map(str::trim_start);
    let mut frames: Vec<(&str, Option<&str>)> = Vec::new();
    for line in lines {
        match (line.strip_prefix("at "), line.split_once(": ")) {
            (Some(place), _) => {
                if let Some((_, at)) = frames.last_mut() {
                    *at = place.rsplit('/').next().filter(|file| file.starts_with(CELL));
                }
            }
            (None, Some((_, name))) => frames.push((name, None)),
            (None, None) => {}
        }
    }
    let is_users = |(name, place): &(&str, Option<&str>)| place.is_some() || name.contains(CELL_CRATE_PATH);
    // The generated code around a cell handles the error of the cell.
    let calls_cell =
        |(name, place): &(&str, Option<&str>)| is_cell_function(name) || place.is_none() && name.contains(USER_ERROR);
    let first = frames.iter().position(is_users).unwrap_or(frames.len());
    let end = frames.iter().position(calls_cell).unwrap_or(frames.len());
    let mut shown = Vec::new();
    for (name, place) in &frames[first.min(end)..end] {
        let place = place.map(|it| format!(" at {it}")).unwrap_or_default();
        shown.push(match name.starts_with('{') {
            // The code of the cell itself.
            true => format!(" {place}"),
            false => format!("  in {}{place}", name.replace(CELL_CRATE_PATH, "")),
        });
    }
    if let Some((name, Some(place))) = frames.get(end)
        && is_cell_function(name)
    {
        shown.push(format!("  at {place}"));
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_of_the_user_have_their_places() {
        let backtrace = "   0: std::panic\n             at /std/panic.rs:1:1\n   1: ctx::f\n             \
                         at ./cell [3]:2:5\n   2: core::call\n             at /std/call.rs:1:1\n   3: ctx::g\n   \
                         4: ctx::run_user_code_7\n   5: main\n";
        let frames = ["  in f at cell [3]:2:5", "  in core::call", "  in g"];
        assert_eq!(users_frames(backtrace), frames);
        let with_place = backtrace.replace("code_7", "code_7\n at ./cell [7]:1:1");
        assert_eq!(users_frames(&with_place)[3], "  at cell [7]:1:1");
        let of_lines = "   0: std::panic\n   1: f\n at /s/cell [3]:2:5\n   2: {async_block#0}\n at ./cell [7]:1:1\n   \
                        3: poll<ctx::EvcxrUserCodeError>\n at /s/rest.rs:1:1\n   4: run_user_code_7\n at /s/cell:9:9\n";
        assert_eq!(users_frames(of_lines), ["  in f at cell [3]:2:5", "  at cell [7]:1:1"]);
    }

    #[test]
    fn a_panic_comes_before_other_reports() {
        let cells = ExecutedCells::default();
        let from = |reports: &[Report]| CellError::from_reports(reports, &cells);
        let failed = || Report::Failed {
            message: "no".into(),
            causes: "Caused by:\n    why".into(),
        };
        let reports = [
            Report::Result {
                mime: "text/plain".into(),
                content: "1".into(),
            },
            failed(),
            Report::Panicked {
                message: "oh".into(),
                backtrace: String::new(),
            },
        ];
        assert_eq!(from(&reports).unwrap().ename, ErrorName::Panic);
        assert_eq!(from(&reports[..2]).unwrap().evalue, "no");
        assert!(from(&reports[..2]).unwrap().traceback[1].ends_with("Caused by:\n    why"));
        assert_eq!(from(&reports[..1]), None);
        let interrupted = [failed(), Report::Interrupted];
        assert_eq!(from(&interrupted).unwrap().ename, ErrorName::Interrupted);
    }

    #[test]
    fn a_panic_shows_the_line_that_it_came_from() {
        let mut cells = ExecutedCells::default();
        cells.keep(3, "let a = 1;\npanic!(\"no stones\");");
        let panicked = |message: &str| CellError::panicked(message, "", &cells);
        let error = panicked("no stones, at cell [3]:2:1");
        assert_eq!(error.evalue, "no stones, at cell [3]:2:1");
        assert!(
            error.traceback[0].contains("panic!(\"no stones\")"),
            "{}",
            error.traceback[0]
        );
        for elsewhere in [
            "no stones, at cell [4]:2:1",
            "no stones, at src/main.rs:1:1",
            "no stones",
        ] {
            assert!(panicked(elsewhere).traceback[0].ends_with(elsewhere));
        }
    }
}
