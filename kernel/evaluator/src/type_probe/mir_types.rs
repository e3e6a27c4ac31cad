//! Reads the types of a probe's variables from the code that rustc makes of it (MIR).

use crate::{
    session::files::Type,
    source::syntax::words,
    type_probe::probe::{ITEM_OF, TYPE_OF},
};
use std::collections::BTreeSet;

impl Type {
    /// Returns the type as a cell can write it, if it can.
    pub(crate) fn written(&self) -> Option<&str> {
        match self {
            Type::Named(name) | Type::Boxable { boxed: name, .. } => Some(name),
            Type::Nameless(_) => None,
        }
    }

    /// Returns the type as users see it.
    pub(crate) fn shown(&self) -> &str {
        let (Type::Named(shown) | Type::Nameless(shown) | Type::Boxable { shown, .. }) = self;
        shown
    }

    /// Returns the type of the box in which a variable is kept whose own type has no name.
    pub(crate) fn boxed(&self) -> Option<&str> {
        match self {
            Type::Boxable { boxed, .. } => Some(boxed),
            _ => None,
        }
    }

    /// Reports whether this may be the type of an iterator that holds a closure.
    pub(crate) fn may_iterate(&self) -> bool {
        matches!(self, Type::Nameless(shown) if !shown.starts_with(['(', '[', '{', '&']) && shown.contains('<'))
    }
}

/// Begins the type of the box of an asynchronous block.
pub(super) const PINNED_BEGINS: &str = "std::pin::Pin<";

/// Returns the type of the box for a value that implements `bounds`, such as `Fn(i32) -> i32`.
fn boxed(bounds: &str, is_known: impl Fn(&str) -> bool) -> Option<String> {
    let is_known = |name: &str| BOXED_TRAITS.contains(&name) || is_known(name);
    if bounds.contains('…') || !is_nameable(bounds, is_known) {
        return None;
    }
    if bounds.starts_with("Future<") {
        let bounds = with_static_lifetimes(bounds);
        return Some(format!("{PINNED_BEGINS}std::boxed::Box<dyn std::future::{bounds}>>"));
    }
    let bounds = match bounds.split_once(") -> ") {
        // No argument lends anything that could be returned.
        Some((arguments, returned)) if !arguments.contains(['&', '\'']) => {
            format!("{arguments}) -> {}", with_static_lifetimes(returned))
        }
        _ if bounds.starts_with("Iterator<") => with_static_lifetimes(bounds),
        _ => bounds.to_owned(),
    };
    Some(format!("std::boxed::Box<dyn {bounds}>"))
}

/// The traits of values that are kept in a box.
const BOXED_TRAITS: [&str; 5] = ["Fn", "FnMut", "FnOnce", "Future", "Iterator"];

/// Reads the types of a probe's variables, by the number of the variable. A type is left out if a cell does not know
/// all of its paths: they begin in the standard library, in one of the `crates`, or with a word of the `items`.
pub(crate) fn types_in(mir: &str, items: &str, crates: &BTreeSet<&str>) -> Vec<Option<Type>> {
    let begin = format!(" = {TYPE_OF}::<");
    let prelude: Vec<(&str, &str)> = PRELUDE
        .into_iter()
        .filter(|(_, name)| !is_redefined(name, items))
        .collect();
    let items: BTreeSet<&str> = words(items).collect();
    let is_known = |name: &str| {
        IN_SCOPE.contains(&name)
            || prelude.iter().any(|it| it.1 == name)
            || crates.contains(name)
            || items.contains(name)
    };
    let shortened = |text: &str| {
        prelude
            .iter()
            .fold(text.to_owned(), |text, (path, name)| text.replace(path, name))
    };
    let mut types: Vec<Option<Type>> = Vec::new();
    for call in mir.lines().filter_map(|line| Some(line.split_once(&begin)?.1)) {
        let Some((number, rest)) = call.split_once(", ") else {
            continue;
        };
        let (Ok(number), Some((printed, _))) = (number.parse::<usize>(), rest.rsplit_once(">(")) else {
            continue;
        };
        types.resize(types.len().max(number + 1), None);
        types[number] = if NAMELESS.iter().any(|it| printed.contains(it)) {
            let signature = signature(printed, mir);
            let shown = shortened(signature.as_deref().unwrap_or(printed));
            let bounds = signature.as_deref().and_then(|it| it.strip_prefix("impl "));
            let boxed = bounds.and_then(|bounds| boxed(&shortened(bounds), is_known));
            Some(match boxed.map(|boxed| shortened(&boxed)) {
                Some(boxed) => Type::Boxable { shown, boxed },
                None => Type::Nameless(shown),
            })
        } else {
            let name = shortened(&with_static_lifetimes(as_function_pointer(printed)));
            is_nameable(&name, is_known).then_some(Type::Named(name))
        };
    }
    let begin = format!(" = {ITEM_OF}::<");
    for call in mir.lines().filter_map(|line| Some(line.split_once(&begin)?.1)) {
        let Some((number, rest)) = call.split_once(", ") else {
            continue;
        };
        let (Ok(number), Some((item, iterator))) = (number.parse::<usize>(), split_at_comma(rest)) else {
            continue;
        };
        types.resize(types.len().max(number + 1), None);
        let boxed = boxed(&format!("Iterator<Item = {}>", shortened(item)), is_known);
        types[number] = boxed.map(|boxed| Type::Boxable {
            shown: shortened(iterator),
            boxed: shortened(&boxed),
        });
    }
    types
}

