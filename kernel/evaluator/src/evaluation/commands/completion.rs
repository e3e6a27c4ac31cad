//! Completion in the lines of commands: names, and then what the command's [completer](Completer) offers.

use crate::{
    code_help::completions::{Completion, Completions, byte_offset},
    evaluation::commands::{
        command::{Action, Completer},
        table::{self, COMMANDS},
    },
    prebuilt::builtin,
    source::preamble::preamble,
};
use std::collections::BTreeSet;

/// Completes in the line of a command, if `cursor`, counted in code points, is in one.
pub(crate) fn complete_command(variables: &BTreeSet<String>, code: &str, cursor: usize) -> Option<Completions> {
    let at = byte_offset(code, cursor);
    let (begin, line) = preamble(code).find(|(begin, line)| (*begin..=begin + line.len()).contains(&at))?;
    let indent = line.len() - line.trim_start().len();
    let typed = code.get(begin + indent..at).filter(|typed| typed.starts_with(':'))?;
    let (word, matches) = match typed.split_once(' ') {
        None => (typed, starting_with(typed, offered_names(), "magic")),
        Some((name, argument)) => {
            let argument = argument.trim_start();
            (argument, complete_argument(name, argument, variables))
        }
    };
    Some(Completions {
        cursor_start: cursor - word.chars().count(),
        cursor_end: cursor,
        matches,
    })
}

/// Returns the names of all commands but those that are always refused.
fn offered_names() -> impl Iterator<Item = &'static str> {
    let offered = COMMANDS
        .iter()
        .filter(|command| !matches!(command.action, Action::Refused(_)));
    offered.map(|command| command.name)
}

fn complete_argument(name: &str, argument: &str, variables: &BTreeSet<String>) -> Vec<Completion> {
    match table::find(name).map(|command| &command.completer) {
        None | Some(Completer::Nothing) => Vec::new(),
        Some(Completer::Words(words)) => starting_with(argument, words.iter().copied(), "keyword"),
        Some(Completer::BuiltInCrates) => starting_with(argument, builtin::names(), "keyword"),
        Some(Completer::Variables) => starting_with(argument, variables.iter().map(String::as_str), "instance"),
    }
}

fn starting_with<'a>(typed: &str, words: impl Iterator<Item = &'a str>, kind: &str) -> Vec<Completion> {
    let mut words: Vec<&str> = words.filter(|word| word.starts_with(typed)).collect();
    words.sort_unstable();
    let completion = |word: &str| Completion {
        text: word.to_owned(),
        kind: kind.to_owned(),
    };
    words.into_iter().map(completion).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complete(code: &str) -> Option<Vec<String>> {
        let variables = BTreeSet::from(["solver_1".to_owned(), "x".to_owned()]);
        let found = complete_command(&variables, code, code.chars().count())?;
        Some(found.matches.into_iter().map(|it| it.text).collect())
    }

    #[test]
    fn names_and_arguments_are_completed() {
        for (code, expected) in [
            (":timin", &[":timing"][..]),
            ("  :timin", &[":timing"]),
            (":dep serde\n:timi", &[":timing"]),
            (":do", &[":doc"]),
            (":qui", &[]),
            (":opt ", &["0", "1", "2", "3"]),
            (":dep nd", &["ndarray"]),
            (":type solver", &["solver_1"]),
            (":doc  sol", &["solver_1"]),
            (":vars ", &[]),
            (":no_such_command ", &[]),
        ] {
            assert_eq!(complete(code).unwrap(), expected, "{code}");
        }
        assert_eq!(complete("let x = 1;\n:tim"), None, "code is not a command");
        assert_eq!(complete("!ls"), None, "a shell command");
    }

    #[test]
    fn cursors_count_code_points() {
        let found = complete_command(&BTreeSet::new(), "// ä\n:tim", 9).unwrap();
        assert_eq!((found.cursor_start, found.cursor_end), (5, 9));
    }
}
