//! The probe of a cell, and the declarations by which rust-analyzer knows the types that the probe found.

use crate::{
    session::files::{self, Type},
    source::{
        preamble,
        syntax::{bindings, block, words},
    },
    type_probe::mir_types::PINNED_BEGINS,
};
use std::{borrow::Cow, io, ops::Range, path::Path};
use syn::{Pat, Stmt, spanned::Spanned};

/// The function that a probe calls for each variable.
pub(super) const TYPE_OF: &str = "__mosaic_type_of";
/// The function that a probe calls for each variable that may be an iterator.
pub(super) const ITEM_OF: &str = "__mosaic_item_of";
/// Defines [`ITEM_OF`].
const ITEM_DEFINITION: &str =
    "fn __mosaic_item_of<const NUMBER: usize, T, I: ?Sized + ::std::iter::Iterator<Item = T>>(_: &I) {}\n";
/// Defines the function that a probe calls.
const DEFINITION: &str = "fn __mosaic_type_of<const NUMBER: usize, T: ?Sized>(_: &T) {}\n";
/// Ends a declaration.
const DECLARATION_ENDS: &str = " = __mosaic_declared();";

/// Ends the declaration of a variable that is kept in a box.
const BOXED_ENDS: &str = " = __mosaic_boxed();";
/// Ends the declaration of a variable that is kept in a pinned box.
const PINNED_ENDS: &str = " = __mosaic_pinned();";

/// A variable that a cell defines.
#[derive(Debug, PartialEq, Eq)]
struct Binding {
    name: String,
    mutable: bool,
    /// Where its `let` ends in the cell, in bytes.
    end: usize,
}

/// A cell with the variables whose types rustc is to name.
#[derive(Debug)]
pub(crate) struct Probe<'a> {
    cell: &'a str,
    bindings: Vec<Binding>,
}

impl<'a> Probe<'a> {
    /// Makes the probe of a cell. A cell with commands has none, since a command may not run twice.
    pub(crate) fn of(cell: &'a str) -> Option<Probe<'a>> {
        if preamble::has_command(cell) {
            return None;
        }
        // The block's opening brace comes before the cell.
        let before = |range: Range<usize>| range.start.saturating_sub(1)..range.end.saturating_sub(1);
        let mut found: Vec<Binding> = Vec::new();
        // A cell that does not parse defines none: rustc says what is wrong.
        for statement in block(cell).iter().flat_map(|block| &block.stmts) {
            let Stmt::Local(local) = statement else { continue };
            let explicit = type_of_all(&local.pat).map(|it| &cell[before(it.span().byte_range())]);
            let is_typed = explicit.is_some_and(is_whole);
            let end = before(local.semi_token.span.byte_range()).end;
            for binding in bindings(&local.pat) {
                let name = binding.ident.to_string();
                // evcxr stores the last variable of a name.
                found.retain(|it| it.name != name);
                if !is_typed {
                    let mutable = binding.mutability.is_some();
                    found.push(Binding { name, mutable, end });
                }
            }
        }
        proc_macro2::extra::invalidate_current_thread_spans();
        Some(Probe { cell, bindings: found })
    }

    /// Reports whether there is no type to be found.
    pub(crate) fn is_empty(&self) -> bool {
        self.bindings.is_empty()
    }

    /// Returns the source that rustc is to compile.
    pub(crate) fn text(&self) -> String {
        let calls = self.with_statements(|number, binding| format!(" {TYPE_OF}::<{number}, _>(&{});", binding.name));
        format!("{DEFINITION}{calls}")
    }

    /// Returns the source that tells what those variables yield that may be iterators. There is none if no variable may
    /// be an iterator.
    pub(crate) fn text_for_iterators(&self, types: &[Option<Type>]) -> Option<String> {
        let may_iterate = |number: usize| matches!(types.get(number), Some(Some(it)) if it.may_iterate());
        if !(0..self.bindings.len()).any(may_iterate) {
            return None;
        }
        let calls = self.with_statements(|number, binding| match may_iterate(number) {
            true => format!(" {ITEM_OF}::<{number}, _, _>(&{});", binding.name),
            false => String::new(),
        });
        Some(format!("{DEFINITION}{ITEM_DEFINITION}{calls}"))
    }

    /// Pairs the variables with their types, as far as rustc named these.
    pub(crate) fn typed<'t>(&self, types: &'t [Option<Type>]) -> impl Iterator<Item = (&str, &'t Type)> {
        let bindings = self.bindings.iter().map(|it| it.name.as_str()).zip(types);
        bindings.filter_map(|(name, it)| Some((name, it.as_ref()?)))
    }

    /// Returns the cell with declarations, if a cell can write all types.
    pub(crate) fn declared(&self, types: &[Option<Type>]) -> Option<String> {
        let written: Option<Vec<&str>> = types.iter().map(|it| it.as_ref()?.written()).collect();
        let written = written.filter(|it| it.len() == self.bindings.len())?;
        Some(self.with_statements(|number, binding| {
            let mutable = if binding.mutable { "mut " } else { "" };
            let ends = match types[number].as_ref().and_then(Type::boxed) {
                None => DECLARATION_ENDS,
                Some(boxed) if boxed.starts_with(PINNED_BEGINS) => PINNED_ENDS,
                Some(_) => BOXED_ENDS,
            };
            format!(" let {mutable}{}: {}{ends}", binding.name, written[number])
        }))
    }

    /// Returns the cell with a statement for each variable, after the variable's `let`.
    fn with_statements(&self, statement: impl Fn(usize, &Binding) -> String) -> String {
        let mut written = String::with_capacity(2 * self.cell.len());
        let mut from = 0;
        for (number, binding) in self.bindings.iter().enumerate() {
            written += &self.cell[from..binding.end];
            written += &statement(number, binding);
            from = binding.end;
        }
        written + &self.cell[from..]
    }
}

