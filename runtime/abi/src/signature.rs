//! Signatures: methods and objects as texts, with a fingerprint of each type.
//!
//! Cells are compiled apart from each other, and a later cell may define a type again under the same name. Neither the
//! name of a type nor its layout tells whether two cells mean the same type. So a signature also has a *fingerprint* of
//! each type: it differs if any definition differs that the type depends on. In a notebook the kernel writes the
//! fingerprints when it compiles a cell. In a program they are constant, since one build has one definition.

/// The C symbol of the table of fingerprints in a cell's library: a [`crate::Slice`] of lines `path=fingerprint`.
///
/// The generic code that stores values knows a type by the name that the compiler gives it. The host looks the
/// definitions in the name up in the table of the library from which the name comes. The table has a line for the path of
/// each type of the cell's crate, one for the crate itself, which stands for its other types, and one for each crate that
/// it links. The line [`OTHER_CRATES`] stands for all other crates.
pub const TYPE_FINGERPRINTS: &str = "mosaic_type_fingerprints";
/// The path that stands for all crates that have no line in a table of fingerprints.
pub const OTHER_CRATES: &str = "*";

/// Separates the parts of a signature. It occurs in no type.
const SEPARATOR: char = '@';

/// A signature, such as `add(P) -> Q@P@0c5e…@Q@91d2…`: a text, and each type in it with its fingerprint.
///
/// The text of an object's signature is the path of the module that `#[tessera]` generates, which tells apart types of
/// one name: `ctx::deep::__mosaic_Counter@Counter@77ab…`.
///
/// ```
/// let signature = mosaic_abi::Signature("add(P) -> Q@P@12@Q@34");
/// assert_eq!(signature.text(), "add(P) -> Q");
/// assert_eq!(signature.redefined(mosaic_abi::Signature("add(P) -> Q@P@12@Q@56")), Some("Q"));
/// assert_eq!(signature.redefined(signature), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signature<'a>(pub &'a str);

impl<'a> Signature<'a> {
    /// Returns the signature as it is shown, such as `add(P) -> Q`.
    pub fn text(self) -> &'a str {
        self.0.split(SEPARATOR).next().unwrap_or_default()
    }

    /// Returns the first type whose fingerprint differs in another signature of the same text.
    pub fn redefined(self, other: Signature<'_>) -> Option<&'a str> {
        let mut others = other.types();
        let differs = |(_, fingerprint): &(&str, &str)| others.next().is_none_or(|(_, other)| other != *fingerprint);
        self.types().find(differs).map(|(name, _)| name)
    }

    /// Returns the types and their fingerprints.
    fn types(self) -> impl Iterator<Item = (&'a str, &'a str)> {
        let mut parts = self.0.split(SEPARATOR).skip(1);
        std::iter::from_fn(move || Some((parts.next()?, parts.next().unwrap_or_default())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_with_another_fingerprint_is_named() {
        for (one, other, redefined) in [
            ("f() -> ()", "f() -> ()", None),
            ("S@S@1", "S@S@1", None),
            ("S@S@1", "S@S@2", Some("S")),
            ("f(Vec<P>, Q)@Vec<P>@1@Q@2", "f(Vec<P>, Q)@Vec<P>@1@Q@3", Some("Q")),
            ("f(Vec<P>, Q)@Vec<P>@1@Q@2", "f(Vec<P>, Q)@Vec<P>@4@Q@3", Some("Vec<P>")),
            // A signature without the fingerprint says nothing about the type.
            ("f(P)@P@1", "f(P)", Some("P")),
        ] {
            assert_eq!(Signature(one).redefined(Signature(other)), redefined, "{one} {other}");
        }
    }
}
