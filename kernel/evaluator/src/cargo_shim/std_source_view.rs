//! The standard library's sources as rust-analyzer sees them.
//!
//! It reads them all when it is first asked for a type, and half of their text are the processor's intrinsics. In the
//! view, these have their signatures and their documentation, and no bodies, which no type depends on; everything else
//! is linked from where it lies.

use anyhow::{Context, Result};
use quote::ToTokens;
use std::{fs, io, os::unix::fs::symlink, path::Path};
use syn::{Attribute, File, ForeignItem, Item, visit_mut::VisitMut};

/// Where the intrinsics are.
const INTRINSICS: &str = "stdarch/crates/core_arch/src";
/// What no code can name, and the tests.
const LEFT_OUT: [&str; 6] = [
    "alloctests",
    "compiler-builtins",
    "coretests",
    "rtstartup",
    "stdarch",
    "test",
];

/// What only code for a nightly compiler can name: types that are implemented for every width there is.
const NIGHTLY: &str = "portable-simd";

/// Makes a view of `library` at `view`, which is not there yet: of what a `stable` compiler takes, or of all.
///
/// # Errors
///
/// The sources cannot be read, or the view cannot be written.
pub(crate) fn write_view(library: &Path, view: &Path, stable: bool) -> Result<()> {
    let parent = view.parent().context("no place for a view")?;
    // Written aside and renamed: another kernel may be doing the same.
    let aside = tempfile::Builder::new().prefix("view-").tempdir_in(parent)?;
    for entry in fs::read_dir(library)? {
        let name = entry?.file_name();
        let is_left_out = LEFT_OUT.iter().any(|it| name == *it) || stable && name == NIGHTLY;
        if !is_left_out {
            symlink(library.join(&name), aside.path().join(&name))?;
        }
    }
    let intrinsics = library.join(INTRINSICS);
    if intrinsics.is_dir() {
        copy_signatures(&intrinsics, &aside.path().join(INTRINSICS))?;
    }
    match fs::rename(aside.path(), view) {
        Err(_) if view.is_dir() => Ok(()),
        other => {
            other?;
            // It is not there any more under its first name.
            let _ = aside.keep();
            Ok(())
        }
    }
}

fn copy_signatures(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let path = entry?.path();
        let Some(name) = path.file_name() else { continue };
        let target = to.join(name);
        if path.is_dir() {
            copy_signatures(&path, &target)?;
        } else if path.extension().is_some_and(|it| it == "rs") {
            let text = fs::read_to_string(&path)?;
            fs::write(target, signatures(&text).unwrap_or(text))?;
        } else {
            symlink(&path, target)?;
        }
    }
    Ok(())
}

/// The text without tests, without the bodies of functions, and without attributes that are for the compiler alone.
fn signatures(text: &str) -> Option<String> {
    let mut file: File = syn::parse_file(text).ok()?;
    Bare.visit_file_mut(&mut file);
    Some(file.into_token_stream().to_string())
}

struct Bare;

impl VisitMut for Bare {
    fn visit_file_mut(&mut self, file: &mut File) {
        bare_items(&mut file.items);
        syn::visit_mut::visit_file_mut(self, file);
    }

    fn visit_item_mod_mut(&mut self, module: &mut syn::ItemMod) {
        if let Some((_, items)) = &mut module.content {
            bare_items(items);
        }
        syn::visit_mut::visit_item_mod_mut(self, module);
    }

    fn visit_item_fn_mut(&mut self, function: &mut syn::ItemFn) {
        function.block.stmts.clear();
        keep_attributes(&mut function.attrs);
    }
}

fn bare_items(items: &mut Vec<Item>) {
    items.retain(|item| match item {
        Item::Mod(module) => !module.attrs.iter().any(is_for_tests),
        // Functions of the code generator's.
        Item::ForeignMod(foreign) => !foreign.items.iter().all(|it| matches!(it, ForeignItem::Fn(_))),
        _ => true,
    });
}

fn is_for_tests(attribute: &Attribute) -> bool {
    attribute.path().is_ident("cfg") && attribute.meta.to_token_stream().to_string().replace(' ', "") == "cfg(test)"
}

fn keep_attributes(attributes: &mut Vec<Attribute>) {
    let kept = ["cfg", "deprecated", "doc", "must_use", "unstable"];
    attributes.retain(|attribute| kept.iter().any(|name| attribute.path().is_ident(name)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_stay_and_bodies_go() {
        let text = "//! All.\nuse x::y;\n/// Adds.\n#[inline]\n#[cfg(a)]\npub const fn add(a: u8) -> u8 { unsafe { f(a) } }\n\
                    extern \"C\" { fn f(a: u8) -> u8; }\n#[cfg(test)]\nmod tests { fn t() {} }\nmod m { fn g() { h() } }\n\
                    types! { pub struct V(2 x f64); }\n";
        let bare = signatures(text).unwrap();
        for part in [
            "Adds.",
            "cfg (a)",
            "pub const fn add (a : u8) -> u8 { }",
            "types !",
            "fn g () { }",
            "use x :: y",
        ] {
            assert!(bare.contains(part), "{part}: {bare}");
        }
        for part in ["inline", "unsafe", "extern", "tests", "h ()"] {
            assert!(!bare.contains(part), "{part}: {bare}");
        }
        assert_eq!(signatures("fn ("), None);
    }

    #[test]
    fn a_view_links_what_it_does_not_change() {
        let library = tempfile::tempdir().unwrap();
        let intrinsics = library.path().join(INTRINSICS);
        fs::create_dir_all(intrinsics.join("x86")).unwrap();
        for name in ["core", "coretests", NIGHTLY] {
            fs::create_dir(library.path().join(name)).unwrap();
        }
        fs::write(intrinsics.join("x86/add.rs"), "pub fn add() { body() }").unwrap();
        let parent = tempfile::tempdir().unwrap();
        let view = parent.path().join("view");
        write_view(library.path(), &view, true).unwrap();
        write_view(library.path(), &view, true).unwrap();
        let text = fs::read_to_string(view.join(INTRINSICS).join("x86/add.rs")).unwrap();
        assert!(text.contains("add") && !text.contains("body"));
        assert!(view.join("core").is_symlink() && !view.join("coretests").exists());
        assert!(!view.join(NIGHTLY).exists());
        assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 1);
        let of_nightly = parent.path().join("nightly");
        write_view(library.path(), &of_nightly, false).unwrap();
        assert!(of_nightly.join(NIGHTLY).exists() && !of_nightly.join("coretests").exists());
    }
}