/// Splits a list of types behind the first one.
fn split_at_comma(types: &str) -> Option<(&str, &str)> {
    let mut depth = 0_usize;
    let mut previous = ' ';
    for (at, character) in types.char_indices() {
        match character {
            '<' | '(' | '[' | '{' => depth += 1,
            '>' if previous == '-' => {}
            '>' | ')' | ']' | '}' => depth = depth.checked_sub(1)?,
            ',' if depth == 0 => return Some((&types[..at], types[at + 1..].trim_start())),
            _ => {}
        }
        previous = character;
    }
    None
}

/// Begins the types that have no name, as rustc prints them.
const NAMELESS: [&str; 2] = ["{closure@", "{async "];
/// Begins the type by which a function takes the state of an asynchronous block.
const POLLED: &str = "std::pin::Pin<&mut ";
/// Begins the type that a function returns which runs an asynchronous block.
const POLLS: &str = "std::task::Poll<";

/// Writes a function's own type, `fn(u8) -> u8 {module::name}`, as the type of a pointer to it, which a cell can write.
fn as_function_pointer(printed: &str) -> &str {
    let is_function = printed.starts_with("fn(") || printed.starts_with("for<");
    match printed.split_once(" {") {
        Some((pointer, name)) if is_function && name.ends_with('}') && !pointer.contains('{') => pointer,
        _ => printed,
    }
}

/// Finds what a nameless type implements, if its code is in this crate.
fn signature(printed: &str, mir: &str) -> Option<String> {
    let functions = mir
        .lines()
        .filter_map(|line| line.strip_prefix("fn ")?.split_once("(_1: "));
    functions
        .map(|(_, function)| function)
        .find_map(|it| implemented_by(it, printed))
}

/// Reads what a nameless type implements from a function that may be its code. `function` begins with the type of the
/// first argument: the closure, by reference if it can be called again, or the state of an asynchronous block.
fn implemented_by(function: &str, printed: &str) -> Option<String> {
    let (arguments, returned) = split_at_closing(function.strip_suffix(" {")?)?;
    let returned = without_nameless(returned.strip_prefix(" -> ")?);
    let polled = arguments.strip_prefix(POLLED).and_then(|it| it.strip_prefix(printed));
    if polled.is_some_and(|it| it.starts_with('>')) {
        let output = returned.strip_prefix(POLLS)?.strip_suffix('>')?;
        return Some(format!("impl Future<Output = {output}>"));
    }
    let called = [("&mut ", "FnMut"), ("&", "Fn"), ("", "FnOnce")];
    let (mut rest, name) = called
        .iter()
        .find_map(|(by, name)| Some((arguments.strip_prefix(by)?.strip_prefix(printed)?, name)))?;
    let mut arguments = Vec::new();
    for number in 2.. {
        let Some(argument) = rest.strip_prefix(&format!(", _{number}: ")) else {
            break;
        };
        let end = argument.find(&format!(", _{}: ", number + 1)).unwrap_or(argument.len());
        arguments.push(without_nameless(&argument[..end]));
        rest = &argument[end..];
    }
    let arguments = arguments.join(", ");
    Some(match returned.as_str() {
        "()" => format!("impl {name}({arguments})"),
        returned => format!("impl {name}({arguments}) -> {returned}"),
    })
}

