//! What the compiler says of a cell: why the cell does not compile, and what rustc warns of.

use crate::{
    errors::{cell_error::CellError, places::Changes},
    evaluation::{Evaluation, evcxr_session::EvcxrSession},
    source::carriers::uncarried,
};

/// A step of a cell, in the texts that its errors and warnings refer to.
pub(super) struct CellText<'a> {
    /// The text of the step: the cell's text, blank where other steps are.
    pub(super) text: &'a str,
    /// The text of the cell.
    pub(super) code: &'a str,
    /// The number of the cell, as clients show it.
    pub(super) number: u32,
    /// What was done to the step before it was compiled.
    pub(super) changes: Changes<'a>,
    /// The step as evcxr got it.
    pub(super) compiled: &'a str,
}

impl Evaluation<'_> {
    /// Returns the error that says why a cell does not compile.
    pub(super) fn explain(&mut self, error: &evcxr::Error, cell: &CellText) -> CellError {
        let type_of = |name: &str, end: usize| {
            let by_rustc = self.types.get(name).cloned();
            by_rustc.or_else(|| self.code_help.wait_for_type(cell.text, end))
        };
        match error {
            evcxr::Error::CompilationErrors(errors) => {
                let shown = CellError::from_compilation(errors, cell.code, cell.number, cell.changes, type_of);
                shown.with_gone_variables(&self.gone_variables)
            }
            other => CellError::from_message(&other.to_string(), cell.code, cell.number, type_of),
        }
    }

    /// Shows the warnings that the user has not seen yet.
    pub(super) fn show_warnings(&mut self, cell: &CellText) {
        let source = uncarried(cell.compiled);
        let warnings = self.session.as_mut().map(|session| session.new_warnings(&source));
        for warning in warnings.unwrap_or_default() {
            self.notice(&CellError::warning(&warning, cell.code, cell.number, cell.changes));
        }
        let notices = self.session.as_ref().map(EvcxrSession::new_crate_notices);
        for notice in notices.unwrap_or_default() {
            self.notice(&notice);
        }
    }
}
