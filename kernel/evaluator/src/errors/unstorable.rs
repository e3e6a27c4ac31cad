//! Variables that cannot be kept for the next cell: why, and what to write instead.

use crate::{
    evcxr_text::messages::{Reason, refusal_of_nameless, refused_variable},
    source::{
        preamble::without_commands,
        syntax::{self, bindings, block},
    },
};
use std::ops::Range;
use syn::{Expr, Stmt, spanned::Spanned};

/// A variable that cannot be kept for the next cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unstorable {
    pub(crate) name: String,
    pub(crate) reason: Reason,
}

/// The explanation why a variable cannot be kept.
pub(crate) struct Explanation {
    pub(crate) title: String,
    /// The bytes of the variable's name in the cell, if the cell defines the variable.
    pub(crate) range: Option<Range<usize>>,
    /// What the user can write instead.
    pub(crate) help: Vec<String>,
}

/// Iterators of the standard library. Most of them borrow the values that they yield, or hold a closure.
const ITERATORS: [&str; 40] = [
    "Bytes",
    "Chain",
    "CharIndices",
    "Chars",
    "Chunks",
    "ChunksExact",
    "Cloned",
    "Copied",
    "Cycle",
    "Drain",
    "Enumerate",
    "Filter",
    "FilterMap",
    "FlatMap",
    "Flatten",
    "Inspect",
    "IntoIter",
    "Iter",
    "IterMut",
    "Keys",
    "Lines",
    "Map",
    "MapWhile",
    "Peekable",
    "Range",
    "RangeInclusive",
    "Rev",
    "Scan",
    "Skip",
    "SkipWhile",
    "Split",
    "SplitN",
    "SplitWhitespace",
    "StepBy",
    "Successors",
    "Take",
    "TakeWhile",
    "Values",
    "Windows",
    "Zip",
];

/// A variable that a cell sets with `let`. Ranges are bytes of the cell.
struct Let {
    name: Range<usize>,
    mutable: bool,
    value: Option<Range<usize>>,
    closure: bool,
    captures_by_move: bool,
}

impl Unstorable {
    /// Reads a message of evcxr's. Returns nothing if the message is about something else.
    pub(crate) fn from_message(message: &str) -> Option<Unstorable> {
        refused_variable(message).map(|(name, reason)| Unstorable {
            name: name.to_owned(),
            reason,
        })
    }

    /// Returns what evcxr would say of a variable whose type has no name.
    pub(crate) fn message_for_nameless(name: &str) -> String {
        refusal_of_nameless(name)
    }

    /// Finds the closure that a cell would keep. evcxr does not name it in errors on what the closure borrows.
    pub(crate) fn closure_in(code: &str) -> Option<Unstorable> {
        let found = lets(code).into_iter().find(|it| it.closure)?;
        Some(Unstorable {
            name: code[found.name].to_owned(),
            reason: Reason::Unnameable,
        })
    }

    /// Explains why the variable cannot be kept, with a line to write instead. `type_of` looks up the type of a
    /// variable by its name and the byte of the cell at which the name ends.
    pub(crate) fn explain(&self, code: &str, type_of: impl FnOnce(&str, usize) -> Option<String>) -> Explanation {
        let title = self.title();
        let plain = without_commands(code);
        let found = lets(&plain)
            .into_iter()
            .rfind(|it| plain[it.name.clone()] == *self.name);
        let Some(found) = found else {
            return Explanation {
                title,
                range: None,
                help: Vec::new(),
            };
        };
        let type_name = type_of(&self.name, found.name.end);
        let mut help = Vec::new();
        if let Some(value) = &found.value {
            let line = self.instead(&found, &plain[value.clone()], type_name.as_deref());
            help.push(format!("write `{line}`"));
        }
        if self.reason != Reason::Unknown {
            help.push("or put braces around the cell's code, if no other cell needs the variable".to_owned());
        }
        Explanation {
            title,
            range: Some(found.name),
            help,
        }
    }

    fn title(&self) -> String {
        let name = &self.name;
        match self.reason {
            Reason::Unnameable => {
                format!("the variable `{name}` cannot be kept for the next cell: its type, a closure's, has no name")
            }
            Reason::Borrows => {
                format!("the variable `{name}` cannot be kept for the next cell: it borrows from this one")
            }
            Reason::Unknown => format!("the type of the variable `{name}` cannot be inferred"),
            Reason::Private => format!("the variable `{name}` cannot be kept for the next cell: its type is private"),
        }
    }

    /// Returns a line that does what the user meant.
    fn instead(&self, found: &Let, value: &str, type_name: Option<&str>) -> String {
        let name = format!("{}{}", if found.mutable { "mut " } else { "" }, self.name);
        let type_name = type_name.unwrap_or_default();
        // `Map`, if the type is `std::iter::Map<…>`.
        let outermost = type_name.split('<').next().unwrap_or_default().rsplit("::").next();
        let iterates = outermost.is_some_and(|name| ITERATORS.contains(&name));
        if found.closure || type_name.starts_with("impl ") && type_name.contains("Fn") {
            let signature = type_name.strip_prefix("impl ").unwrap_or("Fn(…) -> …");
            let value = match found.closure && !found.captures_by_move {
                true => format!("move {value}"),
                false => value.to_owned(),
            };
            return format!("let {name}: Box<dyn {signature}> = Box::new({value});");
        }
        if iterates {
            return format!("let {name} = {value}.collect::<Vec<_>>();");
        }
        if self.reason == Reason::Borrows && !type_name.starts_with("impl Future<") {
            let borrowed = value.trim_start_matches('&').trim_start_matches("mut ").trim();
            let owned = if type_name.contains("str") || value.starts_with("&mut ") || borrowed == value {
                "to_owned"
            } else {
                "clone"
            };
            return format!("let {name} = {borrowed}.{owned}();");
        }
        match type_name.strip_prefix("impl ") {
            Some(bounds) if bounds.starts_with("Future<") => {
                let value = match value.strip_prefix("async {") {
                    Some(body) => format!("async move {{{body}"),
                    _ => value.to_owned(),
                };
                format!("let {name}: std::pin::Pin<Box<dyn std::future::{bounds}>> = Box::pin({value});")
            }
            Some(bounds) => format!("let {name}: Box<dyn {bounds}> = Box::new({value});"),
            None => format!("let {name}: TYPE = {value};"),
        }
    }
}