/// Splits a text at the first closing parenthesis that the text does not open.
fn split_at_closing(text: &str) -> Option<(&str, &str)> {
    let mut depth = 0_usize;
    let closing = text.char_indices().find(|(_, character)| {
        match character {
            '(' => depth += 1,
            ')' if depth == 0 => return true,
            ')' => depth -= 1,
            _ => {}
        }
        false
    });
    closing.map(|(at, _)| (&text[..at], &text[at + 1..]))
}

/// Replaces nameless types by an ellipsis.
fn without_nameless(text: &str) -> String {
    let mut rest = text;
    let mut named = String::new();
    while let Some((before, braces)) = rest.split_once('{') {
        named += before;
        named.push('…');
        rest = braces.split_once('}').map_or("", |it| it.1);
    }
    named + rest
}

/// Types that a cell can write without their modules, unless something else has their name.
const PRELUDE: [(&str, &str); 5] = [
    ("std::boxed::Box", "Box"),
    ("std::option::Option", "Option"),
    ("std::result::Result", "Result"),
    ("std::string::String", "String"),
    ("std::vec::Vec", "Vec"),
];

/// Reports whether items may give a name another meaning.
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

/// Words in types that every cell knows: primitive types, keywords, and the crates of the standard library.
const IN_SCOPE: [&str; 27] = [
    "alloc", "bool", "char", "const", "core", "dyn", "extern", "f32", "f64", "fn", "for", "i128", "i16", "i32", "i64",
    "i8", "isize", "mut", "std", "str", "u128", "u16", "u32", "u64", "u8", "unsafe", "usize",
];

/// Gives references the lifetime `'static`, the only one that a stored variable may have. rustc no longer knows the
/// lifetimes that the references had.
fn with_static_lifetimes(type_name: &str) -> String {
    let mut rest = type_name.split('&');
    let mut written = rest.next().unwrap_or_default().to_owned();
    for part in rest {
        // Only a function's own lifetimes have names.
        written += if part.starts_with('\'') { "&" } else { "&'static " };
        written += part;
    }
    written.replace("'_", "'static")
}

