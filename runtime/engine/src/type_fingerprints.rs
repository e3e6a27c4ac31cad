//! The types of stored values, with fingerprints of the definitions that a notebook's cell has of them.

use crate::{code_location::locate, wire::Object};
use libloading::os::unix::{Library, RTLD_LAZY};
use mosaic_abi::{OTHER_CRATES, Slice, TYPE_FINGERPRINTS, TypeName};
use std::{collections::BTreeMap, ffi::c_void};

/// Returns the name of a type, as the [`mosaic_abi::Signature`] of its values: with the fingerprint of each definition in
/// it, if the type comes from a cell.
pub(crate) fn of_stored(type_name: TypeName) -> String {
    // SAFETY: the name is a `&'static str` of the guest's.
    let name = String::from_utf8_lossy(unsafe { type_name().as_bytes() });
    match table_beside(type_name as *const c_void) {
        Some(table) => signature(&name, table),
        None => name.into_owned(),
    }
}

/// Returns the table of fingerprints in the library that holds an address. A program has none.
fn table_beside(address: *const c_void) -> Option<&'static str> {
    let Object::File(path) = locate(address)?.object else {
        return None;
    };
    // SAFETY: the library is loaded already, so that nothing of it is run.
    let library = unsafe { Library::open(Some(path), libc::RTLD_NOLOAD | RTLD_LAZY) }.ok()?;
    // SAFETY: a library with this symbol has such a table in it, and is never unloaded.
    let table = unsafe { **library.get::<*const Slice>(TYPE_FINGERPRINTS).ok()? };
    // SAFETY: as above.
    std::str::from_utf8(unsafe { table.as_bytes() }).ok()
}

/// Adds the fingerprints of the definitions in a type's name.
fn signature(name: &str, table: &str) -> String {
    let table: BTreeMap<&str, &str> = table.lines().filter_map(|line| line.split_once('=')).collect();
    let is_end = |character: char| !(character.is_alphanumeric() || "_:#".contains(character));
    let mut signature = name.to_owned();
    for path in name.split(is_end).filter(|path| path.contains("::")) {
        let library = path.split("::").next().unwrap_or_default();
        if ["std", "core", "alloc", ""].contains(&library) {
            continue;
        }
        let of_library = || table.get(library).or_else(|| table.get(OTHER_CRATES));
        if let Some(fingerprint) = table.get(path).or_else(of_library) {
            signature += &format!("@{path}@{fingerprint}");
        }
    }
    signature
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_definition_in_a_name_has_a_fingerprint() {
        let table = "ctx::P=1\nctx::m::W=2\nctx=3\ndep=4\n*=5\n";
        for (name, expected) in [
            ("u8", "u8"),
            ("alloc::vec::Vec<f64>", "alloc::vec::Vec<f64>"),
            ("[ctx::P; 3]", "[ctx::P; 3]@ctx::P@1"),
            (
                "ctx::m::W<(ctx::P, u8)>",
                "ctx::m::W<(ctx::P, u8)>@ctx::m::W@2@ctx::P@1",
            ),
            // A type in a function, one of a crate, and one of a crate of a crate.
            ("ctx::f::P", "ctx::f::P@ctx::f::P@3"),
            ("dep::D", "dep::D@dep::D@4"),
            ("other::D", "other::D@other::D@5"),
        ] {
            assert_eq!(signature(name, table), expected);
        }
        assert_eq!(signature("ctx::P", ""), "ctx::P");
    }

    #[test]
    fn a_program_has_no_table() {
        extern "C" fn name() -> Slice {
            Slice::from("program::P")
        }
        assert_eq!(of_stored(name), "program::P");
    }
}
