//! Who finds the types of a cell's variables: rust-analyzer if it has loaded and can, and else rustc if it can.

use super::{Evaluation, needs_types};
use crate::{
    report::CellError,
    tools,
    types::{self, Probe},
};
use evcxr::{Error, EvalOutputs};

type Evaluated = Result<EvalOutputs, Error>;

/// What rustc says of the types of a cell's variables.
enum Types {
    /// The cell, with all of them declared.
    Declared(String),
    /// There are none to be found, or the cell is wrong whatever they are.
    NotNeeded,
    /// Not all of them can be told.
    Unknown,
}

impl Evaluation<'_> {
    /// Has evcxr evaluate a text.
    pub(super) fn execute_text(&mut self, source: &str) -> Result<Evaluated, CellError> {
        if !needs_types(source) {
            return Ok(self.session()?.context.execute(source));
        }
        let was_analysed = self.session()?.is_analysed();
        if !was_analysed {
            if let Some(evaluated) = self.execute_with_types_by_rustc(source)? {
                return Ok(evaluated);
            }
            self.go_on()?;
            let analysed = self.session()?.analyse();
            analysed.map_err(|error| CellError::new("KernelError", format!("{error:#}")))?;
        }
        let evaluated = self.session()?.context.execute(source);
        // There are types that rustc knows and rust-analyzer does not.
        if was_analysed
            && may_want_a_type(&evaluated)
            && let Some(by_rustc) = self.execute_declared(source)?
        {
            return Ok(by_rustc);
        }
        Ok(evaluated)
    }

    /// Evaluates a text without rust-analyzer, unless that takes it to know a type, or to tell what is wrong.
    fn execute_with_types_by_rustc(&mut self, source: &str) -> Result<Option<Evaluated>, CellError> {
        match self.types_by_rustc(source)? {
            Types::Unknown => return Ok(None),
            Types::NotNeeded => {}
            Types::Declared(text) => {
                if let Some(evaluated) = self.execute_if_it_compiles(&text)? {
                    return Ok(Some(evaluated));
                }
            }
        }
        let evaluated = self.session()?.context.execute(source);
        Ok(Some(evaluated).filter(|it| !may_want_a_type(it)))
    }

    /// Evaluates a text with types that rustc has told, if it has.
    fn execute_declared(&mut self, source: &str) -> Result<Option<Evaluated>, CellError> {
        match self.types_by_rustc(source)? {
            Types::Declared(text) => self.execute_if_it_compiles(&text),
            Types::NotNeeded | Types::Unknown => Ok(None),
        }
    }

    /// Evaluates a text that has declarations, unless it does not compile: a type may be another one than was declared, or
    /// an item wrong that the probe did not need.
    fn execute_if_it_compiles(&mut self, text: &str) -> Result<Option<Evaluated>, CellError> {
        let evaluated = self.session()?.context.execute(text);
        let compiled = !matches!(evaluated, Err(Error::CompilationErrors(_) | Error::Message(_)));
        Ok(compiled.then_some(evaluated))
    }

    /// Unless the user has interrupted what has not run yet: a compiler that was ended says nothing of the cell.
    pub(super) fn go_on(&self) -> Result<(), CellError> {
        match self.shared.interrupts() {
            0 => Ok(()),
            _ => Err(CellError::interrupted_before_it_ran()),
        }
    }

    fn types_by_rustc(&mut self, source: &str) -> Result<Types, CellError> {
        let Some(probe) = Probe::of(source).filter(|_| tools::are_taken_over()) else {
            return Ok(Types::Unknown);
        };
        if probe.is_empty() {
            return Ok(Types::NotNeeded);
        }
        self.go_on()?;
        let session = self.session()?;
        types::take(session.directory());
        let errors = session.context.check(&probe.text());
        let declared = probe.declared(&types::take(session.directory()));
        self.go_on()?;
        Ok(match (declared, errors) {
            (Some(text), _) => Types::Declared(text),
            (None, Ok(errors)) if !errors.is_empty() => Types::NotNeeded,
            _ => Types::Unknown,
        })
    }
}

/// Whether a text may have failed for a type that was not known, or taken for another one: nothing of the user's is wrong.
fn may_want_a_type(evaluated: &Evaluated) -> bool {
    match evaluated {
        Err(Error::Message(_)) => true,
        Err(Error::CompilationErrors(errors)) => !errors.iter().any(|error| error.is_from_user_code()),
        _ => false,
    }
}
