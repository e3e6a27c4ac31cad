//! Messages of evcxr 0.22: its own errors, which rustc has no part in.

/// Why evcxr refuses to store a variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// The variable is a closure, or its type has no name for another reason.
    Unnameable,
    /// The variable borrows from the cell.
    Borrows,
    /// The variable's type is not known.
    Unknown,
    /// The variable's type is private to a crate.
    Private,
}

/// Says that the cell process ended by itself; the process's status follows: `child_process.rs`.
pub(crate) const PROCESS_ENDED: &str = "Subprocess terminated";
/// Begins the error of a shell command that failed: `command_context.rs`.
const SHELL_COMMAND_FAILED: &str = "Shell command failed";
/// Stand in errors of compilation that are not rustc's own: `eval_context.rs` and `module.rs`.
const COMPILATION_FAILED: [&str; 2] = ["missing a semicolon", "Compilation failed"];

/// Finds the variable that a message refuses to store, and why. `eval_context.rs` writes these messages.
pub(crate) fn refused_variable(message: &str) -> Option<(&str, Reason)> {
    let (before_name, reason) = if message.contains("Couldn't automatically determine type") {
        ("variable `", Reason::Unknown)
    } else if message.starts_with("Failed to determine type of variable") {
        ("variable `", Reason::Private)
    } else if message.contains("non-static lifetime") {
        ("The variable `", Reason::Borrows)
    } else if message.contains("cannot be persisted") {
        let borrows = message.contains("has type `&");
        let reason = if borrows { Reason::Borrows } else { Reason::Unnameable };
        ("The variable `", reason)
    } else {
        return None;
    };
    let name = message.split_once(before_name)?.1.split_once('`')?.0;
    Some((name, reason))
}

/// Returns the message by which evcxr would refuse a variable whose type has no name.
pub(crate) fn refusal_of_nameless(name: &str) -> String {
    format!("The variable `{name}` has a type without a name, which cannot be persisted.")
}

/// Reports whether a message says that a shell command failed.
pub(crate) fn is_of_shell_command(message: &str) -> bool {
    message.starts_with(SHELL_COMMAND_FAILED)
}

/// Reports whether a message says that a cell does not compile.
pub(crate) fn is_of_compilation(message: &str) -> bool {
    COMPILATION_FAILED.iter().any(|text| message.contains(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_name_the_variable_and_the_reason() {
        for (message, name, reason) in [
            (
                "The variable `f` is a closure, which cannot be persisted.\nYou can",
                "f",
                Reason::Unnameable,
            ),
            (
                "Couldn't automatically determine type of variable `x`.\nPlease",
                "x",
                Reason::Unknown,
            ),
            (
                "The variable `r` contains a reference with a non-static lifetime so\ncan't",
                "r",
                Reason::Borrows,
            ),
            (
                "The variable `g` has type `impl Fn()` which cannot be persisted.",
                "g",
                Reason::Unnameable,
            ),
            (
                "The variable `b` has type `&Vec<u8>` which cannot be persisted.",
                "b",
                Reason::Borrows,
            ),
            (
                "Failed to determine type of variable `p`. rustc suggested",
                "p",
                Reason::Private,
            ),
        ] {
            assert_eq!(refused_variable(message), Some((name, reason)));
        }
        let nameless = refusal_of_nameless("f");
        assert_eq!(refused_variable(&nameless), Some(("f", Reason::Unnameable)));
        assert_eq!(refused_variable("something else"), None);
    }
}
