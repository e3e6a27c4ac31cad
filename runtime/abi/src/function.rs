//! Functions that travel. They capture nothing, so that their code is all a worker needs.

use crate::{Layout, Outcome, Pending, Slice, TypeName};
use std::ffi::c_void;

/// A function that captures nothing, as a worker sees it.
///
/// The table lies in a `static` of the object file that holds the function's code. A worker finds it by the file's path
/// and the table's offset.
#[repr(C)]
#[derive(Debug)]
pub struct FunctionTable {
    /// [`crate::VERSION`] of the guest. A worker refuses a table of another version.
    pub version: u32,
    /// Returns the function's name, as the compiler writes it.
    pub name: TypeName,
    /// The layout of the object that the function runs on; that of `()` if it runs on none.
    pub layout: Layout,
    /// The [`crate::Signature`] of the object that the function runs on; empty if it runs on none. A worker refuses to
    /// run the function on an object with another signature.
    pub object: Slice,
    /// Runs the function on `object`, which is one of:
    ///
    /// - null, for a function of its arguments alone;
    /// - a tessera's object, for a function that reads or changes it: no other call on the object runs at the same
    ///   time;
    /// - space for the address of a new object, for a function that makes one from its argument. It stays null if
    ///   `outcome` is a failure.
    ///
    /// Arguments are encoded values, one [`Slice`] each, lent for the call. The function does not unwind. If it is
    /// async, the future that it returns does not use `object`.
    pub run: unsafe extern "C" fn(
        object: *mut c_void,
        arguments: *const Slice,
        count: usize,
        outcome: *mut Outcome,
    ) -> Pending,
}

impl FunctionTable {
    /// Returns the signature of the object that the function runs on.
    pub fn object_signature(&self) -> &'static str {
        // SAFETY: the text is made from a `&'static str` (see `mosaic`'s expansion), so the bytes live and are UTF-8.
        unsafe { std::str::from_utf8_unchecked(self.object.as_bytes()) }
    }

    /// Returns the function's name, as the compiler writes it, such as `ctx::double`.
    pub fn name(&self) -> &'static str {
        // SAFETY: the name is `std::any::type_name` (see `mosaic`), a `&'static str`.
        unsafe { std::str::from_utf8_unchecked((self.name)().as_bytes()) }
    }
}

/// Shortens a function's name: `double` for `ctx::double::<u32>`, `closure` for a closure.
///
/// ```
/// for (name, short) in [
///     ("ctx::deep::double", "double"),
///     ("ctx::double<alloc::vec::Vec<u8>>", "double"),
///     ("ctx::main::{{closure}}", "closure"),
///     ("<ctx::S as ctx::T>::f", "f"),
/// ] {
///     assert_eq!(mosaic_abi::short_name(name), short);
/// }
/// ```
pub fn short_name(name: &str) -> &str {
    if name.ends_with("{{closure}}") {
        return "closure";
    }
    let mut depth = 0_usize;
    // The name ends before the generic arguments, and begins after the last `::` outside them.
    let end = name.strip_suffix('>').map_or(name.len(), |_| {
        let begins = name.char_indices().rev().find(|(_, character)| {
            match character {
                '>' => depth += 1,
                '<' => depth = depth.saturating_sub(1),
                _ => {}
            }
            depth == 0
        });
        begins.map_or(name.len(), |(index, _)| index)
    });
    let path = &name[..end];
    path.rsplit("::").find(|part| !part.is_empty()).unwrap_or(path)
}
