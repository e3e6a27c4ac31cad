//! The variables of a notebook, between cells. The names of these items are those that evcxr's generated code uses.

use mosaic::__private::{Buffer, CellEvent, encode, tell};
use std::{any::Any, collections::HashMap, sync::Arc};

/// Holds each variable between cells, by name.
#[derive(Default)]
pub struct VariableStore {
    variables: HashMap<String, Box<dyn Any>>,
}

/// A new, empty store, owned by the cell process.
pub fn create_variable_store() -> *mut VariableStore {
    Box::into_raw(Box::default())
}

impl VariableStore {
    /// Stores a variable.
    pub fn put_variable<T: 'static>(&mut self, name: &str, value: T) {
        self.put(name, Box::new(value));
    }

    /// Whether the variable still has the type `T`. Says so if not, or if it is not there.
    pub fn check_variable<T: 'static>(&mut self, name: &str) -> bool {
        let intact = self.variables.get(name).is_some_and(|value| value.is::<T>());
        if !intact {
            let how = if self.variables.contains_key(name) {
                ""
            } else {
                "missing"
            };
            tell(CellEvent::VariableLost, name, how);
        }
        intact
    }

    /// Takes a variable out.
    ///
    /// # Panics
    ///
    /// If it is not there or has another type, which `check_variable` has ruled out.
    pub fn take_variable<T: 'static>(&mut self, name: &str) -> T {
        match self.take(name).downcast() {
            Ok(value) => *value,
            Err(_) => panic!("variable `{name}` changed its type"),
        }
    }

    /// The value under `name`, created where it is missing. Asked for once a cell has all of its variables, and directly
    /// before the user's code.
    ///
    /// # Panics
    ///
    /// If it has another type.
    pub fn lazy_arc<T: 'static>(&mut self, name: &str, create: impl FnOnce() -> T) -> Arc<T> {
        tell(CellEvent::Started, "", "");
        let value = self
            .variables
            .entry(name.to_owned())
            .or_insert_with(|| Box::new(Arc::new(create())));
        match value.downcast_ref::<Arc<T>>() {
            Some(value) => Arc::clone(value),
            None => panic!("`{name}` changed its type"),
        }
    }

    fn put(&mut self, name: &str, value: Box<dyn Any>) {
        self.variables.insert(name.to_owned(), value);
    }

    fn take(&mut self, name: &str) -> Box<dyn Any> {
        self.variables
            .remove(name)
            .unwrap_or_else(|| panic!("variable `{name}` is missing"))
    }
}

/// The encoded names of the variables that are stored. The cell process looks this symbol up.
///
/// # Safety
///
/// `store` is null or came from [`create_variable_store`], and no cell runs.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mosaic_cell_variables(store: *const VariableStore) -> Buffer {
    // SAFETY: by this function's contract.
    let store = unsafe { store.as_ref() };
    let names: Vec<String> = store
        .into_iter()
        .flat_map(|store| store.variables.keys().cloned())
        .collect();
    // Encoding strings is not refused.
    Buffer::from(encode(&names).unwrap_or_default())
}
