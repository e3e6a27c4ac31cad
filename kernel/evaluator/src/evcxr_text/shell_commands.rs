//! The commands before a cell's code, which evcxr runs.
//!
//! The kernel marks each shell command, `!ls`, with a variable of its environment, so that it finds the processes of
//! the command and can end them.

use crate::{
    session::{environment, environment_variables::KERNEL_VARIABLE},
    source::preamble::{asks_for, preamble},
};
use std::borrow::Cow;

/// Marks the shell commands of a cell for the kernel with the process id `kernel`. No line moves.
pub(crate) fn mark_commands(code: &str, kernel: u32) -> Cow<'_, str> {
    let is_shell = |line: &str| line.starts_with('!');
    if !preamble(code).any(|(_, line)| is_shell(line)) {
        return Cow::Borrowed(code);
    }
    let mut marked = String::with_capacity(code.len() + 64);
    let path = environment::give_back_in_shell();
    let mut rest = 0;
    for (begin, line) in preamble(code) {
        if is_shell(line) {
            let command = line.trim_start_matches('!').trim().replace('\'', r"'\''");
            marked += &format!("!exec env {path}{KERNEL_VARIABLE}={kernel} sh -c '{command}'\n");
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

    #[test]
    fn only_shell_commands_before_the_code_are_marked() {
        for (code, marked) in [
            (
                "!ls\n!x;",
                "!exec env MOSAIC_KERNEL=7 sh -c 'ls'\n!exec env MOSAIC_KERNEL=7 sh -c 'x;'\n",
            ),
            (
                ":dep x\n\n! echo 'a'\nf()\n!g()",
                ":dep x\n\n!exec env MOSAIC_KERNEL=7 sh -c 'echo '\\''a'\\'''\nf()\n!g()",
            ),
            ("f()\n!g()", "f()\n!g()"),
            (":vars", ":vars"),
            ("", ""),
        ] {
            assert_eq!(mark_commands(code, 7), marked);
        }
    }

    #[test]
    fn a_restart_is_seen_before_the_code_only() {
        assert!(restarts(":dep x\n :restart \nf()"));
        assert!(!restarts(":restarted") && !restarts("f()\n:restart"));
    }
}
