//! The functions of a source that an initial value calls, directly or through others.
//!
//! Such a function is part of what a static is: after a change of the function, a plain program has another value.
//! Names are compared roughly. If a name can mean several functions, all of them count.

use proc_macro2::{Delimiter, Ident, TokenStream, TokenTree};
use std::collections::{BTreeSet, HashMap, HashSet};

/// The functions of a source, by their names.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Functions(HashMap<String, Vec<Function>>);

#[derive(Debug, PartialEq, Eq)]
struct Function {
    owner: Owner,
    /// Its signature and its body.
    text: String,
}

/// What a function is defined in.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Owner {
    /// A module, by its name, or the crate.
    Module(Option<String>),
    /// An `impl` of a type or a trait, by the name of the type or trait.
    Type(String),
}

/// A name that can be that of a function, and how it is written.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Mention {
    name: String,
    before: Before,
}

/// What stands before a name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Before {
    Nothing,
    /// A dot: the name can be a method's.
    Dot,
    /// A path, by its last name.
    Path(String),
    /// A path that ends with `>`.
    Generics,
}

impl Functions {
    pub(super) fn add(&mut self, name: &Ident, owner: Owner, text: String) {
        self.0.entry(plain(name)).or_default().push(Function { owner, text });
    }

    /// Returns the functions that a value of a type calls, in an order that does not depend on that of the source.
    ///
    /// A value of `dyn` a trait calls all functions of the types that it is made of.
    pub(super) fn called_by(&self, value_type: &str, value: &str) -> String {
        let is_dynamic = names(value_type).contains("dyn");
        let mut called: BTreeSet<&str> = BTreeSet::new();
        let mut seen: HashSet<Mention> = HashSet::new();
        let mut open = mentions(value);
        while let Some(mention) = open.pop() {
            if !seen.insert(mention.clone()) {
                continue;
            }
            let named = self.0.get(&mention.name).into_iter().flatten();
            let named = named.filter(|it| mention.can_mean(&it.owner));
            let of_type = self.0.values().flatten();
            let of_type = of_type.filter(|it| is_dynamic && it.owner == Owner::Type(mention.name.clone()));
            for function in named.chain(of_type) {
                if called.insert(&function.text) {
                    open.extend(mentions(&function.text));
                }
            }
        }
        called.into_iter().collect()
    }
}

impl Mention {
    fn can_mean(&self, owner: &Owner) -> bool {
        match (&self.before, owner) {
            (Before::Nothing, Owner::Module(_)) | (Before::Dot, Owner::Type(_)) | (Before::Generics, _) => true,
            (Before::Nothing, Owner::Type(_)) | (Before::Dot, Owner::Module(_)) => false,
            (Before::Path(path), Owner::Type(name)) => path == "Self" || path == name,
            (Before::Path(path), Owner::Module(name)) => {
                ["crate", "self", "super"].contains(&path.as_str()) || name.as_ref() == Some(path)
            }
        }
    }
}

/// Returns all names of a text that may be functions.
fn mentions(text: &str) -> Vec<Mention> {
    let mut found = Vec::new();
    collect(text.parse().unwrap_or_default(), &mut found);
    found
}

fn collect(tokens: TokenStream, found: &mut Vec<Mention>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    for (at, token) in tokens.iter().enumerate() {
        match token {
            TokenTree::Ident(name) => found.push(Mention {
                name: plain(name),
                before: before(&tokens[..at]),
            }),
            TokenTree::Group(group) => collect(group.stream(), found),
            _ => {}
        }
    }
}

fn before(tokens: &[TokenTree]) -> Before {
    match tokens {
        [.., TokenTree::Ident(path), first, second] if is(first, ':') && is(second, ':') => Before::Path(plain(path)),
        [.., first, second] if is(first, ':') && is(second, ':') => Before::Generics,
        [.., dot] if is(dot, '.') => Before::Dot,
        _ => Before::Nothing,
    }
}

fn is(token: &TokenTree, mark: char) -> bool {
    match token {
        TokenTree::Punct(punct) => punct.as_char() == mark,
        // What a macro put in is in a group that is not written.
        TokenTree::Group(group) => group.delimiter() == Delimiter::None && group.to_string() == mark.to_string(),
        _ => false,
    }
}

/// Returns all names of a text.
fn names(text: &str) -> HashSet<String> {
    mentions(text).into_iter().map(|it| it.name).collect()
}

fn plain(name: &Ident) -> String {
    name.to_string().trim_start_matches("r#").to_owned()
}

#[cfg(test)]
mod tests {
    use crate::rustc_wrapper::statics::find::find;

    /// The names of the functions that the last static of a source calls.
    fn called(source: &str) -> Vec<String> {
        let found = find(source);
        let it = found.statics.last().unwrap();
        let called = found.functions.called_by(&it.ty, &it.value);
        let names = called
            .split("fn ")
            .skip(1)
            .map(|it| it.split([' ', '(']).next().unwrap());
        names.map(str::to_owned).collect()
    }

    #[test]
    fn functions_are_found_by_how_they_are_named() {
        const ITEMS: &str = "fn a() { b() } fn b() { A::m() } fn c() {} mod n { fn d() {} } struct A; struct B; \
             impl A { fn new() {} fn m(&self) {} } impl T for B { fn new() {} fn k(&self) {} } \
             trait T { fn t(&self) { c() } } ";
        for (definition, expected) in [
            ("static S: M = M::new();", &[][..]),
            ("static S: fn() = c;", &["c"]),
            ("static S: [fn(); 2] = [c, crate::n::d];", &["c", "d"]),
            ("static S: L = L::new(|| a());", &["a", "b", "m"]),
            ("static S: L<A> = L::new(A::new);", &["new"]),
            ("static S: L<A> = L::new(|| x().m());", &["m"]),
            ("static S: L<A> = L::new(|| <B as T>::k());", &["k"]),
            // A type alone calls nothing, and the values of a trait object call all of their type.
            ("static S: M<Vec<B>> = M::new(Vec::new());", &[]),
            ("static S: M<Vec<dyn T>> = M::new(Vec::new());", &[]),
            ("static S: &B = &B;", &[]),
            ("static S: &dyn T = &B;", &["k", "new"]),
        ] {
            assert_eq!(called(&format!("{ITEMS}{definition}")), expected, "{definition}");
        }
    }

    #[test]
    fn the_order_of_the_source_does_not_matter() {
        let [a, b] = ["fn a() { b() }", "fn b() { a() }"];
        let text = |source: &str| {
            let found = find(source);
            let it = &found.statics[0];
            found.functions.called_by(&it.ty, &it.value)
        };
        let definition = "static S: fn() = a;";
        assert_eq!(
            text(&format!("{a}{b}{definition}")),
            text(&format!("{definition}{b}{a}"))
        );
    }
}
