//! A view of the standard library's sources without what rust-analyzer need not read.
//!
//! rust-analyzer reads all sources when it is first asked for a type, and half of their text defines the intrinsics of
//! processors. In the view, intrinsics have their signatures and documentation, and no bodies, on which no type
//! depends. All other sources are symbolic links.

use crate::session::shared_files::keep_directory;
use anyhow::{Context, Result};
use quote::ToTokens;
use std::{fs, io, os::unix::fs::symlink, path::Path};
use syn::{Attribute, File, ForeignItem, Item, visit_mut::VisitMut};

/// The directory of the intrinsics.
const INTRINSICS: &str = "stdarch/crates/core_arch/src";
/// Packages that no code can name, and tests.
const LEFT_OUT: [&str; 6] = [
    "alloctests",
    "compiler-builtins",
    "coretests",
    "rtstartup",
    "stdarch",
    "test",
];

/// The package that only code for a nightly compiler can name. It is large: its types are implemented for every width.
const NIGHTLY: &str = "portable-simd";

/// Writes a view of the sources in `library` to the directory `view`, unless another kernel has just done so. For a
/// `stable` compiler the view lacks the packages that need a nightly one.
///
/// # Errors
///
/// The sources cannot be read, or the view cannot be written.
pub(crate) fn write_view(library: &Path, view: &Path, stable: bool) -> Result<()> {
    let parent = view.parent().context("the view has no parent directory")?;
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
    match keep_directory(aside.path(), view) {
        Err(_) if view.is_dir() => Ok(()),
        other => {
            other?;
            // It was renamed, so there is nothing to remove under its first name.
            let _ = aside.keep();
            Ok(())
        }
    }
}

/// Copies a directory of sources without the bodies of functions.
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

/// Returns a source without tests, bodies of functions, and attributes for the compiler alone. Returns `None` if it
/// cannot be parsed.
fn signatures(text: &str) -> Option<String> {
    let mut file: File = syn::parse_file(text).ok()?;
    Bare.visit_file_mut(&mut file);
    Some(file.into_token_stream().to_string())
}

/// Removes bodies, tests, and the attributes of functions.
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

/// Removes test modules and imports of functions.
fn bare_items(items: &mut Vec<Item>) {
    items.retain(|item| match item {
        Item::Mod(module) => !module.attrs.iter().any(is_for_tests),
        // These declare functions of the code generator, which nobody calls but the bodies.
        Item::ForeignMod(foreign) => !foreign.items.iter().all(|it| matches!(it, ForeignItem::Fn(_))),
        _ => true,
    });
}

fn is_for_tests(attribute: &Attribute) -> bool {
    attribute.path().is_ident("cfg") && attribute.meta.to_token_stream().to_string().replace(' ', "") == "cfg(test)"
}

fn keep_attributes(attributes: &mut Vec<Attribute>) {
    const KEPT: [&str; 5] = ["cfg", "deprecated", "doc", "must_use", "unstable"];
    attributes.retain(|attribute| KEPT.iter().any(|name| attribute.path().is_ident(name)));
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
