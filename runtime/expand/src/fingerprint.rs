//! Signatures with fingerprints, by which a proxy and a tessera of two cells compare their definitions.
//!
//! The format is that of `mosaic_abi::Signature`. The expansion does not know what a type depends on, so it writes a
//! placeholder for each fingerprint. The kernel, which knows all items of a notebook, replaces it when it compiles a
//! cell. A fingerprint is as long as its placeholder, so that no token moves. In a program the placeholders stay: one
//! build has one definition of each type.

use crate::{method::Method, types};
use quote::ToTokens;
use syn::{Type, ext::IdentExt};

/// The placeholder for the fingerprint of a type whose values travel as encoded bytes. The text before it is the type
/// between two `@`, escaped as in the literal.
pub const VALUE_FINGERPRINT: &str = "__mosaic_value__";
/// The placeholder for the fingerprint of a tessera's type, whose objects are read in memory.
pub const OBJECT_FINGERPRINT: &str = "__mosaic_object_";

/// Returns the signature of a method, such as `solve(P) -> Q@P@__mosaic_value__@Q@__mosaic_value__`.
pub(crate) fn signature(method: &Method) -> String {
    let parameters: Vec<String> = method
        .parameters
        .iter()
        .map(|parameter| types::display(&parameter.ty))
        .collect();
    let output = method.output.as_ref().map(|output| types::display(&output.ty));
    let mut signature = format!(
        "{}({}) -> {}",
        method.ident.unraw(),
        parameters.join(", "),
        output.as_deref().unwrap_or("()")
    );
    let mut written: Vec<String> = Vec::new();
    for name in parameters.into_iter().chain(output) {
        if !written.contains(&name) {
            signature += &format!("@{name}@{VALUE_FINGERPRINT}");
            written.push(name);
        }
    }
    signature
}

/// Returns the signature of an object, without the path of the generated module with which it begins: two modules may have
/// types of one name. Such as `@Solver1@__mosaic_object_`.
pub(crate) fn object(self_type: &Type) -> String {
    let name = types::display(&self_type.to_token_stream());
    format!("@{name}@{OBJECT_FINGERPRINT}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_as_long_as_fingerprints() {
        assert_eq!((VALUE_FINGERPRINT.len(), OBJECT_FINGERPRINT.len()), (16, 16));
    }
}
