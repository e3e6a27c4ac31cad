//! Tells macros that make items from those that make statements and expressions, by their definitions.

use ra_ap_syntax::{
    AstNode, AstToken, Edition, NodeOrToken, SourceFile, SyntaxKind, SyntaxToken, T,
    ast::{self, HasModuleItem},
};
use std::{collections::BTreeMap, fs, path::Path};

const EDITION: Edition = Edition::Edition2024;

/// Reports whether the calls of a macro are items: each rule that makes something makes items.
pub(super) fn makes_items(definition: &ast::MacroRules) -> bool {
    let Some(rules) = definition.token_tree() else {
        return false;
    };
    let trees: Vec<ast::TokenTree> = rules.syntax().children().filter_map(ast::TokenTree::cast).collect();
    // A matcher and what it makes, in turns.
    let made = trees.chunks_exact(2).map(|rule| made(&rule[0], &rule[1]));
    let made: Vec<String> = made.filter(|text| !text.trim().is_empty()).collect();
    !made.is_empty() && made.iter().all(|text| are_items(text))
}

/// Reports whether a text is the call of a macro that probably makes items, as [`begins_as_item`] says.
pub(crate) fn call_begins_as_item(text: &str) -> bool {
    let parsed = SourceFile::parse(&format!("{text};"), EDITION).tree();
    let call = parsed.syntax().children().find_map(ast::MacroCall::cast);
    call.is_some_and(|call| begins_as_item(&call))
}

