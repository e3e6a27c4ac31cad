//! The text that is sent to the shell on a host.

use crate::order::{NODE_VARIABLE, Order};
use std::{ffi::OsStr, os::unix::ffi::OsStrExt};

/// The command that a launcher runs on a host. It reads the length of a script and then the script from its standard
/// input. All login shells understand it, also csh and fish.
pub(crate) const COMMAND: &str = r#"exec sh -c 'read -r length && eval "$(head -c "$length")"'"#;

/// What a shell is given to run a script of which it reads the length and then the text from its standard input. So the
/// list of processes does not show the text.
pub(crate) const READ_SCRIPT: &str = r#"read -r length && eval "$(head -c "$length")""#;

/// The script behind the assignments.
const HOST_SCRIPT: &str = include_str!("host.sh");

/// Returns the script that installs and starts an order's executable, whose hash and size are given.
pub(super) fn script(order: &Order, sha256: &str, size: u64) -> Vec<u8> {
    let mut script = format!("mosaic_sha256={sha256}\nmosaic_size={size}\nmosaic_execute() {{\n").into_bytes();
    let node = (OsStr::new(NODE_VARIABLE), OsStr::new("1"));
    let environment = order
        .environment
        .iter()
        .map(|(name, value)| (name.as_os_str(), value.as_os_str()));
    // `env` takes names that are no names of shell variables.
    script.extend(b"exec env");
    for (name, value) in environment.chain([node]) {
        script.push(b' ');
        script.extend(quoted(&[name.as_bytes(), b"=", value.as_bytes()].concat()));
    }
    script.extend(br#" "$mosaic_file""#);
    for argument in &order.arguments {
        script.push(b' ');
        script.extend(quoted(argument.as_bytes()));
    }
    script.extend(b"\n}\n");
    script.extend(HOST_SCRIPT.as_bytes());
    script
}

/// Quotes bytes for a shell.
fn quoted(bytes: &[u8]) -> Vec<u8> {
    let mut quoted = vec![b'\''];
    for byte in bytes {
        match byte {
            b'\'' => quoted.extend(br"'\''"),
            byte => quoted.push(*byte),
        }
    }
    quoted.push(b'\'');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_and_variables_are_quoted() {
        let mut order = Order::new("/program");
        order.arguments = vec!["worker".into(), "it's\n$HOME".into()];
        order.environment = vec![("A".into(), "b c".into())];
        let script = String::from_utf8(script(&order, "12ab", 7)).unwrap();
        let begin = "mosaic_sha256=12ab\nmosaic_size=7\nmosaic_execute() {\nexec env 'A=b c' 'MOSAIC_NODE=1' \
                     \"$mosaic_file\" 'worker' 'it'\\''s\n$HOME'\n}\n";
        assert!(script.starts_with(begin), "{script}");
    }
}
