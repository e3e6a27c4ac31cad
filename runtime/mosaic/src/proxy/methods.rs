//! The methods of a tessera, by its own definition.
//!
//! A cell may define a type again. Tesserae that exist keep the code of the earlier definition, so a call first finds
//! its method there.

use crate::host::failure;
use mosaic_abi::{Definition, Failure, FailureKind};
use std::sync::Arc;

/// The methods of the definition that a tessera was made from.
#[derive(Clone)]
pub(super) enum Methods {
    /// The definition is in this process.
    Own(&'static Definition),
    /// The definition is elsewhere; the signatures of its methods.
    Found(Arc<[String]>),
}

impl Methods {
    fn signature(&self, method: u32) -> Option<&str> {
        match self {
            Methods::Own(definition) => definition.signature(method),
            Methods::Found(signatures) => {
                let method = usize::try_from(method).ok()?;
                signatures.get(method).map(String::as_str)
            }
        }
    }

    /// Checks that the tessera was made from `definition`.
    ///
    /// # Errors
    ///
    /// It was made from another definition, whose objects may have other fields.
    pub(super) fn check_same_definition(&self, definition: &Definition) -> Result<(), Failure> {
        let same = match self {
            Methods::Own(own) => own.layout == definition.layout && own.signatures().eq(definition.signatures()),
            Methods::Found(signatures) => definition.signatures().eq(signatures.iter().map(String::as_str)),
        };
        if same {
            return Ok(());
        }
        let tessera = definition.type_name();
        let message = format!(
            "the tessera was made by an earlier definition of `{tessera}`, whose fields may be others: make it anew with \
             `{tessera}::remote`"
        );
        Err(failure(FailureKind::Runtime, message))
    }

    /// Returns the number that method number `method` of `definition` has in the tessera's own definition.
    ///
    /// # Errors
    ///
    /// The tessera's own definition has no method with this signature.
    pub(super) fn number(&self, definition: &Definition, method: u32) -> Result<u32, Failure> {
        let wanted = definition.signature(method);
        if wanted == self.signature(method) {
            return Ok(method);
        }
        let mut signatures = (0..).map_while(|number| self.signature(number).map(|signature| (number, signature)));
        let found = signatures.find(|(_, signature)| Some(*signature) == wanted);
        found.map(|(number, _)| number).ok_or_else(|| {
            let (tessera, wanted) = (definition.type_name(), wanted.unwrap_or("that"));
            let message = format!(
                "the tessera was made by an earlier definition of `{tessera}`, which has no method `{wanted}`: \
                 make it anew with `{tessera}::remote`"
            );
            failure(FailureKind::Runtime, message)
        })
    }
}
