//! The variables of a notebook, between cells. The names of these items are those that evcxr's generated code uses.
//!
//! All cells are one crate to the compiler, so equal `TypeId`s only mean that two types have the same name. The
//! [fingerprint] of a variable's type says what the type was when the value was stored.
//!
//! The evaluator's `evaluation/stored_variables.rs` describes the whole mechanism, and its `evcxr_text/store_calls.rs`
//! rewrites the calls that cells make.

use crate::fingerprint;
use mosaic::__private::{Buffer, CellEvent, tell};
use mosaic_message::encode;
use std::{
    any::{Any, TypeId},
    collections::HashMap,
    io::Write,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

/// Names of variables, and the fingerprints of their types.
pub type Fingerprints = &'static [(&'static str, &'static str)];

/// Holds the variables of a notebook between cells, by name.
#[derive(Default)]
pub struct VariableStore {
    variables: HashMap<String, Variable>,
    /// The types of the variables that the running cell takes out.
    taken: Fingerprints,
    /// The types of the variables that the running cell puts in.
    put: Fingerprints,
    /// The variables that the running cell defines, in the order of their definitions.
    defined: &'static [&'static str],
    /// How many variables the notebook has defined before the running cell.
    definitions: usize,
}

struct Variable {
    /// The value, unless a cell has taken it.
    value: Option<Box<dyn Any>>,
    fingerprint: &'static str,
    /// The value's own size, in bytes.
    size: usize,
    /// The memory that the value owns on the heap, in bytes, if that is known.
    heap: Option<usize>,
    /// The number of the variable's definition, in the order of the notebook.
    definition: usize,
}

/// Creates an empty store, which the cell process owns.
pub fn create_variable_store() -> *mut VariableStore {
    Box::into_raw(Box::default())
}

/// Finds the fingerprint of a variable's type.
fn find(fingerprints: Fingerprints, name: &str) -> &'static str {
    let found = fingerprints.iter().find(|(it, _)| *it == name);
    found.map_or("", |(_, fingerprint)| fingerprint)
}

impl VariableStore {
    /// Begins a cell: sets what the types of its variables are.
    pub fn begin(&mut self, taken: Fingerprints, put: Fingerprints) {
        (self.taken, self.put) = (taken, put);
    }

