//! Programs that tests put in the place of an engine's.

use std::{path::Path, process::Command};

/// Writes a shell script that can be executed at once.
///
/// Another process writes it. A file that this one writes would, for a moment, also be open in the processes that other
/// tests fork, and a file that is open for writing cannot be executed.
pub(crate) fn write_program(path: &Path, text: &str) {
    let mut shell = Command::new("sh");
    shell.args(["-c", r#"printf '#!/bin/sh\n%s\n' "$2" >"$1" && chmod 755 "$1""#, "sh"]);
    assert!(shell.arg(path).arg(text).status().unwrap().success());
}
