//! Where stored values lie: files that every process of a node maps.
//!
//! A value is written once and never changed, so that readers share its bytes without asking anyone. It lies in memory
//! (a file of a file system in memory) or, when there is too little of that, on disk; it moves from there to here by
//! being copied, made visible, and then removed, so that a reader who looks in that order always finds it. The hub
//! decides what lies where and when it goes (`hub::stores`).
//!
//! - `shelves`: the two directories.
//! - `mapped`: a file's bytes in this process.
//! - `capacity`: how much memory there is.

mod capacity;
mod mapped;
mod shelves;

pub(crate) use capacity::memory_limit;
pub(crate) use shelves::{Keeper, Shelf, Shelves};

use crate::{failures::failure, id::Id};
use mosaic_abi::{Failure, FailureKind};

/// What a stored value is called: `ware-array3-70c4…`.
pub(crate) fn uid(type_name: &str, ware: Id) -> String {
    format!("ware-{}-{ware}", short(type_name))
}

/// The last part of a type's path, without its parameters.
fn short(type_name: &str) -> String {
    let path = type_name.split(['<', '[', '(']).next().unwrap_or_default();
    let name = path.rsplit("::").next().unwrap_or_default().trim();
    match name.trim_start_matches('&') {
        "" => "value".to_owned(),
        name => name.to_lowercase(),
    }
}

/// What is said of a stored value that was looked for as another type than it has.
pub(crate) fn of_another_type(uid: &str, is: &str, wanted: &str) -> String {
    format!("{uid} is a `{is}`, not a `{wanted}`")
}

/// What using a stored value fails with that was dropped.
pub(crate) fn dropped(uid: &str) -> Failure {
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
        ] {
            assert_eq!(short(type_name), name);
        }
    }
}
