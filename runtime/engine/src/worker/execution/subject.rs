//! What is executed: a constructor, a call, or a function.

use super::object::Object;
use crate::{
    id::Id,
    task_table::Entry,
    wire::{Callee, Code},
};
use mosaic_abi::short_name;
use std::borrow::Cow;

/// A constructor, a call, or a function, with the names that its uids are made from.
#[derive(Clone, Debug)]
pub(super) struct Subject {
    task: Option<Id>,
    tessera: Option<Id>,
    type_name: Cow<'static, str>,
    method: Cow<'static, str>,
}

impl Subject {
    /// Returns the constructor of a tessera.
    pub(super) fn constructor(tessera: Id, code: &Code) -> Subject {
        Subject {
            task: None,
            tessera: Some(tessera),
            type_name: code.name.clone().into(),
            method: "new".into(),
        }
    }

    /// Returns a call of a tessera's method, or of a function on the tessera.
    pub(super) fn call(task: Id, tessera: Id, object: &Object, callee: &Callee) -> Subject {
        match callee {
            Callee::Method(method) => Subject::method(task, tessera, object, *method),
            Callee::Function(code) => Subject {
                method: short_name(&code.name).to_owned().into(),
                ..Subject::method(task, tessera, object, 0)
            },
        }
    }

    /// Returns a call of a tessera's method.
    pub(super) fn method(task: Id, tessera: Id, object: &Object, method: u32) -> Subject {
        let definition = object.definition();
        Subject {
            task: Some(task),
            tessera: Some(tessera),
            type_name: definition.type_name().into(),
            method: definition.method(method).unwrap_or_default().into(),
        }
    }

    /// Returns a function that runs without a tessera.
    pub(super) fn function(task: Id, code: &Code) -> Subject {
        Subject {
            task: Some(task),
            tessera: None,
            type_name: "".into(),
            method: short_name(&code.name).to_owned().into(),
        }
    }

    /// Returns the entry for the table of tasks.
    pub(super) fn entry(&self) -> Entry<'_> {
        Entry {
            task: self.task,
            tessera: self.tessera,
            type_name: &self.type_name,
            method: &self.method,
        }
    }
}