/// Returns whether the name of a variable that the cell sets begins at this byte.
pub(crate) fn is_variable_at(code: &str, at: usize) -> bool {
    lets(&without_commands(code)).iter().any(|it| it.name.start == at)
}

/// Finds the variables that a cell without commands sets.
fn lets(code: &str) -> Vec<Let> {
    let Some(block) = block(code) else { return Vec::new() };
    // The block's opening brace comes before the cell.
    let range = |range: Range<usize>| range.start.saturating_sub(1)..range.end.saturating_sub(1);
    let mut found = Vec::new();
    for statement in &block.stmts {
        let Stmt::Local(local) = statement else { continue };
        let value = local.init.as_ref().map(|init| &*init.expr);
        found.extend(bindings(&local.pat).into_iter().map(|it| Let {
            name: range(it.ident.span().byte_range()),
            mutable: it.mutability.is_some(),
            value: value.map(|value| range(value.span().byte_range())),
            closure: matches!(value, Some(Expr::Closure(_))),
            captures_by_move: matches!(value, Some(Expr::Closure(closure)) if closure.capture.is_some()),
        }));
    }
    proc_macro2::extra::invalidate_current_thread_spans();
    found
}

/// Returns the bytes of a cell's last expression, for an error that has no place of its own.
pub(crate) fn last_expression(code: &str) -> Option<Range<usize>> {
    syntax::last_expression(&without_commands(code))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn help(code: &str, variable: &Unstorable, type_name: Option<&str>) -> String {
        let explanation = variable.explain(code, |_, _| type_name.map(str::to_owned));
        assert_eq!(explanation.range.map(|range| &code[range]), Some(&*variable.name));
        explanation.help.join("\n")
    }

    /// The code, the variable that cannot be kept, the reason, its type if that is known, and the line to write
    /// instead.
    type Case = (&'static str, &'static str, Reason, Option<&'static str>, &'static str);

    const CASES: &[Case] = &[
        (
            "let add = |x: i32| x + 1;",
            "add",
            Reason::Unnameable,
            Some("impl Fn(i32) -> i32"),
            "let add: Box<dyn Fn(i32) -> i32> = Box::new(move |x: i32| x + 1);",
        ),
        (
            "let g = f();",
            "g",
            Reason::Unnameable,
            Some("impl Fn(i32) -> i32"),
            "let g: Box<dyn Fn(i32) -> i32> = Box::new(f());",
        ),
        (
            "let v = vec![1]; let r = &v;",
            "r",
            Reason::Borrows,
            Some("&Vec<i32>"),
            "let r = v.clone();",
        ),
        (
            "let first = &v[0];",
            "first",
            Reason::Borrows,
            None,
            "let first = v[0].clone();",
        ),
        (
            "let s = t.trim();",
            "s",
            Reason::Borrows,
            Some("&str"),
            "let s = t.trim().to_owned();",
        ),
        (
            "let it = v.iter().map(|x| x + 1);",
            "it",
            Reason::Unnameable,
            Some("Map<Iter<'_, i32>, impl FnMut(&i32) -> i32>"),
            "let it = v.iter().map(|x| x + 1).collect::<Vec<_>>();",
        ),
        (
            "let later = f();",
            "later",
            Reason::Unnameable,
            Some("impl Future<Output = u8>"),
            "let later: std::pin::Pin<Box<dyn std::future::Future<Output = u8>>> = Box::pin(f());",
        ),
        (
            "let later = async { s.len() };",
            "later",
            Reason::Borrows,
            Some("impl Future<Output = usize>"),
            "let later: std::pin::Pin<Box<dyn std::future::Future<Output = usize>>> = Box::pin(async move { s.len() });",
        ),
        (
            "let r = &counts;",
            "r",
            Reason::Borrows,
            Some("&'static std::collections::HashMap<u8, u8>"),
            "let r = counts.clone();",
        ),
        (
            "let it = v.iter();",
            "it",
            Reason::Borrows,
            Some("std::slice::Iter<'static, i32>"),
            "let it = v.iter().collect::<Vec<_>>();",
        ),
        ("let x = odd();", "x", Reason::Unknown, None, "let x: TYPE = odd();"),
    ];

    #[test]
    fn a_line_is_shown_that_can_be_written_instead() {
        for (code, name, reason, type_name, line) in CASES.iter().cloned() {
            let name = name.to_owned();
            let text = help(code, &Unstorable { name, reason }, type_name);
            assert!(text.contains(line), "{text}");
        }
    }
}
