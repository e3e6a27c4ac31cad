//! The types of a cell's variables by rustc, for as long as rust-analyzer has not loaded.
//!
//! evcxr writes down the type of every variable that it stores, and asks rust-analyzer for it, which reads the whole
//! standard library first. rustc knows the types, too: a *probe* is the cell with a call after each `let` that is generic
//! in a variable's type, and the code that rustc makes of it (MIR) has the type's name. The cell then goes to evcxr with
//! a *declaration* after each `let`, which tells rust-analyzer the type in words. rustc never sees it, since the wrapper
//! takes it out again: what runs is the cell as the user wrote it.

use crate::{
    preamble,
    syntax::{bindings, block, words},
};
use std::{borrow::Cow, collections::BTreeSet, fs, io, ops::Range, path::Path};
use syn::{Pat, Stmt, spanned::Spanned};

/// The function that a probe calls.
const TYPE_OF: &str = "__mosaic_type_of";
const DEFINITION: &str = "fn __mosaic_type_of<const NUMBER: usize, T: ?Sized>(_: &T) {}\n";
/// How a declaration ends.
const DECLARED: &str = " = __mosaic_declared();";
/// In the session's directory: the types of the last probe.
const FILE: &str = "mosaic-types.json";

/// A variable that a cell defines.
#[derive(Debug, PartialEq, Eq)]
struct Binding {
    name: String,
    mutable: bool,
    /// Where its `let` ends in the cell, in bytes.
    end: usize,
}

/// A cell that defines variables.
#[derive(Debug)]
pub(crate) struct Probe<'a> {
    cell: &'a str,
    bindings: Vec<Binding>,
}

impl<'a> Probe<'a> {
    /// The probe of a cell, unless it has commands: it may be evaluated twice.
    pub(crate) fn of(cell: &'a str) -> Option<Probe<'a>> {
        let is_command = |line: &str| line.starts_with('!') || preamble::is_command(line);
        if preamble::preamble(cell).any(|(_, line)| is_command(line)) {
            return None;
        }
        // The block's opening brace comes before the cell.
        let before = |range: Range<usize>| range.start.saturating_sub(1)..range.end.saturating_sub(1);
        let mut found = Vec::new();
        // What is no Rust has none: rustc says what is wrong.
        for statement in block(cell).iter().flat_map(|block| &block.stmts) {
            let Stmt::Local(local) = statement else { continue };
            let explicit = type_of_all(&local.pat).map(|it| &cell[before(it.span().byte_range())]);
            if explicit.is_some_and(is_whole) {
                continue;
            }
            let end = before(local.semi_token.span.byte_range()).end;
            found.extend(bindings(&local.pat).into_iter().map(|it| Binding {
                name: it.ident.to_string(),
                mutable: it.mutability.is_some(),
                end,
            }));
        }
        proc_macro2::extra::invalidate_current_thread_spans();
        Some(Probe { cell, bindings: found })
    }

    /// Whether there is no type to be found.
    pub(crate) fn is_empty(&self) -> bool {
        self.bindings.is_empty()
    }

    /// What rustc is to compile.
    pub(crate) fn text(&self) -> String {
        let calls = self.with(|number, binding| format!(" {TYPE_OF}::<{number}, _>(&{});", binding.name));
        format!("{DEFINITION}{calls}")
    }

    /// The cell with declarations, if all types are known.
    pub(crate) fn declared(&self, types: &[Option<String>]) -> Option<String> {
        if types.len() < self.bindings.len() || types.contains(&None) {
            return None;
        }
        Some(self.with(|number, binding| {
            let mutable = if binding.mutable { "mut " } else { "" };
            let type_name = types[number].as_deref().unwrap_or_default();
            format!(" let {mutable}{}: {type_name}{DECLARED}", binding.name)
        }))
    }

    /// The cell with a text for each variable, after its `let`.
    fn with(&self, text: impl Fn(usize, &Binding) -> String) -> String {
        let mut written = String::with_capacity(2 * self.cell.len());
        let mut from = 0;
        for (number, binding) in self.bindings.iter().enumerate() {
            written += &self.cell[from..binding.end];
            written += &text(number, binding);
            from = binding.end;
        }
        written + &self.cell[from..]
    }
}

/// The type that is written for a single variable.
fn type_of_all(pattern: &Pat) -> Option<&syn::Type> {
    match pattern {
        Pat::Type(typed) if matches!(*typed.pat, Pat::Ident(_)) => Some(&typed.ty),
        _ => None,
    }
}

/// Whether nothing of a type is left to be inferred.
fn is_whole(type_name: &str) -> bool {
    words(type_name).all(|word| word != "_" && word != "impl")
}

/// Whether a text that evcxr has compiled is that of a probe.
pub(crate) fn is_probe(text: &str) -> bool {
    text.contains(DEFINITION.trim_end())
}

/// What evcxr has compiled, without declarations. No line moves.
pub(crate) fn without_declarations(text: &str) -> Cow<'_, str> {
    if !text.contains(DECLARED) {
        return Cow::Borrowed(text);
    }
    let lines = text.split_inclusive('\n').map(|line| match line.split_once(DECLARED) {
        Some((declaration, rest)) if declaration.trim_start().starts_with("let ") => rest,
        _ => line,
    });
    Cow::Owned(lines.collect())
}

