//! The commands by which lldb shows Rust's types as Rust does, with rustc's own formatters.

use std::path::Path;

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
    // lldb takes bytes for characters.
    commands.push("type format add -f unsigned 'unsigned char' u8".to_owned());
    commands.push("type format add -f decimal 'signed char' char i8".to_owned());
    commands
}

/// Returns the commands for an adapter that has attached to its process.
pub(crate) fn commands_for_process() -> Vec<String> {
    vec![format!("process handle -p true -s false -n false {PASSED_SIGNALS}")]
}
