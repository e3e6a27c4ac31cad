//! The warehouse: stored values, which are files that every process of a node maps.
//!
//! A value is written once and never changed, so that readers share its bytes without asking anyone. Its file lies in
//! memory (in a file system in memory), or on disk if memory is short. To move a value to disk, its file is copied, the
//! copy is made visible, and then the file in memory is removed: a reader who looks in memory first and then on disk
//! always finds it. The monitor decides which value lies where, and when it is freed (`monitor::state::warehouse`).
//!
//! - `store_dirs`: the two directories.
//! - `value_file`: the format of a file, and mapping it.
//! - `memory_limit`: how much memory stored values may take up.

mod memory_limit;
mod store_dirs;
mod value_file;

pub(crate) use memory_limit::memory_limit;
pub use store_dirs::remove_abandoned_values;
pub(crate) use store_dirs::{Keeper, StoreDir, StoreDirs};

use crate::{failures::failure, id::Id};
use mosaic_abi::{Failure, FailureKind, Signature};

/// Returns the uid of a stored value, such as `ware-array3-70c4…`.
pub(crate) fn uid(type_name: &str, ware: Id) -> String {
    format!("ware-{}-{ware}", short(type_name))
}

/// Returns the last part of a type's path in lower case, without its parameters.
fn short(type_name: &str) -> String {
    let path = Signature(type_name)
        .text()
        .split(['<', '[', '('])
        .next()
        .unwrap_or_default();
    let name = path.rsplit("::").next().unwrap_or_default().trim();
    match name.trim_start_matches('&') {
        "" => "value".to_owned(),
        name => name.to_lowercase(),
    }
}

/// Returns the error text for a stored value that was looked for with the wrong type.
pub(crate) fn wrong_type_text(uid: &str, is: &str, wanted: &str) -> String {
    let (is, wanted) = (Signature(is), Signature(wanted));
    match is.redefined(wanted) {
        Some(redefined) if is.text() == wanted.text() => format!(
            "{uid} was stored before `{redefined}`, or a type that it contains, was redefined: store the value anew with \
             `mosaic::put`"
        ),
        _ => format!("{uid} is a `{}`, not a `{}`", is.text(), wanted.text()),
    }
}

/// Returns the failure to use a dropped value.
pub(crate) fn value_dropped(uid: &str) -> Failure {
    failure(FailureKind::Dropped, format!("{uid} was dropped"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stored_value_is_called_after_its_type() {
        for (type_name, name) in [
            ("f64", "f64"),
            ("alloc::vec::Vec<alloc::string::String>", "vec"),
            (
                "ndarray::ArrayBase<ndarray::OwnedRepr<f32>, ndarray::Dim<[usize; 3]>>",
                "arraybase",
            ),
            ("(u8, u8)", "value"),
            ("[u8; 3]", "value"),
            ("ctx::P@ctx::P@0123", "p"),
        ] {
            assert_eq!(short(type_name), name);
        }
    }
}
