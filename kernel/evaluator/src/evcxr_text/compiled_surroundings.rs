//! Has a cell's function call compiled code for what evcxr has the compiler generate for each cell: the state machine of
//! a future, its polling, and the catching of panics.
//!
//! This is the last change of a cell's source. No line moves.

use crate::{
    evcxr_text::{
        markers::{CATCH_BEGINS, CELL_FUNCTION_BEGINS},
        replacements::{CALL_AT_ONCE, COMPILED_CATCH_BEGINS, EXECUTOR_CALL},
    },
    source::syntax::words,
};

/// The code of rustc's error on `.await` in code that is not asynchronous.
pub(crate) const AWAIT_OUTSIDE_OF_FUTURES: &str = "E0728";

/// Reports whether the code of a cell may wait by `.await`. A macro may hide one, which rustc's error
/// [`AWAIT_OUTSIDE_OF_FUTURES`] tells.
pub(crate) fn may_wait(function: &str) -> bool {
    words(function).any(|word| word == "await")
}

/// Returns the source of a cell that calls compiled code around the user's. A cell that does not `wait` becomes a
/// closure.
pub(crate) fn with_compiled_surroundings(source: &str, waits: bool) -> String {
    let Some(function) = source.rfind(CELL_FUNCTION_BEGINS) else {
        return source.to_owned();
    };
    let (items, function) = source.split_at(function);
    // Both stand before all that the user wrote.
    let mut function = function.replacen(CATCH_BEGINS, COMPILED_CATCH_BEGINS, 1);
    if !waits {
        function = function.replacen(EXECUTOR_CALL, CALL_AT_ONCE, 1);
    }
    format!("{items}{function}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_that_does_not_wait_is_a_closure() {
        let item = format!("fn f() {{ {EXECUTOR_CALL} }}\n");
        let source = format!("{item}{CELL_FUNCTION_BEGINS}1(\n{CATCH_BEGINS}{EXECUTOR_CALL}\nx;\n}});\n}})) {{\n}}\n");
        for (waits, call) in [(false, CALL_AT_ONCE), (true, EXECUTOR_CALL)] {
            let changed = with_compiled_surroundings(&source, waits);
            assert!(
                changed.ends_with(&format!("{COMPILED_CATCH_BEGINS}{call}\nx;\n}});\n}})) {{\n}}\n")),
                "{changed}"
            );
            assert!(changed.starts_with(&item));
            assert_eq!(changed.lines().count(), source.lines().count());
        }
        assert_eq!(with_compiled_surroundings("fn f() {}", false), "fn f() {}");
    }

    #[test]
    fn code_waits_by_a_word() {
        for (code, waits) in [("f().await", true), ("f(). await?", true), ("awaited(); f()", false)] {
            assert_eq!(may_wait(code), waits, "{code}");
        }
    }
}
