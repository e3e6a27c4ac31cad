//! evcxr's commands that a kernel cannot leave to evcxr.

/// Why a cell is not run, if one of its commands would break the session.
pub(crate) fn refusal(code: &str) -> Option<&'static str> {
    let lines = code.lines().map(str::trim_start);
    let commands =
        lines.take_while(|line| line.is_empty() || [":", "!", "//"].iter().any(|mark| line.starts_with(mark)));
    commands
        .filter_map(|line| line.split_whitespace().next())
        .find_map(|command| match command {
            ":clear" => Some("`:clear` would take the built-in crates away as well: restart the kernel instead"),
            ":quit" => Some("`:quit` would end the kernel under its clients: shut it down from the client instead"),
            _ => None,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_commands_that_would_break_the_session_are_refused() {
        for (code, refused) in [
            (":clear", true),
            ("// all\n  :quit  ", true),
            (":dep rand = \"0.9\"\n:clear\nlet x = 1;", true),
            (":vars", false),
            ("let x = 1;\n:clear", false),
            (":clear_cache", false),
            ("", false),
        ] {
            assert_eq!(refusal(code).is_some(), refused, "{code:?}");
        }
    }
}
