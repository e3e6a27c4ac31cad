//! The commands before a cell's code, which evcxr runs.
//!
//! The kernel marks each shell command, `!ls`, with a variable of its environment, so that it finds the processes of
//! the command and can end them.

use crate::{
    session::environment,
    source::preamble::{asks_for, preamble},
};
use mosaic_engine::ProcessMark;
use std::borrow::Cow;

/// Gives the shell commands of a cell a mark. No line moves.
pub(crate) fn mark_commands<'a>(code: &'a str, mark: &ProcessMark) -> Cow<'a, str> {
    let is_shell = |line: &str| line.starts_with('!');
    if !preamble(code).any(|(_, line)| is_shell(line)) {
        return Cow::Borrowed(code);
    }
    let mut marked = String::with_capacity(code.len() + 64);
    let path = environment::give_back_in_shell();
    let (name, value) = mark.variable();
    let value = value.to_string_lossy();
    let mut rest = 0;
    for (begin, line) in preamble(code) {
        if is_shell(line) {
            let command = line.trim_start_matches('!').trim().replace('\'', r"'\''");
            marked += &format!("!exec env {path}{name}='{value}' sh -c '{command}'\n");
        } else {
            marked += line;
            marked.push('\n');
        }
        rest = begin + line.len() + 1;
    }
    marked += code.get(rest..).unwrap_or_default();
    Cow::Owned(marked)
}

/// Reports whether evcxr restarts the cell process before the cell runs.
pub(crate) fn restarts(code: &str) -> bool {
    asks_for(code, ":restart")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn only_shell_commands_before_the_code_are_marked() {
        for (code, marked) in [
            (
                "!ls\n!x;",
                "!exec env MARK='7/' sh -c 'ls'\n!exec env MARK='7/' sh -c 'x;'\n",
            ),
            (
                ":dep x\n\n! echo 'a'\nf()\n!g()",
                ":dep x\n\n!exec env MARK='7/' sh -c 'echo '\\''a'\\'''\nf()\n!g()",
            ),
            ("f()\n!g()", "f()\n!g()"),
            (":vars", ":vars"),
            ("", ""),
        ] {
            let mark = ProcessMark::of_run(Path::new("/7"));
            assert_eq!(mark_commands(code, &mark), marked.replace("MARK", mark.variable().0));
        }
    }

    #[test]
    fn a_restart_is_seen_before_the_code_only() {
        assert!(restarts(":dep x\n :restart \nf()"));
        assert!(!restarts(":restarted") && !restarts("f()\n:restart"));
    }
}
