//! Formatting of expansions.

use proc_macro2::TokenStream;

/// Returns the expansion of `#[tessera]` on `item`, formatted.
pub(crate) fn expanded(item: &str) -> String {
    let tokens: TokenStream = item.parse().expect("the test's item has tokens");
    let expanded = mosaic_expand::expand(TokenStream::new(), tokens);
    prettyplease::unparse(&syn::parse2(expanded).expect("an expansion is Rust"))
}

/// Returns the lines of [`expanded`] from the one that begins with `from` to the one before the next that begins with
/// `to`.
pub(crate) fn part(item: &str, from: &str, to: &str) -> String {
    let text = expanded(item);
    let begins = |line: &&str, with: &str| line.trim_start().starts_with(with);
    let lines = text.lines().skip_while(|line| !begins(line, from));
    let lines: Vec<&str> = lines.take_while(|line| !begins(line, to)).collect();
    let indent = lines.first().map_or(0, |line| line.len() - line.trim_start().len());
    let lines: Vec<&str> = lines.iter().map(|line| line.get(indent..).unwrap_or(line)).collect();
    lines.join("\n") + "\n"
}
