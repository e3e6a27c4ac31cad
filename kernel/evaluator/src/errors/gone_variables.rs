//! Variables that are not there any more: which cell they went with, and why.

use crate::errors::cell_error::CellError;
use std::collections::{BTreeMap, BTreeSet};

/// Why a variable of earlier cells is not there any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// The cell moved the variable, and ended well.
    Moved,
    /// The variable's type was redefined, in this cell or before it.
    TypeRedefined,
    /// The cell had taken the variable, and failed.
    TakenAndFailed,
    /// The cell defines the variable, and ended before the variable was stored.
    NotStored,
    /// The process of the cells ended in the cell.
    ProcessEnded,
    /// The cell restarted the process of the cells.
    Restarted,
    /// The cell cleared the notebook.
    Cleared,
}

/// The variables that are not there any more, by name, with the number of the cell that they went with.
#[derive(Debug, Default)]
pub(crate) struct GoneVariables(BTreeMap<String, (u32, Cause)>);

impl GoneVariables {
    /// Notes variables that went with a cell.
    pub(crate) fn note<'a>(&mut self, names: impl IntoIterator<Item = &'a String>, cell: u32, cause: Cause) {
        for name in names {
            self.0.insert(name.clone(), (cell, cause));
        }
    }

    /// Notes which variables are there now.
    pub(crate) fn forget(&mut self, there: &BTreeSet<String>) {
        self.0.retain(|name, _| !there.contains(name));
    }

    /// Says why a variable is not there, and what to do about it. Returns nothing if there was no such variable.
    pub(crate) fn explain(&self, name: &str) -> Option<String> {
        let (cell, cause) = self.0.get(name)?;
        Some(match cause {
            Cause::Moved => format!(
                "`{name}` was moved in cell [{cell}]: pass `&{name}` or a clone there to keep it, and run the cell that \
                 defines it again"
            ),
            Cause::TypeRedefined => format!(
                "`{name}` was dropped in cell [{cell}], since its type was redefined: run the cell that defines it again"
            ),
            Cause::TakenAndFailed => format!(
                "`{name}` was lost in cell [{cell}], which moves or redefines it and failed: run the cell that defines \
                 it again"
            ),
            Cause::NotStored => {
                format!("cell [{cell}] defines `{name}`, but ended before `{name}` was kept: run it again, to its end")
            }
            Cause::ProcessEnded => format!(
                "`{name}` was lost in cell [{cell}], in which the cells' process ended: run the cell that defines it \
                 again"
            ),
            Cause::Restarted => {
                format!("`{name}` went with `:restart` in cell [{cell}]: run the cell that defines it again")
            }
            Cause::Cleared => {
                format!("`{name}` went with `:clear` in cell [{cell}]: run the cell that defines it again")
            }
        })
    }
}

impl CellError {
    /// Adds, to an error that a variable is not found, what became of the variable.
    pub(crate) fn with_gone_variables(mut self, gone: &GoneVariables) -> CellError {
        for text in &mut self.traceback {
            let Some(name) = not_found(text) else { continue };
            if let Some(explanation) = gone.explain(name) {
                text.push_str(&format!(
                    "\n  \x1b[1m\x1b[94m= \x1b[0m\x1b[1mnote\x1b[0m: {explanation}"
                ));
            }
        }
        self
    }
}

/// Returns the name in rustc's error that a value is not found.
fn not_found(text: &str) -> Option<&str> {
    let (_, rest) = text.lines().next()?.split_once("cannot find value `")?;
    let (name, rest) = rest.split_once('`')?;
    rest.starts_with(" in this scope").then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::errors::error_name::ErrorName;

    #[test]
    fn an_error_says_what_became_of_a_variable() {
        let mut gone = GoneVariables::default();
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
        gone.note(&names(&["v", "w"]), 4, Cause::Moved);
        gone.note(&names(&["w"]), 6, Cause::Cleared);
        let shown = |title: &str| {
            let error = CellError::new(ErrorName::Compilation, title);
            error.with_gone_variables(&gone).traceback.concat()
        };
        assert!(shown("cannot find value `v` in this scope").contains("`v` was moved in cell [4]"));
        assert!(shown("cannot find value `w` in this scope").contains("`:clear` in cell [6]"));
        for other in [
            "cannot find value `x` in this scope",
            "cannot find function `v` in this scope",
        ] {
            assert!(shown(other).ends_with(other));
        }
        gone.forget(&names(&["v"]));
        assert_eq!(gone.explain("v"), None);
    }
}
