//! What was run in this session. No I/O here.

use mosaic_jupyter::{HistoryAccess, HistoryRequest};
use serde_json::{Value, json};

/// The number of this session: earlier ones are not kept.
const SESSION: u32 = 1;
/// How many entries `tail` gives where the client names no number.
const TAIL: usize = 10;

/// The inputs of this session, and the results that were shown.
#[derive(Debug, Default)]
pub(crate) struct History {
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    number: u32,
    input: String,
    output: Option<String>,
}

impl History {
    /// Keeps an input.
    pub(crate) fn add(&mut self, number: u32, input: &str) {
        self.entries.push(Entry {
            number,
            input: input.to_owned(),
            output: None,
        });
    }

    /// Keeps the result of an input.
    pub(crate) fn add_output(&mut self, number: u32, output: String) {
        if let Some(entry) = self.entries.iter_mut().rfind(|entry| entry.number == number) {
            entry.output = Some(output);
        }
    }

    /// The content of the reply to a request.
    pub(crate) fn answer(&self, request: &HistoryRequest) -> Value {
        let found = match &request.access {
            HistoryAccess::Tail { n } => last(self.entries.iter().collect(), n.unwrap_or(TAIL)),
            HistoryAccess::Range { session, start, stop } => self.range(*session, *start, *stop),
            HistoryAccess::Search { pattern, n, unique } => self.search(pattern, *n, *unique),
        };
        let shown: Vec<Value> = found.into_iter().map(|entry| entry.show(request.output)).collect();
        json!({ "status": "ok", "history": shown })
    }

    fn range(&self, session: i64, start: usize, stop: Option<usize>) -> Vec<&Entry> {
        if session != 0 && session != i64::from(SESSION) {
            return Vec::new();
        }
        let wanted = start..stop.unwrap_or(usize::MAX);
        self.entries
            .iter()
            .filter(|entry| wanted.contains(&(entry.number as usize)))
            .collect()
    }

    fn search(&self, pattern: &str, n: Option<usize>, unique: bool) -> Vec<&Entry> {
        let pattern = if pattern.is_empty() { "*" } else { pattern };
        let pattern: Vec<char> = pattern.chars().collect();
        let mut found: Vec<&Entry> = Vec::new();
        for entry in &self.entries {
            if matches(&pattern, &entry.input.chars().collect::<Vec<_>>()) {
                if unique {
                    found.retain(|earlier| earlier.input != entry.input);
                }
                found.push(entry);
            }
        }
        last(found, n.unwrap_or(usize::MAX))
    }
}

impl Entry {
    fn show(&self, output: bool) -> Value {
        if output {
            json!([SESSION, self.number, [self.input, self.output]])
        } else {
            json!([SESSION, self.number, self.input])
        }
    }
}

fn last(mut entries: Vec<&Entry>, n: usize) -> Vec<&Entry> {
    entries.split_off(entries.len().saturating_sub(n))
}

/// Whether a glob of `*` and `?` matches the whole text. Linear but for backtracking to the last star.
fn matches(pattern: &[char], text: &[char]) -> bool {
    let (mut at, mut position) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while position < text.len() {
        match pattern.get(at) {
            Some('*') => {
                star = Some((at, position));
                at += 1;
            }
            Some(char) if *char == '?' || *char == text[position] => {
                at += 1;
                position += 1;
            }
            _ => match star {
                // The star takes one more character.
                Some((star_at, taken)) => {
                    star = Some((star_at, taken + 1));
                    (at, position) = (star_at + 1, taken + 1);
                }
                None => return false,
            },
        }
    }
    pattern[at..].iter().all(|char| *char == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history() -> History {
        let mut history = History::default();
        for (number, input) in [(1, "let a = 1;"), (2, "a + 1"), (3, "let b = 2;"), (4, "a + 1")] {
            history.add(number, input);
        }
        history.add_output(2, "2".to_owned());
        history
    }

    fn numbers(request: Value) -> Vec<u64> {
        let request: HistoryRequest = serde_json::from_value(request).unwrap();
        let answer = history().answer(&request);
        answer["history"]
            .as_array()
            .unwrap()
            .iter()
            .map(|entry| entry[1].as_u64().unwrap())
            .collect()
    }

    #[test]
    fn tail() {
        assert_eq!(numbers(json!({ "hist_access_type": "tail", "n": 2 })), [3, 4]);
        assert_eq!(numbers(json!({ "hist_access_type": "tail" })), [1, 2, 3, 4]);
    }

    #[test]
    fn range() {
        assert_eq!(
            numbers(json!({ "hist_access_type": "range", "session": 0, "start": 2, "stop": 4 })),
            [2, 3]
        );
        assert_eq!(
            numbers(json!({ "hist_access_type": "range", "session": 1, "start": 3 })),
            [3, 4]
        );
        assert!(numbers(json!({ "hist_access_type": "range", "session": -1, "start": 1, "stop": 9 })).is_empty());
    }

    #[test]
    fn search() {
        assert_eq!(
            numbers(json!({ "hist_access_type": "search", "pattern": "let*" })),
            [1, 3]
        );
        assert_eq!(
            numbers(json!({ "hist_access_type": "search", "pattern": "*+ ?", "n": 1 })),
            [4]
        );
        assert_eq!(
            numbers(json!({ "hist_access_type": "search", "pattern": "a*", "unique": true })),
            [4]
        );
        assert!(numbers(json!({ "hist_access_type": "search", "pattern": "let" })).is_empty());
    }

    #[test]
    fn with_outputs() {
        let request = json!({ "hist_access_type": "range", "start": 1, "stop": 3, "output": true });
        let answer = history().answer(&serde_json::from_value(request).unwrap());
        assert_eq!(
            answer["history"],
            json!([[1, 1, ["let a = 1;", null]], [1, 2, ["a + 1", "2"]]])
        );
    }
}