/// Reports whether the arguments of a call begin as an item or a condition on items does. Then the call probably makes
/// items, whatever its macro is.
pub(super) fn begins_as_item(call: &ast::MacroCall) -> bool {
    let Some(arguments) = call.token_tree() else {
        return false;
    };
    let parts = arguments.syntax().children_with_tokens();
    let mut parts = parts.filter(|part| !part.kind().is_trivia()).skip(1);
    let mut first = parts.next();
    while first.as_ref().is_some_and(|part| part.kind() == T![#]) {
        // The brackets of an attribute are one part.
        first = parts.nth(1);
    }
    let Some(NodeOrToken::Token(first)) = first else {
        return false;
    };
    let second = parts.next();
    let second = second.as_ref().and_then(NodeOrToken::as_token);
    let is_word = second.is_some_and(|it| it.kind().is_any_identifier() || it.kind().is_keyword(EDITION));
    match first.text() {
        "pub" => true,
        "const" | "enum" | "fn" | "mod" | "static" | "struct" | "trait" | "type" | "union" | "unsafe" | "use" => {
            is_word
        }
        "extern" => is_word || second.is_some_and(|it| it.kind() == SyntaxKind::STRING),
        "impl" => is_word || second.is_some_and(|it| it.kind() == T![<]),
        // As in `cfg_if!`.
        "if" => second.is_some_and(|it| it.kind() == T![#]),
        _ => false,
    }
}

/// Reports whether a call is that of `include!` for a file that consists of items. A relative path begins at the
/// directory of the `notebook`.
pub(super) fn includes_items(call: &ast::MacroCall, notebook: Option<&Path>) -> bool {
    let is_include = call.path().is_some_and(|path| path.syntax().text() == "include");
    let argument = call.token_tree().filter(|_| is_include);
    let tokens = argument.map(|argument| tokens(&argument)).unwrap_or_default();
    let [_, path, _] = tokens.as_slice() else { return false };
    let path = ast::String::cast(path.clone());
    let path = path.as_ref().and_then(|path| path.value().ok());
    let file = path.and_then(|path| Some(notebook?.join(path.as_ref())));
    let content = file.and_then(|file| fs::read_to_string(file).ok());
    content.is_some_and(|content| are_items(&content))
}

fn are_items(text: &str) -> bool {
    let parsed = SourceFile::parse(text, EDITION);
    let file = parsed.tree();
    let mut items = file.items();
    // The call of another macro may be anything.
    parsed.errors().is_empty() && items.all(|item| !matches!(item, ast::Item::MacroCall(_))) && file.items().count() > 0
}

/// Writes what a rule makes, with something of its kind in the place of each variable. A repeated part stands once.
fn made(matcher: &ast::TokenTree, body: &ast::TokenTree) -> String {
    let kinds = fragment_kinds(&tokens(matcher));
    let tokens = tokens(body);
    let mut written = String::new();
    // Parentheses of repetitions: whether each open one is one of `$(`.
    let mut open: Vec<bool> = Vec::new();
    let mut at = 1;
    while at + 1 < tokens.len() {
        let token = &tokens[at];
        at += 1;
        match token.kind() {
            T![$] => match tokens.get(at).map(|next| (next.kind(), next.text())) {
                Some((T!['('], _)) => {
                    open.push(true);
                    at += 1;
                }
                Some((_, name)) => {
                    match kinds.get(name) {
                        Some(kind) => written += example(kind),
                        // `$crate` has no kind.
                        None => written += name,
                    }
                    at += 1;
                }
                None => {}
            },
            T!['('] => {
                open.push(false);
                written += "(";
            }
            T![')'] if open.pop() == Some(true) => at += repetition_ends(&tokens[at..]),
            _ => written += token.text(),
        }
        let last = &tokens[at - 1];
        let touches = tokens
            .get(at)
            .is_some_and(|next| next.text_range().start() == last.text_range().end());
        // Tokens that touch each other may be one operator.
        if !touches || last.kind().is_any_identifier() {
            written.push(' ');
        }
    }
    written
}

/// Counts the tokens behind a repeated part: a separator, if there is one, and the operator.
fn repetition_ends(rest: &[SyntaxToken]) -> usize {
    let is_operator = |token: &SyntaxToken| matches!(token.kind(), T![*] | T![+] | T![?]);
    match rest {
        [first, ..] if is_operator(first) => 1,
        [_, second, ..] if is_operator(second) => 2,
        _ => 0,
    }
}

/// Returns the kinds of a matcher's variables: `$name:kind`.
fn fragment_kinds(matcher: &[SyntaxToken]) -> BTreeMap<String, String> {
    let variables = matcher
        .windows(4)
        .filter(|it| it[0].kind() == T![$] && it[2].kind() == T![:]);
    variables
        .map(|it| (it[1].text().to_owned(), it[3].text().to_owned()))
        .collect()
}

/// Returns code of a kind that a variable of a macro may have.
fn example(kind: &str) -> &'static str {
    match kind {
        "item" => "struct Made;",
        "block" => "{}",
        "expr" | "expr_2021" | "literal" => "1",
        "lifetime" => "'static",
        "meta" => "inline",
        "pat" | "pat_param" => "_",
        "stmt" => "let made = 1",
        "vis" => "pub",
        _ => "Made",
    }
}

fn tokens(tree: &ast::TokenTree) -> Vec<SyntaxToken> {
    let all = tree
        .syntax()
        .descendants_with_tokens()
        .filter_map(NodeOrToken::into_token);
    all.filter(|token| !token.kind().is_trivia() && token.kind() != SyntaxKind::EOF)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn macros_that_make_items_are_told_from_others() {
        for (rules, expected) in [
            ("($n:ident) => { struct $n; };", true),
            (
                "($n:ident) => { #[derive(Debug)] pub struct $n { x: u8 } impl $n { fn f(&self) -> u8 { self.x } } };",
                true,
            ),
            (
                "($($n:ident: $t:ty),* $(,)?) => { $(pub fn $n() -> $t { Default::default() })* };",
                true,
            ),
            ("($v:vis $n:ident = $e:expr) => { $v const $n: u8 = $e; };", true),
            (
                "($n:ident { $($f:ident : $t:ty),* }) => { struct $n { $($f: $t),* } };",
                true,
            ),
            (
                "($t:ty) => { impl $crate::Area for $t { fn area(&self) -> f64 { 1.0 } } }",
                true,
            ),
            (
                "($(#[$m:meta])* $n:ident<$l:lifetime>) => { $(#[$m])* struct $n<$l>(&$l str); };",
                true,
            ),
            ("() => { macro_rules! inner { () => {} } };", true),
            ("() => {}; ($n:ident) => { struct $n; };", true),
            ("($i:item) => { $i };", true),
            ("() => { 1 + 1 };", false),
            ("($e:expr) => { println!(\"{}\", $e) };", false),
            ("($e:expr) => { println!(\"{}\", $e); };", false),
            ("($n:ident) => { let $n = 1; };", false),
            ("() => { fn f() -> u8 { 1 } f() };", false),
            ("() => { { struct A; A } };", false),
            ("($n:ident) => { struct $n; }; () => { 1 };", false),
            ("() => {};", false),
            ("($($t:tt)*) => { $($t)* };", false),
            ("() => { if x { y(); } };", false),
        ] {
            let source = format!("macro_rules! m {{ {rules} }}");
            let parsed = SourceFile::parse(&source, EDITION).tree();
            let Some(ast::Item::MacroRules(definition)) = parsed.items().next() else {
                panic!("{source}");
            };
            assert_eq!(makes_items(&definition), expected, "{rules}");
        }
    }

    #[test]
    fn calls_that_begin_as_items_are_told_from_others() {
        for (cell, expected) in [
            ("m! { struct A; }", true),
            ("m!(static FOO: u32);", true),
            ("m! { static ref FOO: u32 = 1; }", true),
            (
                "m! { /// Flags.\n #[derive(Debug)] #[repr(u8)] pub struct A: u8 { const X = 1; } }",
                true,
            ),
            ("m! { pub(crate) A(u8); }", true),
            ("m! { if #[cfg(unix)] { fn f() {} } else { fn f() {} } }", true),
            ("m![const fn f() {}];", true),
            ("m! { unsafe impl Send for A {} }", true),
            ("m! { extern \"C\" { fn f(); } }", true),
            ("m! { impl<T> A<T> {} }", true),
            ("m! {}", false),
            ("m!(a, b);", false),
            ("m!(static || 1);", false),
            ("m!(const { 1 });", false),
            ("m!(unsafe { f() });", false),
            ("m! { let x = 1; }", false),
            ("m!(if x { 1 } else { 2 });", false),
            ("m!(|x: u8| x);", false),
            ("m! { [struct A;] }", false),
            ("m!(#[a]);", false),
        ] {
            let parsed = SourceFile::parse(cell, EDITION).tree();
            let Some(ast::Item::MacroCall(call)) = parsed.items().next() else {
                panic!("{cell}");
            };
            assert_eq!(begins_as_item(&call), expected, "{cell}");
        }
    }

    #[test]
    fn a_file_of_items_is_told_from_an_expression() {
        let notebook = tempfile::tempdir().unwrap();
        for (name, content) in [("items.rs", "//! Items.\nfn f() {}\nstruct A;"), ("value.rs", "1 + 1")] {
            fs::write(notebook.path().join(name), content).unwrap();
        }
        for (cell, expected) in [
            ("include!(\"items.rs\");", true),
            ("include! { r\"items.rs\" }", true),
            ("include!(\"value.rs\");", false),
            ("include!(\"none.rs\");", false),
            ("include!(concat!(\"items\", \".rs\"));", false),
            ("include_str!(\"items.rs\");", false),
        ] {
            let parsed = SourceFile::parse(cell, EDITION).tree();
            let Some(ast::Item::MacroCall(call)) = parsed.items().next() else {
                panic!("{cell}");
            };
            assert_eq!(includes_items(&call, Some(notebook.path())), expected, "{cell}");
            assert!(!includes_items(&call, None));
        }
    }
}
