//! `:opt`, `:release`, `:overflow_checks`, `:target_cpu`, `:edition`, `:fmt` and `:types`, which set how cells are compiled. The
//! rustc wrapper reads the settings from the session's directory.

use crate::{
    errors::cell_error::CellError,
    evaluation::{
        Evaluation,
        commands::{failed, text},
        evcxr_session::EvcxrSession,
    },
    mime_bundle::MimeBundle,
    session::{
        files,
        settings::{DEFAULT_OPT_LEVEL, Edition, Settings},
    },
};

/// The `-C target-cpu` of cells unless `:target_cpu` sets another one: any CPU of the architecture.
pub(super) const DEFAULT_TARGET_CPU: &str = "generic";

/// Sets the optimisation level of cells. Without an argument, switches between 0 and 3.
pub(super) fn set_opt_level(
    evaluation: &mut Evaluation,
    arguments: Option<&str>,
    _execution: u64,
) -> Result<MimeBundle, CellError> {
    let session = evaluation.session()?;
    let level = change(session, |settings| {
        let is_default = |level: &str| level == DEFAULT_OPT_LEVEL;
        let is_optimised = settings.opt_level.as_deref().is_none_or(is_default);
        let other = if is_optimised { "0" } else { DEFAULT_OPT_LEVEL };
        let level = arguments.map_or(other, |level| level.trim_matches('"')).to_owned();
        settings.opt_level = Some(level.clone());
        level
    })?;
    Ok(text(format!("Optimization: {level}\n")))
}

/// Sets the options of a release build.
pub(super) fn set_release(
    evaluation: &mut Evaluation,
    _arguments: Option<&str>,
    _execution: u64,
) -> Result<MimeBundle, CellError> {
    change(evaluation.session()?, |settings| {
        settings.opt_level = None;
        settings.omits_overflow_checks = true;
    })?;
    Ok(text(format!(
        "Optimization: {DEFAULT_OPT_LEVEL}, overflow checks: off\n"
    )))
}

/// Has arithmetic that overflows panic. The argument `0` has it wrap around.
pub(super) fn set_overflow_checks(
    evaluation: &mut Evaluation,
    arguments: Option<&str>,
    _execution: u64,
) -> Result<MimeBundle, CellError> {
    let omits = arguments == Some("0");
    change(evaluation.session()?, |settings| settings.omits_overflow_checks = omits)?;
    let state = if omits { "off" } else { "on" };
    Ok(text(format!("Overflow checks: {state}\n")))
}

/// Sets the CPU for which cells are compiled.
pub(super) fn set_target_cpu(
    evaluation: &mut Evaluation,
    arguments: Option<&str>,
    _execution: u64,
) -> Result<MimeBundle, CellError> {
    let session = evaluation.session()?;
    let cpu = arguments.unwrap_or(DEFAULT_TARGET_CPU).trim_matches('"').to_owned();
    let is_default = cpu == DEFAULT_TARGET_CPU;
    change(session, |settings| {
        settings.target_cpu = (!is_default).then(|| cpu.clone())
    })?;
    Ok(text(format!("Target CPU: {cpu}\n")))
}

/// Sets the edition of cells. Without an argument, shows it.
pub(super) fn set_edition(
    evaluation: &mut Evaluation,
    arguments: Option<&str>,
    _execution: u64,
) -> Result<MimeBundle, CellError> {
    let session = evaluation.session()?;
    let edition = change(session, |settings| {
        settings.edition = arguments.and_then(Edition::of_year).unwrap_or(settings.edition);
        settings.edition
    })?;
    // The errors of the last cell were those of another edition.
    files::FAILED_CELL
        .remove(session.directory())
        .map_err(|error| failed(error.to_string()))?;
    Ok(text(format!("Edition: {}\n", edition.year())))
}

/// Sets the format of results. Without an argument, sets the default.
pub(super) fn set_format(
    evaluation: &mut Evaluation,
    arguments: Option<&str>,
    _execution: u64,
) -> Result<MimeBundle, CellError> {
    let session = evaluation.session()?;
    change(session, |settings| settings.format = arguments.map(str::to_owned))?;
    let format = arguments.map(|format| format!(" {format}")).unwrap_or_default();
    run_in_evcxr(session, &format!(":fmt{format}"))
}

/// Shows the types of results, or no longer.
pub(super) fn toggle_types(
    evaluation: &mut Evaluation,
    _arguments: Option<&str>,
    _execution: u64,
) -> Result<MimeBundle, CellError> {
    let session = evaluation.session()?;
    change(session, |settings| settings.types = !settings.types)?;
    run_in_evcxr(session, ":types")
}

fn change<T>(session: &EvcxrSession, change: impl FnOnce(&mut Settings) -> T) -> Result<T, CellError> {
    let mut settings = files::SETTINGS.read(session.directory()).unwrap_or_default();
    let changed = change(&mut settings);
    let written = files::SETTINGS.write(session.directory(), &settings);
    written.map_err(|error| failed(format!("cannot keep the setting: {error}")))?;
    Ok(changed)
}

/// Has evcxr run the command as well: evcxr formats the results itself that are not shown as `{:?}`.
fn run_in_evcxr(session: &mut EvcxrSession, command: &str) -> Result<MimeBundle, CellError> {
    let outputs = session.context.execute(command);
    let outputs = outputs.map_err(|error| failed(error.to_string()))?;
    let shown = outputs.content_by_mime_type.into_iter();
    Ok(shown.map(|(mime, content)| (mime, content.into())).collect())
}
