//! Who finds the types of a cell's variables: rust-analyzer if it has loaded, and else rustc if it can.

use super::{Evaluation, needs_types};
use crate::{
    report::CellError,
    types::{self, Probe},
};
use evcxr::{Error, EvalOutputs};

type Evaluated = Result<EvalOutputs, Error>;

impl Evaluation<'_> {
    /// Has evcxr evaluate a text.
    pub(super) fn execute_text(&mut self, source: &str) -> Result<Evaluated, CellError> {
        if needs_types(source) && !self.session()?.is_analysed() {
            if let Some(evaluated) = self.execute_with_types_by_rustc(source)? {
                return Ok(evaluated);
            }
            let analysed = self.session()?.analyse();
            analysed.map_err(|error| CellError::new("KernelError", format!("{error:#}")))?;
        }
        Ok(self.session()?.context.execute(source))
    }

    /// Evaluates a text without rust-analyzer, unless that takes it to know a type, or to tell what is wrong.
    fn execute_with_types_by_rustc(&mut self, source: &str) -> Result<Option<Evaluated>, CellError> {
        let Some(probe) = Probe::of(source) else {
            return Ok(None);
        };
        let mut declared = None;
        if !probe.is_empty() {
            let session = self.session()?;
            types::take(session.directory());
            let Ok(errors) = session.context.check(&probe.text()) else {
                return Ok(None);
            };
            declared = probe.declared(&types::take(session.directory()));
            if self.shared.interrupts() > 0 {
                return Err(CellError::interrupted_before_it_ran());
            }
            // What is wrong with the cell is told without types, too.
            if errors.is_empty() && declared.is_none() {
                return Ok(None);
            }
        }
        let context = &mut self.session()?.context;
        if let Some(declared) = declared {
            match context.execute(&declared) {
                // A type may be another one than was declared, or an item wrong that the probe did not need.
                Err(Error::CompilationErrors(_) | Error::Message(_)) => {}
                evaluated => return Ok(Some(evaluated)),
            }
        }
        Ok(match context.execute(source) {
            // It has not run for want of a type.
            Err(Error::Message(_)) => None,
            evaluated => Some(evaluated),
        })
    }
}
