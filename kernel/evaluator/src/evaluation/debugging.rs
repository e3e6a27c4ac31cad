//! Cells that are compiled for the debugger.

use crate::{
    errors::{cell_error::CellError, error_name::ErrorName},
    evaluation::Evaluation,
    evcxr_text::displayed_paths::as_written,
    session::files,
};

/// What the user is told once, when the first cell is compiled for the debugger.
const NOTICE: &str = "the debugger is on: cells are compiled without optimisation until it is off";

impl Evaluation<'_> {
    /// Tells the rustc wrapper whether the debugger is on, and the user when it is so for the first time.
    pub(super) fn follow_debugger(&mut self) -> Result<(), CellError> {
        let debugs = self.execution_state.debugs();
        let session = self.session()?;
        let mut settings = files::SETTINGS.read(session.directory()).unwrap_or_default();
        if settings.debugs == debugs {
            return Ok(());
        }
        settings.debugs = debugs;
        let written = files::SETTINGS.write(session.directory(), &settings);
        written.map_err(|error| CellError::new(ErrorName::Kernel, format!("cannot write for rustc: {error}")))?;
        if debugs && self.told.insert(NOTICE.to_owned()) {
            self.notice(NOTICE);
        }
        Ok(())
    }

    /// Tells the kernel's handle the variables and their types.
    pub(super) fn tell_variables(&mut self) {
        let missing = self.missing_variables();
        let session = self.session.iter();
        let all = session.flat_map(|session| session.variables_and_types());
        let kept = all.filter(|(name, _)| !missing.contains(name));
        let variables = kept.map(|(name, type_name)| (name, as_written(&type_name))).collect();
        self.execution_state.set_variables(variables);
    }
}
