//! The methods of a tessera, by its own definition.
//!
//! A cell may define a type again. Tesserae that exist keep the code of the earlier definition, so a call first finds
//! its method there. A call whose types were defined again since is refused: the tessera would read the bytes of the
//! argument as another type, or the caller those of the result.

use crate::host::failure;
use mosaic_abi::{Definition, Failure, FailureKind, Signature};
use std::sync::Arc;

/// The methods of the definition that a tessera was made from.
#[derive(Clone)]
pub(super) enum Methods {
    /// The definition is in this process.
    Own(&'static Definition),
    /// The definition is elsewhere; the signatures of its methods and, last, of its object.
    Found(Arc<[String]>),
}

impl Methods {
    /// Returns the signature of a method in the tessera's own definition.
    fn signature(&self, method: u32) -> Option<Signature<'_>> {
        let text = match self {
            Methods::Own(definition) => definition.signature(method),
            Methods::Found(signatures) => {
                let (_object, methods) = signatures.split_last()?;
                let method = usize::try_from(method).ok()?;
                methods.get(method).map(String::as_str)
            }
        };
        text.map(Signature)
    }

    /// Returns the signature of the tessera's object.
    fn object(&self) -> Signature<'_> {
        match self {
            Methods::Own(definition) => Signature(definition.object_signature()),
            Methods::Found(signatures) => Signature(signatures.last().map_or("", String::as_str)),
        }
    }

    /// Checks that a tessera that was found is of the type that `definition` defines, perhaps in an earlier cell.
    ///
    /// # Errors
    ///
    /// The tessera's type has the same name, and is another one.
    pub(super) fn check_same_type(&self, definition: &Definition) -> Result<(), Failure> {
        let (is, wanted) = (self.object().text(), Signature(definition.object_signature()).text());
        if is == wanted {
            return Ok(());
        }
        let tessera = definition.type_name();
        let message =
            format!("the tessera is a `{tessera}` of another module: its code is in `{is}`, not in `{wanted}`");
        Err(failure(FailureKind::Runtime, message))
    }

    /// Checks that the tessera's object is of the type that `definition` defines.
    ///
    /// # Errors
    ///
    /// The type was redefined after the tessera was made, so that its objects may have other fields.
    pub(super) fn check_same_object(&self, definition: &Definition) -> Result<(), Failure> {
        let same_layout = match self {
            Methods::Own(own) => own.layout == definition.layout,
            // The worker compares the layouts.
            Methods::Found(_) => true,
        };
        if same_layout && self.object() == Signature(definition.object_signature()) {
            return Ok(());
        }
        let tessera = definition.type_name();
        Err(failure(
            FailureKind::Runtime,
            format!(
                "the tessera was made by an earlier definition of `{tessera}`: the type, or one that it contains, was \
                 redefined since, so that its fields may be others: make it anew with `{tessera}::remote`"
            ),
        ))
    }

    /// Returns the number that method number `method` of `definition` has in the tessera's own definition.
    ///
    /// # Errors
    ///
    /// The tessera's own definition has no such method, or has it for types that were redefined since.
    pub(super) fn number(&self, definition: &Definition, method: u32) -> Result<u32, Failure> {
        let wanted = definition.signature(method).map(Signature);
        if wanted == self.signature(method) {
            return Ok(method);
        }
        let wanted = wanted.unwrap_or(Signature(""));
        let mut signatures = (0..).map_while(|number| self.signature(number).map(|signature| (number, signature)));
        let found = signatures.find(|(_, signature)| signature.text() == wanted.text());
        let (tessera, text) = (definition.type_name(), wanted.text());
        let reason = match found.map(|(number, signature)| (number, wanted.redefined(signature))) {
            Some((number, None)) => return Ok(number),
            Some((_, Some(redefined))) => format!(
                "the tessera was made before `{redefined}`, or a type that it contains, was redefined, and its method \
                 `{text}` has the earlier type"
            ),
            None => {
                format!("the tessera was made by an earlier definition of `{tessera}`, which has no method `{text}`")
            }
        };
        let message = format!("{reason}: make it anew with `{tessera}::remote`");
        Err(failure(FailureKind::Runtime, message))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guest::entry::definition;
    use mosaic_abi::Slice;

    /// Makes the definition of a tessera with two methods. The type of the object is the unit.
    fn defined(object: &'static str, methods: [&'static str; 2]) -> &'static Definition {
        let signatures: &'static [Slice] = methods.map(Slice::from).to_vec().leak();
        let names = methods.map(|it| Slice::from(it.split('(').next().unwrap_or_default()));
        Box::leak(Box::new(definition::<()>(
            "S",
            Slice::from(object),
            names.to_vec().leak(),
            signatures,
        )))
    }

    #[test]
    fn calls_between_definitions_match_by_text_and_fingerprints() {
        let own = defined("S@S@1", ["f(P)@P@1@()@0", "g(Q)@Q@1@()@0"]);
        let found = Methods::Found(own.signatures().map(str::to_owned).collect());
        for methods in [Methods::Own(own), found] {
            for (object, caller, number, same_object) in [
                ("S@S@1", ["f(P)@P@1@()@0", "g(Q)@Q@1@()@0"], Ok(0), true),
                ("S@S@2", ["g(Q)@Q@1@()@0", "f(P)@P@1@()@0"], Ok(1), false),
                ("S@S@1", ["f(P)@P@2@()@0", "g(Q)@Q@1@()@0"], Err("before `P`"), true),
                ("S@S@1", ["f(P)@P@1@()@3", "g(Q)@Q@1@()@0"], Err("before `()`"), true),
                (
                    "S@S@1",
                    ["h(P)@P@1@()@0", "g(Q)@Q@1@()@0"],
                    Err("no method `h(P)`"),
                    true,
                ),
                // The signature of the object is no method.
                ("S@S@1", ["S@S@1", "g(Q)@Q@1@()@0"], Err("no method `S`"), true),
            ] {
                let caller = defined(object, caller);
                let outcome = methods.number(caller, 0).map_err(|failure| failure.message);
                match (&outcome, number) {
                    (Ok(outcome), Ok(number)) => assert_eq!(*outcome, number),
                    (Err(outcome), Err(part)) => assert!(outcome.contains(part), "{outcome}"),
                    (outcome, number) => panic!("{outcome:?} instead of {number:?}"),
                }
                assert_eq!(methods.check_same_object(caller).is_ok(), same_object);
                assert!(methods.check_same_type(caller).is_ok());
                assert!(methods.check_same_type(defined("m::S@S@1", ["f()", "g()"])).is_err());
            }
        }
    }
}
