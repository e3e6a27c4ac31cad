//! What the debugger needs of the kernel.

use serde_json::{Map, Value};
use std::{future::Future, path::PathBuf, pin::Pin};

/// A variable as it is being shown: its formats by their MIME types, or nothing if it cannot be shown.
pub type Showing = Pin<Box<dyn Future<Output = Option<Map<String, Value>>> + Send>>;

/// The kernel as the debugger sees it.
pub trait Notebook: Send + Sync + 'static {
    /// Publishes a `debug_event` to all clients.
    fn publish(&self, event: Value);

    /// Has cells compiled for the debugger from now on, or no longer.
    fn set_debugging(&self, is_on: bool);

    /// Returns the pid of the cell process, if one runs.
    fn cell_process(&self) -> Option<u32>;

    /// Returns the directory in which the debug information has the sources of cells.
    fn source_directory(&self) -> Option<PathBuf>;

    /// Returns the notebook's variables, each a name and a type.
    fn variables(&self) -> Vec<(String, String)>;

    /// Returns a variable in all formats in which a cell would show it. To be called while no cell runs.
    fn show(&self, variable: String) -> Showing;
}
