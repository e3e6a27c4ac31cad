//! The texts of cells: nothing that reads them panics, and what parses before a rewriting parses after it.

#![no_main]
#![allow(dead_code, unused_imports, unreachable_pub, reason = "the evaluator uses the rest")]

use libfuzzer_sys::fuzz_target;
use source::{
    carriers, completeness, crate_attributes, early_return, empty_statements, fingerprints, identifiers, lending,
};
use source::{misread_code, nesting, placed_parts, preamble, syntax};
use std::collections::{BTreeMap, BTreeSet};

#[path = "../../kernel/evaluator/src/source/mod.rs"]
mod source;

#[path = "../../kernel/evaluator/src/session"]
mod session {
    pub(crate) mod digest;
    pub(crate) mod placed_code;
    pub(crate) mod settings;
}

/// Stands for the evaluator's module, which embeds the built-in crates.
mod prebuilt {
    pub(crate) mod builtin {
        pub(crate) fn has_constant_types(name: &str) -> bool {
            name == "mosaic"
        }
    }
}

fuzz_target!(|data: &[u8]| {
    let Ok(cell) = std::str::from_utf8(data) else { return };
    completeness::is_complete(cell);
    identifiers::normalized(cell);
    if nesting::check(&preamble::without_commands(cell)).is_some() {
        return;
    }
    let cell = &*misread_code::kept(cell, |name| name.len() == 1);
    syntax::check(cell);
    let code = &*preamble::without_commands(cell);
    let parses = syntax::block(code).is_some();
    syntax::last_expression(code);
    if let Ok(tokens) = code.parse() {
        lending::only_lends(&tokens, "x");
        proc_macro2::extra::invalidate_current_thread_spans();
    }
    let _ = crate_attributes::taken_out(code, true);
    check(parses, &early_return::rewritten(code), "early return");
    check(parses, &empty_statements::blanked(code), "empty statements");
    if let Ok(Some(expansion)) = mosaic_expand::expand_cell(code) {
        check(parses, expansion.source(), "expansion");
        for line in 1..=expansion.source().lines().count() {
            expansion.locate(line, 1);
        }
    }
    if let Some(carried) = carriers::carry(code, 1, &Default::default(), &BTreeSet::new()) {
        check(parses, carried.source(), "carriers");
        let plain = carriers::uncarried(carried.source());
        check(parses, &plain, "uncarried");
        placed_parts::read(&preamble::without_commands(&plain), "cell [1]", |line, column| {
            Some((line, column))
        });
    }
    let definitions = fingerprints::Definitions::new(code, BTreeMap::new());
    definitions.fingerprint("A<B>");
});

/// Checks that a rewritten cell still parses.
fn check(parsed: bool, rewritten: &str, by: &str) {
    let parses = syntax::block(&preamble::without_commands(rewritten)).is_some();
    assert!(!parsed || parses, "{by}: {rewritten}");
}
