//! The evaluator as the server sees it. Tests of the server put a fake in its place.

use std::path::PathBuf;

use mosaic_evaluator::Evaluator;
pub(super) use mosaic_evaluator::{CellError, Completeness, Completions, MimeBundle};

/// Runs cells and answers questions about code. A cheap handle, whose methods may be called from any task.
pub(crate) trait CellEvaluator: Clone + Send + Sync + 'static {
    /// Runs a cell, or one of its `user_expressions`; returns its value, if it has one.
    ///
    /// The value of a cell may come through the [output](crate::output) instead, in more formats. Everything that the
    /// cell printed is in its pipes when this returns.
    ///
    /// Serves [`execute_request`](https://jupyter-client.readthedocs.io/en/stable/messaging.html#execute).
    ///
    /// # Errors
    /// When the cell does not compile, fails, is interrupted, or ends its process.
    fn execute(&self, code: String, number: u32) -> impl Future<Output = Result<Option<MimeBundle>, CellError>> + Send;

    /// Completes the name left of `cursor`, which counts code points.
    ///
    /// Serves [`complete_request`](https://jupyter-client.readthedocs.io/en/stable/messaging.html#completion).
    fn complete(&self, code: String, cursor: usize) -> impl Future<Output = Completions> + Send;

    /// Returns the documentation of the name at `cursor`, which counts code points.
    ///
    /// Serves [`inspect_request`](https://jupyter-client.readthedocs.io/en/stable/messaging.html#introspection).
    fn inspect(&self, code: String, cursor: usize) -> impl Future<Output = Option<MimeBundle>> + Send;

    /// Returns whether code can be run as it stands.
    ///
    /// Serves [`is_complete_request`](https://jupyter-client.readthedocs.io/en/stable/messaging.html#code-completeness).
    fn is_complete(&self, code: &str) -> Completeness;

    /// Returns the version of the language, or `None` if its compiler is missing. Blocks for as long as the compiler
    /// takes to answer.
    ///
    /// Serves [`kernel_info_request`](https://jupyter-client.readthedocs.io/en/stable/messaging.html#kernel-info).
    fn language_version(&self) -> Option<String>;

    /// Sends an encoded [`Delivery`](mosaic_message::Delivery) to the cell process; returns whether there is one.
    ///
    /// Serves [`comm_open`, `comm_msg` and
    /// `comm_close`](https://jupyter-client.readthedocs.io/en/stable/messaging.html#custom-messages).
    fn deliver(&self, delivery: Vec<u8>) -> bool;

    /// Interrupts the running cell, if one runs. Does not wait until the cell has stopped.
    ///
    /// Serves [`interrupt_request`](https://jupyter-client.readthedocs.io/en/stable/messaging.html#kernel-interrupt).
    fn interrupt(&self);

    /// Has cells compiled for a debugger from now on, or no longer.
    fn set_debugging(&self, is_on: bool);

    /// Returns the process id of the cell process, if there is one.
    fn cell_process(&self) -> Option<u32>;

    /// Returns the directory in which the debug information has the sources of cells.
    fn source_directory(&self) -> Option<PathBuf>;

    /// Returns the notebook's variables, each a name and a type.
    fn variables(&self) -> Vec<(String, String)>;
}

impl CellEvaluator for Evaluator {
    async fn execute(&self, code: String, number: u32) -> Result<Option<MimeBundle>, CellError> {
        Evaluator::execute(self, code, number).await
    }

    async fn complete(&self, code: String, cursor: usize) -> Completions {
        Evaluator::complete(self, code, cursor).await
    }

    async fn inspect(&self, code: String, cursor: usize) -> Option<MimeBundle> {
        Evaluator::inspect(self, code, cursor).await
    }

    fn is_complete(&self, code: &str) -> Completeness {
        mosaic_evaluator::is_complete(code)
    }

    fn language_version(&self) -> Option<String> {
        let toolchain = mosaic_evaluator::check_toolchain().ok()?;
        Some(toolchain.version().to_owned())
    }

    fn deliver(&self, delivery: Vec<u8>) -> bool {
        Evaluator::deliver(self, delivery)
    }

    fn interrupt(&self) {
        Evaluator::interrupt(self);
    }

    fn set_debugging(&self, is_on: bool) {
        Evaluator::set_debugging(self, is_on);
    }

    fn cell_process(&self) -> Option<u32> {
        Evaluator::cell_process(self)
    }

    fn source_directory(&self) -> Option<PathBuf> {
        Evaluator::session_directory(self)
    }

    fn variables(&self) -> Vec<(String, String)> {
        Evaluator::variables(self)
    }
}
