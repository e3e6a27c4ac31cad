//! The commands by which lldb shows Rust's types as Rust does, with rustc's own formatters and `formatters.py`.

use std::{fmt::Write, path::Path};

/// The formatters of types that rustc's own do not know.
const FORMATTERS: &str = include_str!("formatters.py");
/// The name of their module in lldb's Python.
const MODULE: &str = "mosaic_formatters";

/// Functions that a step does not enter: the standard library, the runtime, and the code around a cell.
const NOT_ENTERED: &str =
    "^(<?&?(mut )?)(std|core|alloc|hashbrown|mosaic|mosaic_cell|mosaic_std|tokio|evcxr_internal_runtime)::";

/// Signals that the runtime, or code of a user, may use between threads. A process does not stop for them.
const PASSED_SIGNALS: &str =
    "SIGUSR1 SIGUSR2 SIGALRM SIGVTALRM SIGPROF SIGCHLD SIGPIPE SIGURG SIGIO SIGWINCH SIGINT SIGTERM SIGHUP SIGCONT";

/// Returns the commands for a new adapter. `sysroot` is that of the toolchain that compiles the cells.
pub(crate) fn commands(sysroot: Option<&Path>) -> Vec<String> {
    let mut commands = vec![
        // The tables of the kernel's own executable are large, and nobody looks at them.
        "settings set target.preload-symbols false".to_owned(),
        "settings set target.max-children-count 200".to_owned(),
        format!("settings set target.process.thread.step-avoid-regexp '{NOT_ENTERED}'"),
        "settings set target.process.stop-on-exec false".to_owned(),
    ];
    if let Some(directory) = sysroot.map(|it| it.join("lib/rustlib/etc"))
        && directory.join("lldb_lookup.py").is_file()
    {
        commands.push(format!(
            "command script import \"{}\"",
            directory.join("lldb_lookup.py").display()
        ));
        commands.push(format!(
            "command source -s 1 \"{}\"",
            directory.join("lldb_commands").display()
        ));
    }
    commands.push(own_formatters());
    // lldb takes bytes for characters.
    commands.push("type format add -f unsigned 'unsigned char' u8".to_owned());
    commands.push("type format add -f decimal 'signed char' char i8".to_owned());
    commands
}

/// Returns the command that runs `formatters.py` as a module. The text is in the command itself, so no file is needed.
fn own_formatters() -> String {
    let mut hex = String::with_capacity(2 * FORMATTERS.len());
    for byte in FORMATTERS.bytes() {
        // Writing to a string cannot fail.
        let _ = write!(hex, "{byte:02x}");
    }
    format!(
        "script import sys, types; {MODULE} = sys.modules[\"{MODULE}\"] = types.ModuleType(\"{MODULE}\"); \
         exec(bytes.fromhex(\"{hex}\").decode(), {MODULE}.__dict__); {MODULE}.show_all(lldb.debugger)"
    )
}

/// Returns the commands for an adapter that has attached to its process.
pub(crate) fn commands_for_process() -> Vec<String> {
    vec![format!("process handle -p true -s false -n false {PASSED_SIGNALS}")]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_one_line() {
        let commands = commands(None);
        assert!(commands.iter().all(|command| !command.contains('\n')));
        assert!(
            commands
                .iter()
                .any(|command| command.contains(&format!("{MODULE}.show_all")))
        );
    }
}