    /// Sets which variables the cell defines, in their order.
    pub fn define(&mut self, names: &'static [&'static str]) {
        self.definitions += self.defined.len();
        self.defined = names;
    }

    /// Drops all variables, the last one first, as at the end of `main`.
    fn drop_all(&mut self) {
        let mut variables: Vec<Variable> = self.variables.drain().map(|(_, variable)| variable).collect();
        variables.sort_by_key(|variable| std::cmp::Reverse(variable.definition));
        for variable in variables {
            // A destructor that panics has printed its message by itself.
            let _ = catch_unwind(AssertUnwindSafe(|| drop(variable)));
        }
        let _ = std::io::stdout().flush();
    }

    /// Stores a variable.
    pub fn put_variable<T: 'static>(&mut self, name: &str, value: T) {
        self.put(name, Box::new(value));
    }

    /// Reports whether the variable still has the type `T`. If not, drops the variable and tells the user. A missing
    /// variable passes: the kernel knows of it.
    pub fn check_variable<T: 'static>(&mut self, name: &str) -> bool {
        self.check(name, TypeId::of::<T>(), std::any::type_name::<T>())
    }

    /// Drops a variable whose type changed since it was stored, and tells the user.
    pub fn lose_variable(&mut self, name: &str, type_name: &str, fingerprint: &str) {
        if self.variables.get(name).is_none_or(|variable| variable.value.is_none()) {
            return tell(CellEvent::VariableLost, name, "");
        }
        let changed = fingerprint::changed(self.fingerprint(name), fingerprint);
        let type_name = type_name.replace("ctx::", "");
        let reason = match &changed[..] {
            [] => format!("its type is no longer the `{type_name}` that it was"),
            [one] if *one == type_name => format!("its type `{one}` was redefined"),
            [one] if one.starts_with("crate ") => {
                format!("the {one}, of which its type `{type_name}` is, was built anew")
            }
            names => format!("in its type `{type_name}`, {} was redefined", list(names)),
        };
        self.discard_variable(name);
        lost(name, &reason);
    }

    /// Drops a variable. Its destructor is that of the cell that stored it.
    pub fn discard_variable(&mut self, name: &str) {
        let variable = self.variables.remove(name);
        // A destructor that panics has printed its message by itself.
        let _ = catch_unwind(AssertUnwindSafe(|| drop(variable)));
    }

    /// Takes a variable out of the store.
    ///
    /// # Panics
    ///
    /// If the variable is missing or has another type. [`check_variable`](Self::check_variable) has ruled this out.
    pub fn take_variable<T: 'static>(&mut self, name: &str) -> T {
        let value: *mut () = self.take(name, TypeId::of::<T>());
        // SAFETY: `take` gives up a box of a `T`.
        *unsafe { Box::from_raw(value.cast::<T>()) }
    }

    /// Reports that the cell has all of its variables, and that the user's code is next.
    pub fn started(&self) {
        tell(CellEvent::Started, "", "");
    }

    /// Returns the value under `name`, and creates it if it is missing or has another type. A value of another type is
    /// kept, since other code may still use it.
    ///
    /// A cell with a tokio of the user's keeps its runtime so. It asks where other cells call
    /// [`started`](Self::started), so this reports the same.
    pub fn lazy_arc<T: 'static>(&mut self, name: &str, create: impl FnOnce() -> T) -> Arc<T> {
        self.started();
        if let Some(variable) = self.variables.get(name) {
            match variable.value.as_ref().and_then(|value| value.downcast_ref::<Arc<T>>()) {
                Some(value) => return Arc::clone(value),
                None => self.set_aside(name),
            }
        }
        let value = Arc::new(create());
        self.put_variable(name, Arc::clone(&value));
        value
    }

    /// Tells the kernel how large the variables are: lines of the name, the bytes, and the bytes on the heap if known,
    /// separated by tabs.
    pub fn tell_sizes(&self) {
        let lines = self.variables.iter().map(|(name, variable)| {
            let heap = variable.heap.map(|heap| heap.to_string()).unwrap_or_default();
            format!("{name}\t{}\t{heap}\n", variable.size)
        });
        tell(CellEvent::Result, SIZES, &lines.collect::<String>());
    }

    /// Yields the names of the variables that no cell has taken.
    fn names(&self) -> impl Iterator<Item = String> {
        let there = self.variables.iter().filter(|(_, variable)| variable.value.is_some());
        there.map(|(name, _)| name.clone())
    }

    fn fingerprint(&self, name: &str) -> &'static str {
        self.variables.get(name).map_or("", |variable| variable.fingerprint)
    }

    /// Keeps a variable under a name that no cell uses.
    fn set_aside(&mut self, name: &str) {
        if let Some(variable) = self.variables.remove(name) {
            let aside = format!("{name} {}", self.variables.len());
            self.variables.insert(aside, variable);
        }
    }

    // The functions that follow are not generic: they are compiled here once, and not for each variable of each cell.

    fn put(&mut self, name: &str, value: Box<dyn Any>) {
        let defined = self.defined.iter().position(|it| *it == name);
        let former = || self.variables.get(name).map_or(0, |variable| variable.definition);
        let variable = Variable {
            // The number 0 is for what no cell defines.
            definition: defined.map_or_else(former, |at| self.definitions + at + 1),
            fingerprint: find(self.put, name),
            size: size_of_val(&*value),
            heap: crate::sizes::heap(&*value),
            value: Some(value),
        };
        self.variables.insert(name.to_owned(), variable);
    }

    fn check(&mut self, name: &str, type_id: TypeId, type_name: &str) -> bool {
        let Some(value) = self.variables.get(name).and_then(|it| it.value.as_ref()) else {
            // The kernel knows that the variable is missing.
            return true;
        };
        let same_name = (**value).type_id() == type_id;
        let intact = same_name && fingerprint::changed(self.fingerprint(name), find(self.taken, name)).is_empty();
        if !intact {
            self.lose_variable(name, type_name, find(self.taken, name));
        }
        intact
    }

    /// Takes the box of a variable of this type out of the store. The caller owns it from then on.
    fn take(&mut self, name: &str, type_id: TypeId) -> *mut () {
        let value = self.variables.get_mut(name).and_then(|variable| variable.value.take());
        let value = value.unwrap_or_else(|| panic!("variable `{name}` is missing"));
        assert!((*value).type_id() == type_id, "variable `{name}` changed its type");
        Box::into_raw(value).cast()
    }
}

/// Returns the encoded names of the stored variables. The cell process looks this symbol up.
///
/// # Safety
///
/// `store` is null or came from [`create_variable_store`], and no cell runs.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mosaic_cell_variables(store: *const VariableStore) -> Buffer {
    // SAFETY: by this function's contract.
    let store = unsafe { store.as_ref() };
    let names: Vec<String> = store.into_iter().flat_map(|store| store.names()).collect();
    Buffer::from(encode(&names))
}

/// Drops all variables. The cell process looks this symbol up.
///
/// # Safety
///
/// `store` is null or came from [`create_variable_store`], and no cell runs.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mosaic_cell_drop_variables(store: *mut VariableStore) {
    // SAFETY: by this function's contract.
    if let Some(store) = unsafe { store.as_mut() } {
        store.drop_all();
    }
}

/// The format in which [`VariableStore::tell_sizes`] tells the sizes.
const SIZES: &str = "application/x-mosaic-sizes";

/// Tells the user and the kernel that a variable was dropped.
fn lost(name: &str, reason: &str) {
    // The text goes to the cell's own standard error, before anything that the cell prints. If that is closed, the cell
    // goes on.
    let _ = writeln!(std::io::stderr(), "the variable `{name}` was dropped: {reason}");
    tell(CellEvent::VariableLost, name, "");
}

/// Lists names in a sentence.
fn list(names: &[&str]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}
