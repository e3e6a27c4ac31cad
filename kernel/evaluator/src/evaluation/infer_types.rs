//! Finds the types of a cell's variables, by rustc or by evcxr's rust-analyzer.
//!
//! evcxr stores variables by their types, so that it must know the types before it compiles the cell. By itself it asks
//! its rust-analyzer, which takes seconds to load and then slows each cell down. So the kernel asks rustc instead, with
//! a [probe](crate::type_probe), and declares the types in the cell. evcxr's rust-analyzer is loaded when rustc cannot
//! tell a type, and asked from then on; rustc then serves where rust-analyzer fails.

use crate::{
    errors::{cell_error::CellError, unstorable::Unstorable},
    evaluation::{Evaluation, execute::kernel_error},
    evcxr_text::messages::Reason,
    session::environment,
    type_probe::{self, Probe, Type},
};
use evcxr::{Error, EvalOutputs};

type Evaluated = Result<EvalOutputs, Error>;

/// What rustc knows of the types of a cell's variables.
enum Types {
    /// rustc knows all types.
    Declared {
        /// The cell with the types declared.
        text: String,
        /// The variables that are kept in boxes, and the types of these.
        boxed: Vec<(String, String)>,
    },
    /// The cell has no variables, or is wrong whatever their types are.
    NotNeeded,
    /// The cell is right, but the type of this variable has no name.
    Nameless(String),
    /// rustc does not know all types.
    Unknown,
}

impl Evaluation<'_> {
    /// Has evcxr evaluate a text.
    pub(super) fn execute_text(&mut self, source: &str) -> Result<Evaluated, CellError> {
        if !needs_types(source) {
            return Ok(self.session()?.context.execute(source));
        }
        let was_loaded = self.session()?.is_analysis_loaded();
        if !was_loaded {
            if let Some(evaluated) = self.execute_with_types_by_rustc(source)? {
                return Ok(evaluated);
            }
            self.stop_if_interrupted()?;
            self.session()?.load_analysis().map_err(kernel_error)?;
        }
        let evaluated = self.session()?.context.execute(source);
        // rustc knows types that rust-analyzer does not.
        if was_loaded
            && may_want_a_type(&evaluated)
            && let Types::Declared { text, boxed } = self.types_by_rustc(source)?
            && let Some(by_rustc) = self.execute_declared(&text, &boxed)?
        {
            return Ok(by_rustc);
        }
        Ok(evaluated)
    }

    /// Evaluates a text without rust-analyzer. Returns nothing if rust-analyzer is needed to know a type, or to tell
    /// what is wrong.
    fn execute_with_types_by_rustc(&mut self, source: &str) -> Result<Option<Evaluated>, CellError> {
        match self.types_by_rustc(source)? {
            Types::Unknown => return Ok(None),
            Types::NotNeeded => {}
            Types::Nameless(name) => return Ok(Some(Err(Error::Message(Unstorable::message_for_nameless(&name))))),
            Types::Declared { text, boxed } => {
                if let Some(evaluated) = self.execute_declared(&text, &boxed)? {
                    return Ok(Some(evaluated));
                }
            }
        }
        let evaluated = self.session()?.context.execute(source);
        Ok(Some(evaluated).filter(|it| !may_want_a_type(it)))
    }

    /// Evaluates a text in which types are declared. Returns nothing if it does not compile: a declared type may be
    /// wrong, or an item that the probe did not need. Returns the error that a variable borrows, which no other type
    /// would avoid.
    ///
    /// The variables of `boxed` are stored in boxes. If that does not compile, one of them cannot be kept.
    fn execute_declared(&mut self, text: &str, boxed: &[(String, String)]) -> Result<Option<Evaluated>, CellError> {
        let evaluated = self.session()?.context.execute(text);
        Ok(match evaluated {
            Err(Error::CompilationErrors(errors)) => {
                let mut messages = errors.iter().map(|it| it.message());
                let of_borrowing =
                    messages.find(|it| Unstorable::from_message(it).is_some_and(|it| it.reason == Reason::Borrows));
                let nameless = || Some(Unstorable::message_for_nameless(&boxed.first()?.0));
                // As a message, since the lines of the text are not the user's.
                of_borrowing
                    .or_else(nameless)
                    .map(|message| Err(Error::Message(message)))
            }
            Err(Error::Message(_)) => None,
            evaluated => {
                if evaluated.is_ok() {
                    self.tell_boxed(boxed);
                }
                Some(evaluated)
            }
        })
    }

    /// Says once for each variable and type that the variable is kept in a box.
    fn tell_boxed(&mut self, boxed: &[(String, String)]) {
        for (name, type_name) in boxed {
            let line = format!("the variable `{name}` is kept as `{type_name}`");
            if self.told.insert(line.clone()) {
                self.notice(&line);
            }
        }
    }

    /// Asks rustc for the types of a cell's variables.
    fn types_by_rustc(&mut self, source: &str) -> Result<Types, CellError> {
        let Some(probe) = Probe::of(source).filter(|_| environment::is_shim_active()) else {
            return Ok(Types::Unknown);
        };
        if probe.is_empty() {
            return Ok(Types::NotNeeded);
        }
        self.stop_if_interrupted()?;
        let session = self.session()?;
        type_probe::take(session.directory());
        let errors = session.context.check(&probe.text());
        let mut types = type_probe::take(session.directory());
        if let Some(text) = probe.text_for_iterators(&types) {
            // What does not compile is no iterator, and then nothing is learned.
            let _ = session.context.check(&text);
            let iterators = type_probe::take(session.directory());
            for (known, iterator) in types.iter_mut().zip(iterators) {
                *known = iterator.or(known.take());
            }
        }
        self.stop_if_interrupted()?;
        let all = probe.typed(&types);
        self.types = all.map(|(name, it)| (name.to_owned(), it.shown().to_owned())).collect();
        let nameless = probe.typed(&types).find(|(_, it)| matches!(it, Type::Nameless(_)));
        let boxed = probe
            .typed(&types)
            .filter_map(|(name, it)| Some((name.to_owned(), it.boxed()?.to_owned())));
        let boxed: Vec<(String, String)> = boxed.collect();
        Ok(match (probe.declared(&types), errors, nameless) {
            (Some(text), ..) => Types::Declared { text, boxed },
            (None, Ok(errors), _) if !errors.is_empty() => Types::NotNeeded,
            (None, Ok(_), Some((name, _))) => Types::Nameless(name.to_owned()),
            _ => Types::Unknown,
        })
    }
}

/// Returns whether evcxr asks rust-analyzer for more than names to evaluate a text: for the types of variables that the
/// text defines.
fn needs_types(source: &str) -> bool {
    let is_of_a_word = |c: char| c.is_alphanumeric() || c == '_';
    source.split(|c| !is_of_a_word(c)).any(|word| word == "let")
}

/// Returns whether a text may have failed since a type was unknown or wrong: no error is in the user's code.
fn may_want_a_type(evaluated: &Evaluated) -> bool {
    match evaluated {
        Err(Error::Message(_)) => true,
        Err(Error::CompilationErrors(errors)) => !errors.iter().any(|error| error.is_from_user_code()),
        _ => false,
    }
}
