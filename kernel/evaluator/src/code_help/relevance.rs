//! Which of rust-analyzer's completions are shown, and in which order.

use crate::{
    code_help::completions::Completion,
    evcxr_text::{
        displayed_paths::name_of,
        markers::{DISPLAY_METHOD, FUNCTION_PREFIX, TYPE_PREFIX},
    },
    prebuilt::builtin::{self, BuiltInCrate},
};
use ra_ap_ide::Edition;
use ra_ap_syntax::{
    AstNode, SourceFile,
    ast::{self, HasModuleItem, HasName, HasVisibility},
};
use std::{collections::HashSet, sync::LazyLock};

/// Methods of every type, which are of little interest next to a type's own.
const COMMON: [&str; 22] = [
    "as_any",
    "borrow",
    "borrow_mut",
    "clone",
    "clone_from",
    "clone_into",
    "clone_to_uninit",
    DISPLAY_METHOD,
    "fmt",
    "from",
    "into",
    "into_arg",
    "into_future",
    "pin",
    "to_owned",
    "to_string",
    "try_from",
    "try_into",
    "type_id",
    "by_ref",
    "into_iter",
    "drop",
];

/// Beginnings of names that only generated code uses.
const INTERNAL: [&str; 3] = ["__", FUNCTION_PREFIX, TYPE_PREFIX];

/// Calls that turn a value into another first, and would crowd out the value's own methods.
const DETOURS: [&str; 3] = ["await.", "iter().", "into_iter()."];

/// The private modules of the crate `mosaic`, as completions show them: `task::`.
static PRIVATE_MODULES: LazyLock<HashSet<String>> = LazyLock::new(|| {
    let mosaic = builtin::find("mosaic").and_then(BuiltInCrate::root_module);
    mosaic.map(private_modules).unwrap_or_default()
});

/// Removes names that nobody is to use, and puts the methods of a tessera first.
pub(super) fn presentable(mut matches: Vec<Completion>) -> Vec<Completion> {
    let starts = |it: &Completion, prefixes: &[&str]| prefixes.iter().any(|prefix| it.text.starts_with(prefix));
    let internal_crates: Vec<String> = builtin::libraries_of_generated_code().collect();
    let is_of_crate = |it: &Completion| internal_crates.iter().any(|name| it.text.starts_with(name));
    matches.retain(|it| !starts(it, &INTERNAL) && !starts(it, &DETOURS) && !is_of_crate(it));
    let has = |name: &str| matches.iter().any(|it| name_of(&it.text) == name);
    // `raw` is the only field of a proxy.
    let of_proxy = has("raw") && has("after") && has("uid");
    let of_mosaic = has("interactive") && has("prelude") && has("TaskProxy");
    if of_proxy {
        matches.retain(|it| name_of(&it.text) != "raw");
        matches.sort_by_key(rank);
    }
    // rust-analyzer offers private modules of crates whose sources it has read.
    if of_mosaic {
        matches.retain(|it| !PRIVATE_MODULES.contains(&it.text));
    }
    matches
}

/// Ranks a completion of a proxy: a tessera's methods, then those of all proxies, then those of every type, then the
/// rest.
fn rank(completion: &Completion) -> usize {
    let name = name_of(&completion.text);
    if completion.kind != "function" {
        3
    } else if COMMON.contains(&name) {
        2
    } else {
        usize::from(["after", "uid"].contains(&name))
    }
}

/// Reads the modules that the root of a crate declares without `pub`.
fn private_modules(root: &str) -> HashSet<String> {
    let root = SourceFile::parse(root, Edition::CURRENT).tree();
    let private = root.items().filter_map(|item| match item {
        ast::Item::Module(module) => {
            let is_public = module.visibility().is_some_and(|it| it.syntax().text() == "pub");
            let name = module.name().filter(|_| !is_public)?;
            Some(format!("{}::", name.text()))
        }
        _ => None,
    });
    private.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn completion(text: &str, kind: &str) -> Completion {
        Completion {
            text: text.into(),
            kind: kind.into(),
        }
    }

    fn shown(matches: Vec<Completion>) -> Vec<String> {
        presentable(matches).into_iter().map(|it| it.text).collect()
    }

    #[test]
    fn a_proxy_shows_its_own_methods_first_and_no_internals() {
        let all = [
            completion("raw", "instance"),
            completion("clone()", "function"),
            completion("after(task)", "function"),
            completion("uid()", "function"),
            completion("__mosaic()", "function"),
            completion("await.ok()", "function"),
            completion("solve(data)", "function"),
        ];
        assert_eq!(shown(all.to_vec()), ["solve(data)", "after(task)", "uid()", "clone()"]);
        assert_eq!(shown(all[..2].to_vec()), ["raw", "clone()"], "another type's own field");
    }

    #[test]
    fn private_modules_are_those_without_pub() {
        let root =
            "#![allow(unused)]\nmod a;\npub mod b;\npub(crate) mod c;\n#[doc(hidden)]\npub mod d;\nmod e {}\nfn f() {}";
        let expected = ["a::", "c::", "e::"].map(str::to_owned);
        assert_eq!(private_modules(root), HashSet::from(expected));
    }

    #[test]
    fn the_private_modules_of_mosaic_are_not_shown() {
        assert!(!PRIVATE_MODULES.is_empty() && !PRIVATE_MODULES.contains("prelude::"));
        let mut all = vec![
            completion("interactive(…)", "function"),
            completion("prelude::", "module"),
            completion("TaskProxy", "class"),
        ];
        all.extend(PRIVATE_MODULES.iter().map(|name| completion(name, "module")));
        assert_eq!(shown(all), ["interactive(…)", "prelude::", "TaskProxy"]);
    }
}
