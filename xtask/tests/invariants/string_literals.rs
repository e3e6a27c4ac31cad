//! The string literals of Rust sources, for rules about who may name what.
//!
//! Comments, doc comments and other attributes do not count, and neither does code that is compiled for tests alone. A
//! string that indexes a value, as in `message["target"]`, is no name of a file and is left out as well.

use super::sources::{root, rust_files};
use proc_macro2::{Delimiter, TokenStream, TokenTree};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// A string literal in a source.
#[derive(Debug)]
pub(crate) struct StringLiteral {
    /// The source, relative to the root of the workspace.
    pub(crate) file: PathBuf,
    /// The text between the quotes, with escapes as they are written.
    pub(crate) text: String,
}

/// Lists the string literals of all Rust sources in a directory, relative to the root of the workspace, except files named
/// `tests.rs`.
pub(crate) fn string_literals(directory: &Path) -> Vec<StringLiteral> {
    let files = rust_files(directory);
    files.iter().flat_map(|file| string_literals_of(file)).collect()
}

/// Lists the string literals of one Rust source, given by its path relative to the root of the workspace.
pub(crate) fn string_literals_of(file: &Path) -> Vec<StringLiteral> {
    let source = fs::read_to_string(root().join(file)).unwrap();
    let tokens: TokenStream = source
        .parse()
        .unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let mut texts = Vec::new();
    collect(tokens, &mut texts);
    let literal = |text| StringLiteral {
        file: file.to_owned(),
        text,
    };
    texts.into_iter().map(literal).collect()
}

fn collect(tokens: TokenStream, texts: &mut Vec<String>) {
    let mut tokens = tokens.into_iter().peekable();
    // Whether an opening bracket would index what stands before it.
    let mut follows_value = false;
    while let Some(token) = tokens.next() {
        let mut is_value = false;
        match token {
            TokenTree::Punct(it) if it.as_char() == '#' => {
                tokens.next_if(|it| matches!(it, TokenTree::Punct(it) if it.as_char() == '!'));
                let attribute = tokens.next();
                if attribute.is_some_and(|it| it.to_string().replace(' ', "") == "[cfg(test)]") {
                    // The item of the attribute ends with its body, or with a semicolon.
                    let is_end = |it: &TokenTree| match it {
                        TokenTree::Group(it) => it.delimiter() == Delimiter::Brace,
                        TokenTree::Punct(it) => it.as_char() == ';',
                        _ => false,
                    };
                    tokens.by_ref().find(is_end);
                }
            }
            TokenTree::Group(it) => {
                if !(follows_value && it.delimiter() == Delimiter::Bracket && is_single_literal(it.stream())) {
                    collect(it.stream(), texts);
                }
                is_value = it.delimiter() != Delimiter::Brace;
            }
            TokenTree::Literal(it) => texts.extend(text_of(&it.to_string())),
            TokenTree::Ident(_) => is_value = true,
            TokenTree::Punct(_) => {}
        }
        follows_value = is_value;
    }
}

fn is_single_literal(tokens: TokenStream) -> bool {
    let mut tokens = tokens.into_iter();
    matches!((tokens.next(), tokens.next()), (Some(TokenTree::Literal(_)), None))
}

/// The text of a literal, if it is a string: `"…"`, `b"…"`, `c"…"` or raw.
fn text_of(literal: &str) -> Option<String> {
    let (prefix, rest) = literal.split_once('"')?;
    let is_string = prefix.bytes().all(|byte| b"bcr#".contains(&byte));
    is_string.then(|| rest.trim_end_matches('#').trim_end_matches('"').to_owned())
}

#[test]
fn literals_of_tests_comments_and_indices_do_not_count() {
    let source = r##"
        //! "inner"
        /// "outer"
        #[doc = "attribute"]
        fn f() { g("argument", b"bytes", r#"raw"#, 'c'); value["index"]; ["element"]; x! { "macro" } }
        #[cfg(test)]
        mod tests { fn t() { "test"; } }
        #[cfg(test)]
        use a::b;
        const AFTER: &str = "after";
    "##;
    let mut texts = Vec::new();
    collect(source.parse().unwrap(), &mut texts);
    assert_eq!(texts, ["argument", "bytes", "raw", "element", "macro", "after"]);
}