/// Returns the type that a `let` of a single variable has in the source.
fn type_of_all(pattern: &Pat) -> Option<&syn::Type> {
    match pattern {
        Pat::Type(typed) if matches!(*typed.pat, Pat::Ident(_)) => Some(&typed.ty),
        _ => None,
    }
}

/// Reports whether no part of a type is left to be inferred.
fn is_whole(type_name: &str) -> bool {
    words(type_name).all(|word| word != "_" && word != "impl")
}

/// Reports whether a source that evcxr has compiled is that of a probe.
pub(crate) fn is_probe(text: &str) -> bool {
    text.contains(DEFINITION.trim_end())
}

/// Removes the declarations from a source that evcxr has compiled, and puts the variables in boxes where the cell stores
/// them, if they were declared so. No line moves.
pub(crate) fn without_declarations(text: &str) -> Cow<'_, str> {
    const ENDS: [(&str, &str); 3] = [
        (DECLARATION_ENDS, ""),
        (BOXED_ENDS, "::std::boxed::Box::new"),
        (PINNED_ENDS, "::std::boxed::Box::pin"),
    ];
    if !ENDS.iter().any(|(end, _)| text.contains(end)) {
        return Cow::Borrowed(text);
    }
    let mut boxed: Vec<(&str, &str)> = Vec::new();
    let mut line = |line: &'_ str| -> Option<usize> {
        let (at, (end, function)) = ENDS.iter().find_map(|it| Some((line.find(it.0)?, it)))?;
        let name = line[..at].trim_start().strip_prefix("let ")?.split_once(':')?.0;
        if !function.is_empty() {
            // A part of the text, which lives longer than the line.
            let name = name.trim_start_matches("mut ");
            let begin = name.as_ptr() as usize - text.as_ptr() as usize;
            boxed.push((&text[begin..begin + name.len()], function));
        }
        Some(at + end.len())
    };
    let mut written = String::with_capacity(text.len());
    for it in text.split_inclusive('\n') {
        written += &it[line(it).unwrap_or(0)..];
    }
    for (name, function) in boxed {
        let stored = format!("(stringify!({name}), {name});");
        written = written.replace(&stored, &format!("(stringify!({name}), {function}({name}));"));
    }
    Cow::Owned(written)
}

/// Keeps the types of a probe for the kernel.
pub(crate) fn keep(session: &Path, types: &Vec<Option<Type>>) -> io::Result<()> {
    files::PROBED_TYPES.write(session, types)
}

/// Takes the types of the last probe, if rustc named any.
pub(crate) fn take(session: &Path) -> Vec<Option<Type>> {
    files::PROBED_TYPES.take(session).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_variables_without_a_whole_type_are_probed() {
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
            ("let a = 1; let b = 2; let mut a = b; let b: u8 = 1;", Some(&["mut a"])),
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
        let types = ["u8", "Vec<u8>", "x::Y"].map(|it| Some(Type::Named(it.to_owned())));
        let declared = probe.declared(&types).unwrap();
        assert!(declared.contains("let mut a = f(); let mut a: u8 = __mosaic_declared(); // one\n"));
        assert_eq!(probe.declared(&types[..2]), None);
        let nameless = Some(Type::Nameless("impl Fn()".to_owned()));
        for unknown in [None, nameless] {
            let types = [unknown, types[1].clone(), types[2].clone()];
            assert_eq!(probe.declared(&types), None);
        }
        // As evcxr compiles it, each statement has a line of its own.
        let compiled = declared.replace("; ", ";\n");
        let plain = without_declarations(&compiled);
        assert_eq!(plain, "let mut a = f();\n\n// one\nlet (b, c) = a;\n\n\nb + c");
        assert_eq!(without_declarations(cell), cell);
    }

    #[test]
    fn variables_without_a_name_for_their_type_are_stored_in_boxes() {
        let cell = "let mut f = g(); let later = h();";
        let probe = Probe::of(cell).unwrap();
        let boxable = |boxed: &str| {
            Some(Type::Boxable {
                shown: "impl Fn()".to_owned(),
                boxed: boxed.to_owned(),
            })
        };
        let types = [
            boxable("Box<dyn Fn()>"),
            boxable("std::pin::Pin<Box<dyn Future<Output = u8>>>"),
        ];
        let declared = probe.declared(&types).unwrap();
        let compiled = format!(
            "{}\nput::<Box<dyn Fn()>>(stringify!(f), f);\nput::<P>(stringify!(later), later);\nput::<u8>(stringify!(x), x);\n",
            declared.replace("; ", ";\n")
        );
        assert_eq!(
            without_declarations(&compiled),
            "let mut f = g();\n\nlet later = h();\n\nput::<Box<dyn Fn()>>(stringify!(f), ::std::boxed::Box::new(f));\n\
             put::<P>(stringify!(later), ::std::boxed::Box::pin(later));\nput::<u8>(stringify!(x), x);\n"
        );
        let iterator = Some(Type::Nameless("Map<I, {closure@a.rs:1:1: 1:2}>".to_owned()));
        assert_eq!(probe.text_for_iterators(&types), None);
        let text = probe.text_for_iterators(&[iterator, types[1].clone()]).unwrap();
        assert!(
            is_probe(&text) && text.ends_with("let mut f = g(); __mosaic_item_of::<0, _, _>(&f); let later = h();")
        );
    }

    #[test]
    fn types_are_taken_once() {
        let session = tempfile::tempdir().unwrap();
        let types = vec![Some(Type::Named("u8".to_owned())), None];
        keep(session.path(), &types).unwrap();
        assert_eq!(take(session.path()), types);
        assert_eq!(take(session.path()), []);
    }
}