/// The types of the calls in what rustc made of a probe, as far as they have names that a cell can use: with paths that
/// begin in the standard library, in one of the `crates`, or among the words of the `items`.
pub(crate) fn types_in(mir: &str, items: &str, crates: &BTreeSet<&str>) -> Vec<Option<String>> {
    let begin = format!(" = {TYPE_OF}::<");
    let short: Vec<(&str, &str)> = PRELUDE
        .into_iter()
        .filter(|(_, name)| !is_redefined(name, items))
        .collect();
    let items: BTreeSet<&str> = words(items).collect();
    let mut types: Vec<Option<String>> = Vec::new();
    for call in mir.lines().filter_map(|line| Some(line.split_once(&begin)?.1)) {
        let Some((number, rest)) = call.split_once(", ") else {
            continue;
        };
        let (Ok(number), Some((type_name, _))) = (number.parse::<usize>(), rest.rsplit_once(">(")) else {
            continue;
        };
        types.resize(types.len().max(number + 1), None);
        let is_known = |name: &str| {
            IN_SCOPE.contains(&name)
                || short.iter().any(|it| it.1 == name)
                || crates.contains(name)
                || items.contains(name)
        };
        let type_name = kept(type_name);
        let type_name = short
            .iter()
            .fold(type_name, |text, (path, name)| text.replace(path, name));
        types[number] = is_nameable(&type_name, is_known).then_some(type_name);
    }
    types
}

/// Types that are known without their modules, unless something else has their name.
const PRELUDE: [(&str, &str); 5] = [
    ("std::boxed::Box", "Box"),
    ("std::option::Option", "Option"),
    ("std::result::Result", "Result"),
    ("std::string::String", "String"),
    ("std::vec::Vec", "Vec"),
];

/// Whether items give a name another meaning: rather once too often.
fn is_redefined(name: &str, items: &str) -> bool {
    let defines = |line: &str| {
        ["use ", "struct ", "enum ", "type ", "union "]
            .iter()
            .any(|it| line.contains(it))
    };
    items
        .lines()
        .any(|line| defines(line) && words(line).any(|word| word == name))
}

/// Primitive types, keywords of types, and the crates of the standard library.
const IN_SCOPE: [&str; 27] = [
    "alloc", "bool", "char", "const", "core", "dyn", "extern", "f32", "f64", "fn", "for", "i128", "i16", "i32", "i64",
    "i8", "isize", "mut", "std", "str", "u128", "u16", "u32", "u64", "u8", "unsafe", "usize",
];

/// A type with the only lifetime that a variable may have that is kept. At this point rustc has forgotten which it had.
fn kept(type_name: &str) -> String {
    let mut rest = type_name.split('&');
    let mut kept = rest.next().unwrap_or_default().to_owned();
    for part in rest {
        // A function's own lifetimes have names.
        kept += if part.starts_with('\'') { "&" } else { "&'static " };
        kept += part;
    }
    kept.replace("'_", "'static")
}

/// Whether a type as rustc tells it can be written: no closure, and no name that is not known.
fn is_nameable(type_name: &str, is_known: impl Fn(&str) -> bool) -> bool {
    let mut all = words(type_name);
    !type_name.contains(['{', '#', '"'])
        && all.all(|word| {
            // Words are parts of the text.
            let at = word.as_ptr() as usize - type_name.as_ptr() as usize;
            let (before, after) = (&type_name[..at], &type_name[at + word.len()..]);
            let is_lifetime = before.ends_with('\'') && !after.starts_with('\'');
            let is_of_path = before.ends_with("::");
            let is_associated = after.starts_with(" = ");
            let is_number = word.starts_with(|c: char| c.is_ascii_digit());
            is_lifetime || is_of_path || is_associated || is_number || is_known(word)
        })
}

/// Keeps the types for the kernel.
pub(crate) fn keep(session: &Path, types: &[Option<String>]) -> io::Result<()> {
    fs::write(session.join(FILE), serde_json::to_vec(types)?)
}

