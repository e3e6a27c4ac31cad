//! Attributes of the crate, `#![…]`, at the beginning of a cell.
//!
//! A notebook is one crate, so they hold for all cells from this one on. The kernel takes them out of the cell and tells
//! them to the rustc wrapper. Attributes that would break the code around a cell are refused.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use std::ops::Range;
use syn::{Lit, Meta, Token, punctuated::Punctuated};

/// A cell without its attributes of the crate.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct WithoutAttributes {
    /// The cell, with spaces in the place of the attributes.
    pub(crate) text: String,
    /// The attributes that hold from now on.
    pub(crate) attributes: Vec<String>,
    /// What the user should know of them.
    pub(crate) notices: Vec<String>,
}

/// An attribute that no cell can have.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    /// The bytes of the attribute in the cell.
    pub(crate) range: Range<usize>,
    pub(crate) reason: String,
}

/// What becomes of an attribute.
#[derive(Debug, PartialEq, Eq)]
enum Use {
    Held(String),
    /// The attribute holds as a warning.
    Warned(String),
    /// The attribute has no effect on how cells are compiled.
    Ignored,
}

/// Takes the attributes of the crate out of a cell without commands. Returns nothing if there are none.
///
/// # Errors
///
/// The first attribute that cannot hold, or that does not come before all code.
pub(crate) fn taken_out(cell: &str, is_stable: bool) -> Result<Option<WithoutAttributes>, Refused> {
    if !cell.contains("#!") {
        return Ok(None);
    }
    let tokens = cell.parse::<TokenStream>();
    let result = match tokens {
        Ok(tokens) => of_tokens(cell, &tokens.into_iter().collect::<Vec<_>>(), is_stable),
        Err(_) => Ok(None),
    };
    proc_macro2::extra::invalidate_current_thread_spans();
    result
}

fn of_tokens(cell: &str, tokens: &[TokenTree], is_stable: bool) -> Result<Option<WithoutAttributes>, Refused> {
    let mut without = WithoutAttributes {
        text: cell.to_owned(),
        attributes: Vec::new(),
        notices: Vec::new(),
    };
    let mut found = false;
    for (index, window) in tokens.windows(3).enumerate() {
        let Some((range, content)) = attribute(window) else {
            continue;
        };
        let refused = |reason: String| Refused {
            range: range.clone(),
            reason,
        };
        // Each attribute before this one has three tokens.
        if !without.text[..range.start].trim().is_empty() && !is_only_attributes(&tokens[..index]) {
            return Err(refused(
                "an attribute of the crate comes before all code: put it first".to_owned(),
            ));
        }
        let meta = syn::parse2::<Meta>(content).map_err(|error| refused(error.to_string()))?;
        match use_of(&meta, is_stable).map_err(refused)? {
            Use::Held(attribute) => without.attributes.push(attribute),
            Use::Warned(attribute) => {
                without
                    .notices
                    .push(format!("a notebook warns of what `{}` denies", &cell[range.clone()]));
                without.attributes.push(attribute);
            }
            Use::Ignored => {}
        }
        let blank = super::preamble::blank(&cell[range.clone()]);
        without.text.replace_range(range, &blank);
        found = true;
    }
    Ok(found.then_some(without))
}

fn is_only_attributes(tokens: &[TokenTree]) -> bool {
    tokens.len().is_multiple_of(3) && tokens.chunks(3).all(|chunk| attribute(chunk).is_some())
}

/// Reads an attribute `#![…]`: its bytes, and what stands in the brackets.
fn attribute(tokens: &[TokenTree]) -> Option<(Range<usize>, TokenStream)> {
    match tokens {
        [TokenTree::Punct(hash), TokenTree::Punct(mark), TokenTree::Group(group)]
            if hash.as_char() == '#' && mark.as_char() == '!' && group.delimiter() == Delimiter::Bracket =>
        {
            let range = hash.span().byte_range().start..group.span().byte_range().end;
            Some((range, group.stream()))
        }
        _ => None,
    }
}

/// Tools whose lints and attributes rustc knows.
const TOOLS: [&str; 5] = ["clippy", "diagnostic", "miri", "rust_analyzer", "rustfmt"];

fn use_of(meta: &Meta, is_stable: bool) -> Result<Use, String> {
    let segments: Vec<String> = meta.path().segments.iter().map(|it| it.ident.to_string()).collect();
    let name = segments.join("::");
    let written = |meta: &dyn quote::ToTokens| meta.to_token_stream().to_string();
    match name.as_str() {
        "allow" | "warn" | "expect" => {
            lints(meta)?;
            Ok(Use::Held(format!("#![{}]", written(meta))))
        }
        "deny" | "forbid" => Ok(Use::Warned(format!("#![warn({})]", lints(meta)?))),
        "recursion_limit" | "type_length_limit" => match meta {
            Meta::NameValue(pair) if is_number(&pair.value) => Ok(Use::Held(format!("#![{}]", written(meta)))),
            _ => Err(format!("`{name}` takes a number: `#![{name} = \"256\"]`")),
        },
        "feature" if is_stable => Err(
            "unstable features need a nightly compiler: start the kernel with `RUSTUP_TOOLCHAIN=nightly`".to_owned(),
        ),
        "feature" => Ok(Use::Held(format!("#![{}]", written(meta)))),
        "cfg_attr" => conditional(meta, is_stable).map(|()| Use::Held(format!("#![{}]", written(meta)))),
        "doc" | "crate_name" | "crate_type" | "windows_subsystem" => Ok(Use::Ignored),
        _ if segments.len() > 1 && TOOLS.contains(&segments[0].as_str()) => Ok(Use::Ignored),
        "no_std" | "no_core" | "no_implicit_prelude" => {
            Err(format!("cells need the standard library: leave `#![{name}]` out"))
        }
        "no_main" => Err("a notebook has no `main`: leave `#![no_main]` out".to_owned()),
        _ => Err(format!(
            "the attribute `#![{name}]` cannot hold for a notebook: leave it out"
        )),
    }
}

