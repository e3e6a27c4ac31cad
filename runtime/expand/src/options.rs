//! The arguments of the attribute: `#[tessera(max_retries = 2)]`.

use crate::errors::Errors;
use proc_macro2::TokenStream;
use syn::{
    Expr, Ident, Result, Token,
    parse::{Parse, ParseStream, Parser},
    punctuated::Punctuated,
};

/// The options of the attribute. Each is a method of `mosaic_abi::Options` (`runtime/abi/src/options.rs`).
const KNOWN: [&str; 5] = ["max_retries", "restarts", "worker", "near", "timeout"];

/// One option and its value.
pub(crate) struct Setting {
    pub(crate) name: Ident,
    pub(crate) value: Expr,
}

impl Parse for Setting {
    fn parse(input: ParseStream<'_>) -> Result<Setting> {
        let name = input.parse()?;
        input.parse::<Token![=]>()?;
        let value = input.parse()?;
        Ok(Setting { name, value })
    }
}

/// Reads the options from an attribute's arguments, and adds anything else to `errors`.
pub(crate) fn settings(arguments: TokenStream, errors: &mut Errors) -> Vec<Setting> {
    let parser = Punctuated::<Setting, Token![,]>::parse_terminated;
    let settings = match parser.parse2(arguments.clone()) {
        Ok(settings) => settings,
        Err(_) => {
            let message = "`#[tessera]` takes options as `name = value`, such as `max_retries = 2`";
            errors.push(arguments, message);
            return Vec::new();
        }
    };
    let mut known: Vec<Setting> = Vec::new();
    for setting in settings {
        let name = &setting.name;
        if !KNOWN.iter().any(|known| name == known) {
            let options = KNOWN.map(|known| format!("`{known}`")).join(", ");
            errors.push(
                name,
                format!("`#[tessera]` has no option `{name}`: its options are {options}"),
            );
        } else if known.iter().any(|before| before.name == *name) {
            errors.push(name, format!("`{name}` is set twice"));
        } else {
            known.push(setting);
        }
    }
    known
}
