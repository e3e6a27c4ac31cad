//! What the kernel does itself around a cell: its own commands, and what it tells of errors and warnings.

use crate::{
    MimeBundle,
    errors::cell_error::CellError,
    evaluation::{
        Evaluation,
        commands::{self, KernelCommand},
    },
    session::link::Report,
};
use mosaic_expand::CellExpansion;

/// A cell, or a part of it, of which there is something to tell.
pub(super) struct CellText<'a> {
    /// The part: blank where the cell has other parts.
    pub(super) text: &'a str,
    pub(super) code: &'a str,
    pub(super) number: u32,
    pub(super) expansion: Option<&'a CellExpansion>,
}

impl Evaluation<'_> {
    /// Why a cell does not compile.
    pub(super) fn explain(&mut self, error: &evcxr::Error, cell: &CellText) -> CellError {
        let type_of = |name: &str, end: usize| {
            let by_rustc = self.types.get(name).cloned();
            by_rustc.or_else(|| self.code_help.wait_for_type(cell.text, end))
        };
        match error {
            evcxr::Error::CompilationErrors(errors) => {
                CellError::from_compilation(errors, cell.code, cell.number, cell.expansion, type_of)
            }
            other => CellError::from_message(&other.to_string(), cell.code, cell.number, type_of),
        }
    }

    /// Tells what rustc warned of, if it is new.
    pub(super) fn tell_warnings(&mut self, cell: &CellText) {
        let source = cell.expansion.map_or(cell.text, |expansion| expansion.source());
        let warnings = self.started.as_mut().map(|started| started.new_warnings(source));
        for warning in warnings.unwrap_or_default() {
            self.notice(&CellError::warning(&warning, cell.code, cell.number, cell.expansion));
        }
    }

    /// Runs a command of the kernel's own.
    pub(super) fn command(&mut self, command: &KernelCommand, execution: u64) -> Result<MimeBundle, CellError> {
        let failed = |error: anyhow::Error| CellError::new("CommandError", format!("{error:#}"));
        match command {
            KernelCommand::Variables => self.list_variables(execution),
            KernelCommand::Doc(name) => self.code_help.wait_for_documentation(name).ok_or_else(|| {
                let reason =
                    format!("there is no documentation of `{name}`: a name in scope has some, such as `:doc Vec`");
                CellError::new("CommandError", reason)
            }),
            KernelCommand::Clear => {
                let script = self.session()?.clear_script();
                let (cleared, _) = self.evaluate(&script, execution)?;
                if let Err(error) = cleared {
                    // What is left of it is not to be relied on.
                    self.started = None;
                    return Err(CellError::new("CommandError", error.to_string()));
                }
                Ok(MimeBundle::new())
            }
            other => self.session()?.set(other).map_err(failed),
        }
    }

    /// The variables with their sizes, for which the cells' store is asked.
    fn list_variables(&mut self, execution: u64) -> Result<MimeBundle, CellError> {
        let (result, outcome) = self.evaluate(commands::VARIABLES, execution)?;
        let told = outcome.reports.iter().filter_map(|report| match report {
            Report::Result { mime, content } if result.is_ok() => Some((mime.as_str(), content.as_str())),
            _ => None,
        });
        let sizes = commands::sizes(told);
        let missing = self.missing_variables();
        let mut variables = self.session()?.variables_and_types();
        variables.retain(|(name, _)| !missing.contains(name));
        Ok(commands::table(variables, &sizes))
    }
}
