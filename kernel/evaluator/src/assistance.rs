//! Completion, documentation and types of code that is being typed, by rust-analyzer.
//!
//! The code may be anything, and nothing may come of it but an answer.

use crate::{
    MimeBundle,
    analyst::{Notebook, Project},
    as_written::{as_written, name_of},
    commands,
    preamble::{preamble, without_commands},
    request::{Completion, Completions},
    unkept,
};
use serde_json::Value;

/// Completes what is left of `cursor`, counted in code points.
pub(crate) fn complete(project: &mut Project, notebook: &Notebook, code: &str, cursor: usize) -> Option<Completions> {
    let analysed = Analysed::new(code);
    let offset = analysed.offset(code, byte_offset(code, cursor));
    let source = notebook.with(&analysed.source);
    let (found, replaced) = project.completions(&source.text, source.place(offset))?;
    // Both are on the cursor's line, which is the same in both texts.
    let start = source.place_in_cell(replaced.start)?.min(offset);
    let end = source.place_in_cell(replaced.end)?.max(offset);
    let length = |from: usize, to: usize| analysed.source.get(from..to).map_or(0, |text| text.chars().count());
    let matches = found.into_iter().map(|found| Completion {
        text: found.text,
        kind: found.kind.to_owned(),
    });
    Some(Completions {
        cursor_start: cursor - length(start, offset).min(cursor),
        cursor_end: cursor + length(offset, end),
        matches: presentable(matches.filter(|it| !notebook.absent.contains(&it.text)).collect()),
    })
}

/// The documentation of the name at `cursor`, counted in code points.
pub(crate) fn inspect(project: &mut Project, notebook: &Notebook, code: &str, cursor: usize) -> Option<MimeBundle> {
    let analysed = Analysed::new(code);
    let end = end_of_name(&analysed.source, analysed.offset(code, byte_offset(code, cursor)));
    let source = notebook.with(&analysed.source);
    let (text, markdown) = project.hover(&source.text, source.place(end))?;
    let mut html = String::new();
    pulldown_cmark::html::push_html(&mut html, pulldown_cmark::Parser::new(&markdown));
    (!text.trim().is_empty()).then(|| {
        MimeBundle::from([
            ("text/plain".into(), Value::String(as_written(&text))),
            ("text/html".into(), Value::String(as_written(&html))),
        ])
    })
}

/// The type of the variable whose name ends at a byte of a cell that was not run.
pub(crate) fn type_of(project: &mut Project, notebook: &Notebook, cell: &str, end: usize) -> Option<String> {
    let cell = without_commands(cell);
    let begins = cell[..end]
        .rfind(|c: char| !c.is_alphanumeric() && c != '_')
        .map_or(0, |at| at + 1);
    let source = notebook.with(&cell);
    let (shown, _) = project.hover(&source.text, source.place(end))?;
    unkept::type_in(&shown, &cell[begins..end])
}

/// A cell's text as rust-analyzer is to see it, with as many lines.
struct Analysed {
    source: String,
}

impl Analysed {
    fn new(code: &str) -> Analysed {
        let code = without_commands(code);
        let expansion = mosaic_expand::expand_cell(&code).ok().flatten();
        Analysed {
            source: expansion.map_or(code, |it| it.source().to_owned()),
        }
    }

    /// The place of a byte of the code: on the same line, as far from its beginning.
    fn offset(&self, code: &str, at: usize) -> usize {
        let before = &code[..at];
        let line = before.matches('\n').count();
        let column = before.rsplit('\n').next().map_or(0, str::len);
        let begin: usize = self.source.split_inclusive('\n').take(line).map(str::len).sum();
        let mut offset = (begin + column).min(self.source.len());
        while !self.source.is_char_boundary(offset) {
            offset -= 1;
        }
        offset
    }
}