/// Reports whether a cell can write a type as rustc prints it: the type is no closure, and every name is known.
fn is_nameable(type_name: &str, is_known: impl Fn(&str) -> bool) -> bool {
    let mut all = words(type_name);
    !type_name.contains(['{', '#', '"'])
        && all.all(|word| {
            // A word is a part of the text.
            let at = word.as_ptr() as usize - type_name.as_ptr() as usize;
            let (before, after) = (&type_name[..at], &type_name[at + word.len()..]);
            let is_lifetime = before.ends_with('\'') && !after.starts_with('\'');
            let is_of_path = before.ends_with("::");
            let is_associated = after.starts_with(" = ");
            let is_number = word.starts_with(|c: char| c.is_ascii_digit());
            is_lifetime || is_of_path || is_associated || is_number || is_known(word)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_taken_if_a_cell_can_name_them() {
        let items = "enum Option {}\nstruct Mine; mod inner { pub struct Deep<T>(T); }";
        let crates = BTreeSet::from(["ndarray"]);
        for (printed, written) in [
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
            ("std::option::Option<fn(u8) -> u8 {std::mem::drop}>", ""),
            (
                "fn(i32, u32) -> i32 {core::num::<impl i32>::pow}",
                "fn(i32, u32) -> i32",
            ),
            (
                "for<'a> fn(&'a std::string::String) -> &'a str {std::string::String::as_str}",
                "for<'a> fn(&'a String) -> &'a str",
            ),
            ("inner::Deep<'_>", "inner::Deep<'static>"),
            ("&mut [u8]", "&'static mut [u8]"),
            ("for<'a> fn(&'a str, &u8)", "for<'a> fn(&'a str, &'static u8)"),
            ("impl std::fmt::Debug", ""),
            ("std::vec::Vec<_>", ""),
        ] {
            let mir = format!(
                "fn f() {{\n    _4 = {TYPE_OF}::<1, {printed}>(copy _5) -> [return: bb4, unwind: bb61];\n}}\n\
                 fn {TYPE_OF}(_1: &T) -> () {{\n"
            );
            let written = Some(written.to_owned()).filter(|it| !it.is_empty());
            let expected = [None, written.map(Type::Named)];
            assert_eq!(types_in(&mir, items, &crates), expected, "{printed}");
        }
    }

    #[test]
    fn a_nameless_type_is_shown_by_what_it_implements() {
        let functions = "\
            fn g() -> {closure@a.rs:1:1: 1:2} {\n\
            fn f::{closure#0}(_1: &{closure@a.rs:2:1: 2:2}, _2: &str, _3: fn(u8, i8) -> u8) -> std::vec::Vec<u8> {\n\
            fn f::{closure#1}(_1: &mut {closure@a.rs:3:1: 3:2}, _2: u8) -> () {\n\
            fn f::{closure#2}(_1: {closure@a.rs:4:1: 4:2}) -> {closure@a.rs:4:3: 4:4} {\n\
            fn a::{closure#0}(_1: std::pin::Pin<&mut {async fn body of a()}>, _2: &mut std::task::Context<'_>) -> \
                std::task::Poll<std::string::String> {\n";
        for (printed, shown, boxed) in [
            (
                "{closure@a.rs:2:1: 2:2}",
                "impl Fn(&str, fn(u8, i8) -> u8) -> Vec<u8>",
                "Box<dyn Fn(&str, fn(u8, i8) -> u8) -> Vec<u8>>",
            ),
            ("{closure@a.rs:3:1: 3:2}", "impl FnMut(u8)", "Box<dyn FnMut(u8)>"),
            ("{closure@a.rs:4:1: 4:2}", "impl FnOnce() -> …", ""),
            (
                "{async fn body of a()}",
                "impl Future<Output = String>",
                "std::pin::Pin<Box<dyn std::future::Future<Output = String>>>",
            ),
            ("{closure@elsewhere.rs:1:1: 1:2}", "{closure@elsewhere.rs:1:1: 1:2}", ""),
            (
                "std::iter::Map<I, {closure@a.rs:2:1: 2:2}>",
                "std::iter::Map<I, {closure@a.rs:2:1: 2:2}>",
                "",
            ),
        ] {
            let mir = format!("    _4 = {TYPE_OF}::<0, {printed}>(copy _5) -> [return: bb4];\n{functions}");
            let (shown, boxed) = (shown.to_owned(), boxed.to_owned());
            let expected = match boxed.is_empty() {
                true => Type::Nameless(shown),
                false => Type::Boxable { shown, boxed },
            };
            assert_eq!(types_in(&mir, "", &BTreeSet::new()), [Some(expected)], "{printed}");
        }
    }

    #[test]
    fn an_iterator_is_boxed_by_what_it_yields() {
        for (item, boxed) in [
            ("i32", "Box<dyn Iterator<Item = i32>>"),
            (
                "(u8, std::vec::Vec<&str>)",
                "Box<dyn Iterator<Item = (u8, Vec<&'static str>)>>",
            ),
            ("fn(u8, u8) -> u8", "Box<dyn Iterator<Item = fn(u8, u8) -> u8>>"),
            ("hidden::Thing", ""),
            ("{closure@a.rs:1:1: 1:2}", ""),
        ] {
            let iterator = "std::iter::Map<std::ops::Range<i32>, {closure@a.rs:2:1: 2:2}>";
            let mir = format!("    _4 = {ITEM_OF}::<0, {item}, {iterator}>(copy _5) -> [return: bb4];\n");
            let types = types_in(&mir, "", &BTreeSet::new());
            assert_eq!(
                types[0].as_ref().and_then(Type::boxed).unwrap_or_default(),
                boxed,
                "{item}"
            );
            assert!(Type::Nameless(iterator.to_owned()).may_iterate());
        }
    }
}