/// Takes the types of the last probe, if rustc told any.
pub(crate) fn take(session: &Path) -> Vec<Option<String>> {
    let file = session.join(FILE);
    let types = fs::read(&file).ok().and_then(|text| serde_json::from_slice(&text).ok());
    let _ = fs::remove_file(file);
    types.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_has_no_type_of_its_own_is_probed() {
        for (cell, expected) in [
            ("let a = 1;", Some(&["a"][..])),
            (
                "let mut a = 1; let (b, [c, ..]) = x;\nlet S { d, e: Some(f) } = y else { return };",
                Some(&["mut a", "b", "c", "d", "f"]),
            ),
            ("// a\n\nlet a: Vec<_> = f();", Some(&["a"])),
            ("let a: Vec<u8> = f(); let _ = 1; fn g() { let b = 1; }", Some(&[])),
            ("f()", Some(&[])),
            ("!ls\nlet a = 1;", None),
            (":dep x\nlet a = 1;", None),
            ("let a = ", Some(&[])),
            ("let (Ok(a) | Err(a)) = f(); let (b | b) = 1;", Some(&["a", "b"])),
        ] {
            let probe = Probe::of(cell);
            let found = probe.map(|probe| {
                let names = probe.bindings.into_iter();
                names
                    .map(|it| format!("{}{}", if it.mutable { "mut " } else { "" }, it.name))
                    .collect::<Vec<_>>()
            });
            assert_eq!(
                found.as_deref(),
                expected
                    .map(|it| it.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>())
                    .as_deref(),
                "{cell}"
            );
        }
    }

    #[test]
    fn declarations_are_there_for_rust_analyzer_alone() {
        let cell = "let mut a = f(); // one\nlet (b, c) = a; b + c";
        let probe = Probe::of(cell).unwrap();
        assert!(is_probe(&probe.text()) && !is_probe(cell));
        assert!(probe.text().ends_with(
            "let mut a = f(); __mosaic_type_of::<0, _>(&a); // one\n\
             let (b, c) = a; __mosaic_type_of::<1, _>(&b); __mosaic_type_of::<2, _>(&c); b + c"
        ));
        let types = ["u8", "Vec<u8>", "x::Y"].map(|it| Some(it.to_owned()));
        let declared = probe.declared(&types).unwrap();
        assert!(declared.contains("let mut a = f(); let mut a: u8 = __mosaic_declared(); // one\n"));
        assert_eq!(probe.declared(&types[..2]), None);
        assert_eq!(probe.declared(&[None, types[1].clone(), types[2].clone()]), None);
        // As evcxr compiles it, each statement has a line of its own.
        let compiled = declared.replace("; ", ";\n");
        let plain = without_declarations(&compiled);
        assert_eq!(plain, "let mut a = f();\n\n// one\nlet (b, c) = a;\n\n\nb + c");
        assert_eq!(without_declarations(cell), cell);
    }

    #[test]
    fn types_are_taken_if_a_cell_can_name_them() {
        let items = "enum Option {}\nstruct Mine; mod inner { pub struct Deep<T>(T); }";
        let crates = BTreeSet::from(["ndarray"]);
        for (told, written) in [
            ("i32", "i32"),
            ("std::vec::Vec<&str>", "Vec<&'static str>"),
            ("std::option::Option<u8>", "std::option::Option<u8>"),
            ("(u8, [inner::Deep<Mine>; 3])", "(u8, [inner::Deep<Mine>; 3])"),
            (
                "ndarray::ArrayBase<ndarray::OwnedRepr<f64>, ndarray::Dim<[usize; 2]>>",
                "ndarray::ArrayBase<ndarray::OwnedRepr<f64>, ndarray::Dim<[usize; 2]>>",
            ),
            (
                "std::boxed::Box<dyn std::ops::Fn(i32) -> i32 + std::marker::Send>",
                "Box<dyn std::ops::Fn(i32) -> i32 + std::marker::Send>",
            ),
            (
                "std::boxed::Box<dyn std::iter::Iterator<Item = u8>>",
                "Box<dyn std::iter::Iterator<Item = u8>>",
            ),
            ("fn(u8) -> std::ops::Range<u8>", "fn(u8) -> std::ops::Range<u8>"),
            ("hidden::Thing", ""),
            ("{closure@src/lib.rs:17:9: 17:17}", ""),
            ("inner::Deep<'_>", "inner::Deep<'static>"),
            ("&mut [u8]", "&'static mut [u8]"),
            ("for<'a> fn(&'a str, &u8)", "for<'a> fn(&'a str, &'static u8)"),
            ("impl std::fmt::Debug", ""),
            ("std::vec::Vec<_>", ""),
        ] {
            let mir = format!(
                "fn f() {{\n    _4 = {TYPE_OF}::<1, {told}>(copy _5) -> [return: bb4, unwind: bb61];\n}}\n\
                 fn {TYPE_OF}(_1: &T) -> () {{\n"
            );
            let expected = [None, Some(written.to_owned()).filter(|it| !it.is_empty())];
            assert_eq!(types_in(&mir, items, &crates), expected, "{told}");
        }
    }

    #[test]
    fn types_are_taken_once() {
        let session = tempfile::tempdir().unwrap();
        let types = [Some("u8".to_owned()), None];
        keep(session.path(), &types).unwrap();
        assert_eq!(take(session.path()), types);
        assert_eq!(take(session.path()), []);
    }
}