/// Returns the lints that an attribute names.
fn lints(meta: &Meta) -> Result<String, String> {
    let list = meta.require_list().map_err(|error| error.to_string())?;
    let parsed = list
        .parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated)
        .map_err(|error| error.to_string())?;
    for lint in &parsed {
        let segments: Vec<String> = lint.path().segments.iter().map(|it| it.ident.to_string()).collect();
        let is_known = match segments.as_slice() {
            [_] => true,
            [tool, _] => TOOLS.contains(&tool.as_str()) || tool == "rustdoc",
            _ => false,
        };
        if !is_known {
            return Err(format!("there is no lint `{}`", segments.join("::")));
        }
    }
    Ok(list.tokens.to_string())
}

/// Checks the attributes that hold under a condition.
fn conditional(meta: &Meta, is_stable: bool) -> Result<(), String> {
    let list = meta.require_list().map_err(|error| error.to_string())?;
    let parsed = list
        .parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated)
        .map_err(|error| error.to_string())?;
    for attribute in parsed.iter().skip(1) {
        if let Use::Warned(_) = use_of(attribute, is_stable)? {
            return Err("a notebook cannot deny lints: write `warn`".to_owned());
        }
    }
    Ok(())
}

fn is_number(value: &syn::Expr) -> bool {
    matches!(value, syn::Expr::Lit(literal) if matches!(&literal.lit, Lit::Str(text) if text.value().parse::<usize>().is_ok()))
}

/// Adds attributes to those that hold already. A new limit replaces the old one.
pub(crate) fn added(mut held: Vec<String>, new: &[String]) -> Vec<String> {
    for attribute in new {
        let limit = attribute.split_once('=').map(|(name, _)| name);
        held.retain(|it| it != attribute && (limit.is_none() || it.split_once('=').map(|(name, _)| name) != limit));
        held.push(attribute.clone());
    }
    held
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_that_can_hold_are_taken_out() {
        for (cell, attributes) in [
            (
                "#![allow(dead_code, clippy::all)]\nfn f() {}",
                &["#![allow (dead_code , clippy :: all)]"][..],
            ),
            ("#![recursion_limit = \"256\"] f()", &["#![recursion_limit = \"256\"]"]),
            ("#![deny(unused)]\nf()", &["#![warn(unused)]"]),
            ("#![doc = \"x\"]\n#![rustfmt::skip]\nf()", &[]),
            (
                "// c\n#![allow(a)]\n#![warn(b)]\nf()",
                &["#![allow (a)]", "#![warn (b)]"],
            ),
            ("#![cfg_attr(test, allow(a))]", &["#![cfg_attr (test , allow (a))]"]),
        ] {
            let without = taken_out(cell, true).unwrap().unwrap();
            assert_eq!(without.attributes, attributes, "{cell}");
            assert_eq!((without.text.len(), without.text.contains("#!")), (cell.len(), false));
            assert_eq!(without.notices.len(), usize::from(cell.contains("deny")));
        }
        assert_eq!(taken_out("mod m { #![allow(a)] }\n\"#![no_std]\"", true), Ok(None));
        assert!(taken_out("#![feature(never_type)]", false).unwrap().is_some());
    }

    #[test]
    fn attributes_that_would_break_cells_are_refused_where_they_stand() {
        for (cell, reason) in [
            ("#![no_std]\nfn f() {}", "standard library"),
            ("#![no_main]", "no `main`"),
            ("#![feature(never_type)]", "nightly"),
            ("#![recursion_limit = 256]", "takes a number"),
            ("#![recursion_limit = \"many\"]", "takes a number"),
            ("#![cfg_attr(not(test), no_std)]", "standard library"),
            ("#![allow(tool::lint)]", "no lint"),
            ("#![allow]", "expected"),
            ("#![cfg(unix)]", "leave it out"),
            ("f();\n#![allow(a)]", "put it first"),
        ] {
            let refused = taken_out(cell, true).unwrap_err();
            assert!(refused.reason.contains(reason), "{cell}: {}", refused.reason);
            assert!(cell[refused.range].starts_with("#!["));
        }
    }

    #[test]
    fn a_new_limit_replaces_the_old_one() {
        let held = |texts: &[&str]| texts.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>();
        let old = held(&["#![recursion_limit = \"1\"]", "#![allow(a)]", "#![allow(b)]"]);
        let new = held(&["#![recursion_limit = \"2\"]", "#![allow(a)]"]);
        let expected = ["#![allow(b)]", "#![recursion_limit = \"2\"]", "#![allow(a)]"];
        assert_eq!(added(old, &new), expected);
    }
}
