//! Fingerprints of types in the generated code of tesserae, by which a worker refuses a value of another type.

use crate::{
    evcxr_text::markers::CELL_CRATE,
    session::files,
    source::fingerprints::{
        Definitions,
        signatures::{self, SignatureTypes},
    },
};
use anyhow::{Context, Result};
use std::path::{Path, PathBuf};

/// The types in the signatures of tesserae, and in the table of the types of stored values.
pub(super) struct Signatures {
    /// As the last cell that compiled left them; `None` until the cell turns out to have tesserae.
    types: Option<SignatureTypes>,
    session: PathBuf,
}

impl Signatures {
    pub(super) fn of(session: &Path) -> Signatures {
        Signatures {
            types: None,
            session: session.to_owned(),
        }
    }

    /// Writes the fingerprints of types into the signatures of tesserae. No token moves.
    pub(super) fn fill_in(&mut self, text: String, definitions: &Definitions) -> String {
        if !signatures::has_placeholders(&text) {
            return text;
        }
        self.types().fill_in(&text, definitions)
    }

    /// Returns the item in which the host looks up the types of the values that the cell stores.
    pub(super) fn table(&mut self, text: &str, definitions: &Definitions) -> String {
        match signatures::may_store(text) {
            true => self.types().table(CELL_CRATE, text, definitions),
            false => String::new(),
        }
    }

    fn types(&mut self) -> &mut SignatureTypes {
        let read = || files::SIGNATURE_TYPES.read(&self.session).unwrap_or_default();
        self.types.get_or_insert_with(read)
    }

    /// Keeps the types for later cells, once the cell has compiled.
    pub(super) fn write(&self) -> Result<()> {
        match &self.types {
            Some(types) => files::SIGNATURE_TYPES
                .write(&self.session, types)
                .context("cannot remember the types of tesserae"),
            None => Ok(()),
        }
    }
}
