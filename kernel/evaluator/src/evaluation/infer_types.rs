//! Who finds the types of a cell's variables: rust-analyzer if it has loaded and can, and else rustc if it can.

use crate::{
    errors::{
        cell_error::CellError,
        unstorable::{Reason, Unstorable},
    },
    evaluation::{Evaluation, needs_types},
    session::environment,
    type_probe::{self, Probe, Type},
};
use evcxr::{Error, EvalOutputs};

type Evaluated = Result<EvalOutputs, Error>;

/// What rustc says of the types of a cell's variables.
enum Types {
    /// The cell, with all of them declared.
    Declared(String),
    /// There are none to be found, or the cell is wrong whatever they are.
    NotNeeded,
    /// The cell is right, but for a variable whose type has no name.
    Nameless(String),
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
            && let Types::Declared(text) = self.types_by_rustc(source)?
            && let Some(by_rustc) = self.execute_declared(&text)?
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
            Types::Nameless(name) => return Ok(Some(Err(Error::Message(Unstorable::message_for_nameless(&name))))),
            Types::Declared(text) => {
                if let Some(evaluated) = self.execute_declared(&text)? {
                    return Ok(Some(evaluated));
                }
            }
        }
        let evaluated = self.session()?.context.execute(source);
        Ok(Some(evaluated).filter(|it| !may_want_a_type(it)))
    }

    /// Evaluates a text that has declarations, unless it does not compile: a type may be another one than was declared, or
    /// an item wrong that the probe did not need. That a variable borrows is so whatever its type is called.
    fn execute_declared(&mut self, text: &str) -> Result<Option<Evaluated>, CellError> {
        let evaluated = self.session()?.context.execute(text);
        Ok(match evaluated {
            Err(Error::CompilationErrors(errors)) => {
                let mut messages = errors.iter().map(|it| it.message());
                let of_borrowing =
                    messages.find(|it| Unstorable::from_message(it).is_some_and(|it| it.reason == Reason::Borrows));
                // The other lines are not the user's.
                of_borrowing.map(|message| Err(Error::Message(message)))
            }
            Err(Error::Message(_)) => None,
            evaluated => Some(evaluated),
        })
    }

    /// Unless the user has interrupted what has not run yet: a compiler that was ended says nothing of the cell.
    pub(super) fn go_on(&self) -> Result<(), CellError> {
        match self.shared.interrupts() {
            0 => Ok(()),
            _ => Err(CellError::interrupted_before_it_ran()),
        }
    }

    fn types_by_rustc(&mut self, source: &str) -> Result<Types, CellError> {
        let Some(probe) = Probe::of(source).filter(|_| environment::are_taken_over()) else {
            return Ok(Types::Unknown);
        };
        if probe.is_empty() {
            return Ok(Types::NotNeeded);
        }
        self.go_on()?;
        let session = self.session()?;
        type_probe::take(session.directory());
        let errors = session.context.check(&probe.text());
        let types = type_probe::take(session.directory());
        self.go_on()?;
        let all = probe.typed(&types);
        self.types = all.map(|(name, it)| (name.to_owned(), it.shown().to_owned())).collect();
        let nameless = probe.typed(&types).find(|(_, it)| matches!(it, Type::Nameless(_)));
        Ok(match (probe.declared(&types), errors, nameless) {
            (Some(text), ..) => Types::Declared(text),
            (None, Ok(errors), _) if !errors.is_empty() => Types::NotNeeded,
            (None, Ok(_), Some((name, _))) => Types::Nameless(name.to_owned()),
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