/// What commands take, where that is one of a few words.
const ARGUMENTS: [(&str, &[&str]); 12] = [
    (":allow_static_linking", &["1"]),
    (":codegen_backend", &["default"]),
    (":dep", &["mosaic", "ndarray", "serde", "tokio"]),
    (":efmt", &["{}", "{:?}", "{:#?}"]),
    (":fmt", &["{:?}", "{:#?}", "{}"]),
    (":linker", &["system"]),
    (":load_config", &["--quiet"]),
    (":offline", &["0", "1"]),
    (":opt", &["0", "1", "2", "3"]),
    (":preserve_vars_on_panic", &["0", "1"]),
    (":t", &[]),
    (":type", &[]),
];

/// Completes in the line of a command, if `cursor`, counted in code points, is in one.
pub(crate) fn complete_command(notebook: &Notebook, code: &str, cursor: usize) -> Option<Completions> {
    let at = byte_offset(code, cursor);
    let (begin, line) = preamble(code).find(|(begin, line)| (*begin..=begin + line.len()).contains(&at))?;
    let indent = line.len() - line.trim_start().len();
    let typed = code.get(begin + indent..at).filter(|typed| typed.starts_with(':'))?;
    let (word, matches) = match typed.split_once(' ') {
        None => (typed, words(offered(), typed, "magic")),
        Some((":t" | ":type" | ":doc", argument)) => {
            let names = notebook.variables.iter().map(String::as_str);
            (argument.trim_start(), words(names, argument.trim_start(), "instance"))
        }
        Some((command, argument)) => {
            let known = ARGUMENTS.iter().find(|(name, _)| *name == command);
            let known = known.map_or(&[][..], |(_, arguments)| arguments).iter().copied();
            (argument.trim_start(), words(known, argument.trim_start(), "keyword"))
        }
    };
    Some(Completions {
        cursor_start: cursor - word.chars().count(),
        cursor_end: cursor,
        matches,
    })
}

/// The commands that a cell may use.
fn offered() -> impl Iterator<Item = &'static str> {
    commands::names().filter(|name| commands::refusal(name).is_none())
}

fn words<'a>(words: impl Iterator<Item = &'a str>, typed: &str, kind: &str) -> Vec<Completion> {
    let mut words: Vec<&str> = words.filter(|word| word.starts_with(typed)).collect();
    words.sort_unstable();
    let completion = |word: &str| Completion {
        text: word.to_owned(),
        kind: kind.to_owned(),
    };
    words.into_iter().map(completion).collect()
}

/// Methods that everything has: they are of little interest next to a type's own.
const COMMON: [&str; 22] = [
    "as_any",
    "borrow",
    "borrow_mut",
    "clone",
    "clone_from",
    "clone_into",
    "clone_to_uninit",
    "evcxr_display",
    "fmt",
    "from",
    "into",
    "into_arg",
    "into_future",
    "pin",
    "to_owned",
    "to_string",
    "try_from",
    "try_into",
    "type_id",
    "by_ref",
    "into_iter",
    "drop",
];

/// What generated code needs and nobody is to call.
const INTERNAL: [&str; 5] = ["__", "evcxr_", "Evcxr", "mosaic_cell", "mosaic_std"];

/// Calls on what a value becomes first, which crowd out the value's own.
const DETOURS: [&str; 3] = ["await.", "iter().", "into_iter()."];

/// Without what is nobody's to call, and what is the type's own first.
fn presentable(mut matches: Vec<Completion>) -> Vec<Completion> {
    let starts = |it: &Completion, prefixes: &[&str]| prefixes.iter().any(|prefix| it.text.starts_with(prefix));
    matches.retain(|it| !starts(it, &INTERNAL) && !starts(it, &DETOURS));
    let has = |name: &str| matches.iter().any(|it| name_of(&it.text) == name);
    // `raw` is the only field of a proxy.
    let of_proxy = has("raw") && has("after") && has("uid");
    let of_mosaic = has("interactive") && has("prelude") && has("TaskProxy");
    if of_proxy {
        matches.retain(|it| name_of(&it.text) != "raw");
        matches.sort_by_key(rank);
    }
    // rust-analyzer shows private modules of crates that are there as sources.
    if of_mosaic {
        matches.retain(|it| !is_private_module(&it.text));
    }
    matches
}

