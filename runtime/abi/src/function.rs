//! Functions that travel: those that capture nothing, so that their code is all there is to them.

use crate::{Layout, Outcome, Pending, Slice};
use std::ffi::c_void;

/// A function that captures nothing, as a worker sees it. It lies in a `static` of the object that holds its code; a
/// worker finds it by that object's path and the table's offset in it.
#[repr(C)]
#[derive(Debug)]
pub struct FunctionTable {
    /// [`crate::VERSION`] of the guest: a worker refuses a table whose version it does not know.
    pub version: u32,
    /// The function's name, as the compiler has it.
    pub name: extern "C" fn() -> Slice,
    /// What the object takes that it is run on; of `()` where it is run on none.
    pub layout: Layout,
    /// Runs it on `object`, which may be:
    ///
    /// - null, for a function of its arguments alone;
    /// - a tessera's object, for one that reads or changes it: no call on the object runs at the same time;
    /// - the place for the address of a new object, for one that makes a tessera's object of its argument. It stays null
    ///   when `outcome` is a failure.
    ///
    /// Arguments are encoded values, one [`Slice`] each, lent for the call. It does not unwind. The future that it returns
    /// where it is async has no part in `object`.
    pub run: unsafe extern "C" fn(
        object: *mut c_void,
        arguments: *const Slice,
        count: usize,
        outcome: *mut Outcome,
    ) -> Pending,
}

impl FunctionTable {
    /// The function's name, as the compiler has it: `ctx::double`.
    pub fn name(&self) -> &'static str {
        // SAFETY: the name is `std::any::type_name` (see `mosaic`), a `&'static str`.
        unsafe { std::str::from_utf8_unchecked((self.name)().as_bytes()) }
    }
}

/// What people call a function of this name: `double` for `ctx::double::<u32>`, `closure` for a closure.
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
    // The parameters of types are no part of it, and what follows the last `::` outside them is.
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
