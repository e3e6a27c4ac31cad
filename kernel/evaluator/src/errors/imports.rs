//! Errors in a `use` of the cell. evcxr splits a `use` into one line for each name, and its lines have no place in the
//! cell.

use crate::source::{preamble::without_commands, syntax::block};
use evcxr::CompilationError;
use proc_macro2::Span;
use std::ops::Range;
use syn::{Item, ItemUse, Stmt, UseTree};

/// A name that a `use` imports: the words of its path with their places, and the name in the notebook.
struct Import {
    path: Vec<(String, Span)>,
    name: String,
}

/// Returns the bytes of the cell that an error is about, and what rustc says of them, if it is about a `use` of the cell.
pub(super) fn place<'e>(error: &'e CompilationError, code: &str) -> Option<(Range<usize>, &'e str)> {
    let spans = error.json["spans"].as_array()?;
    let primary = spans.iter().find(|span| span["is_primary"] == true)?;
    let text = &primary["text"][0];
    let column = |key: &str| usize::try_from(text[key].as_u64()?).ok()?.checked_sub(1);
    let marked = column("highlight_start")?..column("highlight_end")?;
    let found = place_of(text["text"].as_str()?, marked, code);
    proc_macro2::extra::invalidate_current_thread_spans();
    Some((found?, primary["label"].as_str().unwrap_or_default()))
}

/// Returns the bytes of the cell that stand for the `marked` characters of one of evcxr's lines.
fn place_of(line: &str, marked: Range<usize>, code: &str) -> Option<Range<usize>> {
    let split = imports(&syn::parse_str::<ItemUse>(line).ok()?.tree);
    let [split] = &split[..] else { return None };
    let block = block(&without_commands(code))?;
    let uses = block.stmts.iter().filter_map(|statement| match statement {
        Stmt::Item(Item::Use(it)) => Some(imports(&it.tree)),
        _ => None,
    });
    let import = uses.flatten().filter(|it| it.is(split)).last()?;
    let characters = |range: Range<usize>| line.chars().skip(range.start).take(range.len()).collect::<String>();
    // rustc marks a whole path if its last word is wrong.
    let last = characters(0..marked.end).matches("::").count();
    let range = import.path.get(last)?.1.byte_range();
    // The block's opening brace comes before the cell.
    Some(range.start.checked_sub(1)?..range.end.checked_sub(1)?)
}

impl Import {
    fn is(&self, other: &Import) -> bool {
        let words = |it: &Import| it.path.iter().map(|(word, _)| word.clone()).collect::<Vec<_>>();
        self.name == other.name && words(self) == words(other)
    }
}

/// Lists the names that a `use` imports.
fn imports(tree: &UseTree) -> Vec<Import> {
    let mut found = Vec::new();
    find(tree, &mut Vec::new(), &mut found);
    found
}

fn find(tree: &UseTree, before: &mut Vec<(String, Span)>, found: &mut Vec<Import>) {
    let depth = before.len();
    let mut import = |before: &[(String, Span)], name: String| {
        let path = before.to_vec();
        found.push(Import { path, name });
    };
    match tree {
        UseTree::Path(path) => {
            before.push((path.ident.to_string(), path.ident.span()));
            find(&path.tree, before, found);
        }
        // `a::{self}` imports `a`.
        UseTree::Name(name) if name.ident == "self" => {
            import(before, before.last().map(|it| it.0.clone()).unwrap_or_default());
        }
        UseTree::Name(name) => {
            before.push((name.ident.to_string(), name.ident.span()));
            import(before, name.ident.to_string());
        }
        UseTree::Rename(rename) => {
            if rename.ident != "self" {
                before.push((rename.ident.to_string(), rename.ident.span()));
            }
            import(before, rename.rename.to_string());
        }
        UseTree::Glob(glob) => {
            before.push(("*".to_owned(), glob.star_token.spans[0]));
            import(before, "*".to_owned());
        }
        UseTree::Group(group) => group.items.iter().for_each(|it| find(it, before, found)),
    }
    before.truncate(depth);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_where_the_cell_imports_them() {
        for (line, marked, code, expected) in [
            ("use no::Foo;", "no", "use no::Foo;", Some("no")),
            ("use no::Foo;", "no::Foo", ":dep a\nuse no::Foo;", Some("Foo")),
            ("use a::b as ä;", "b", "let x = 1; use a::{c, b as ä}; x", Some("b")),
            ("use a::b;", "b", "use a::{b::{self, c}};", Some("b")),
            ("use a::*;", "a", "use ä::*; use a::{self, *};", Some("a")),
            ("use a::b as _;", "a::b as _", "use a::{b as _};", Some("b")),
            ("use a::b;", "b", "use a::b as c;", None),
            ("fn f() { no }", "no", "use no::Foo;", None),
            ("use no::Foo;", "no", "use ", None),
        ] {
            let at = line.find(marked).unwrap();
            let begin = line[..at].chars().count();
            let found = place_of(line, begin..begin + marked.chars().count(), code);
            let found = found.map(|it| &code[it]);
            assert_eq!(found, expected, "{line} in {code}");
        }
    }
}
