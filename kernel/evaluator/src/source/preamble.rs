//! The preamble of a cell: commands such as `:dep x` and `!ls`, with the blank lines and comments between them.
//!
//! `mosaic-expand` reads it, since the expansion of a cell's tesserae has to skip commands, too.

pub(crate) use mosaic_expand::preamble::{blank, end_of_preamble, is_command, preamble};

/// Reports whether the preamble of a cell has a command of this name.
pub(crate) fn asks_for(code: &str, name: &str) -> bool {
    preamble(code).any(|(_, line)| line.split_whitespace().next() == Some(name))
}

/// Reports whether the preamble of a cell has a command, one of the shell included.
pub(crate) fn has_command(code: &str) -> bool {
    preamble(code).any(|(_, line)| line.starts_with('!') || is_command(line))
}

/// Reports whether the preamble of a cell has a command that may not run twice. `:dep` may.
pub(crate) fn has_command_that_acts(code: &str) -> bool {
    let adds_crate = |line: &str| line.split_whitespace().next() == Some(":dep");
    preamble(code).any(|(_, line)| line.starts_with('!') || (is_command(line) && !adds_crate(line)))
}

/// Returns the code of a cell, with spaces in place of its commands.
pub(crate) fn without_commands(code: &str) -> String {
    mosaic_expand::preamble::without_commands(code).into_owned()
}