/// The root of the crate `mosaic`, whose lines `mod task;` name its private modules.
const MOSAIC: &str = include_str!("../../../runtime/mosaic/src/lib.rs");

/// Returns whether a completion is a private module of the crate `mosaic`, such as `task::`.
fn is_private_module(text: &str) -> bool {
    let Some(name) = text.strip_suffix("::") else {
        return false;
    };
    let modules = MOSAIC.lines().filter_map(|line| line.strip_prefix("mod "));
    modules
        .filter_map(|line| line.split_once(';'))
        .any(|(module, _)| module == name)
}

/// A tessera's methods, then what all proxies have, then what everything has, then what is no method.
fn rank(completion: &Completion) -> usize {
    let name = name_of(&completion.text);
    if completion.kind != "function" {
        3
    } else if COMMON.contains(&name) {
        2
    } else {
        usize::from(["after", "uid"].contains(&name))
    }
}

fn byte_offset(text: &str, code_points: usize) -> usize {
    text.char_indices().nth(code_points).map_or(text.len(), |(at, _)| at)
}

/// Inspection is asked for anywhere in a name; evcxr wants its end.
fn end_of_name(text: &str, from: usize) -> usize {
    let rest = &text[from..];
    from + rest
        .find(|c: char| !c.is_alphanumeric() && c != '_')
        .unwrap_or(rest.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_count_code_points() {
        let text = "ä𝒳b";
        assert_eq!([0, 1, 2, 3, 9].map(|cursor| byte_offset(text, cursor)), [0, 2, 6, 7, 7]);
        assert_eq!(end_of_name("vec.push(1)", 5), 8);
    }

    #[test]
    fn commands_are_not_analysed_and_places_stay() {
        let code = ":restart\n!lß\nlet x = 1;\nx.";
        let analysed = Analysed::new(code);
        assert_eq!(analysed.source, "        \n    \nlet x = 1;\nx.");
        assert_eq!(analysed.offset(code, code.len()), analysed.source.len());
        let code = "#[tessera]\nimpl A { fn new() -> A { A } }\nA::";
        let analysed = Analysed::new(code);
        assert!(analysed.source.len() > code.len());
        assert_eq!(analysed.offset(code, code.len()), analysed.source.len());
    }

    #[test]
    fn a_proxy_shows_its_own_methods_first_and_no_internals() {
        let completion = |text: &str, kind: &str| Completion {
            text: text.into(),
            kind: kind.into(),
        };
        let all = [
            completion("raw", "instance"),
            completion("clone()", "function"),
            completion("after(task)", "function"),
            completion("uid()", "function"),
            completion("__mosaic()", "function"),
            completion("await.ok()", "function"),
            completion("solve(data)", "function"),
        ];
        let names = |matches: Vec<Completion>| matches.into_iter().map(|it| it.text).collect::<Vec<_>>();
        let shown = names(presentable(all.to_vec()));
        assert_eq!(shown, ["solve(data)", "after(task)", "uid()", "clone()"]);
        let other = names(presentable(all[..2].to_vec()));
        assert_eq!(other, ["raw", "clone()"], "another type's own field");
    }

    #[test]
    fn private_modules_of_mosaic_are_not_shown() {
        let all = [
            "interactive(switch)",
            "prelude::",
            "TaskProxy",
            "task::",
            "host::",
            "inspect::",
        ];
        let matches = all.map(|text| Completion {
            text: text.into(),
            kind: "module".into(),
        });
        let shown: Vec<String> = presentable(matches.to_vec()).into_iter().map(|it| it.text).collect();
        assert_eq!(shown, ["interactive(switch)", "prelude::", "TaskProxy"]);
    }
}
