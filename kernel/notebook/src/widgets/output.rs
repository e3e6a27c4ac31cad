//! A widget that shows output.

use super::{Model, Widget, control::layout, view};
use crate::{
    display::{MimeBundle, Rich},
    json,
};
use mosaic_cell::{
    ask,
    message::{Ask, decode},
};

/// A widget that shows what is printed and displayed while [`Output::capture`] runs.
///
/// ```
/// use notebook::prelude::*;
/// let output = Output::new();
/// let button = Button::new("where am I?");
/// button.on_click({
///     let output = output.clone();
///     move || output.capture(|| println!("here"))
/// });
/// ```
#[derive(Clone, Debug)]
pub struct Output {
    model: Model,
}

impl Output {
    /// Makes an empty output.
    ///
    /// ```
    /// let output = notebook::prelude::Output::new();
    /// ```
    #[expect(clippy::new_without_default, reason = "each call opens another one")]
    pub fn new() -> Output {
        let model = Model::open(json!({
            "_model_module": "@jupyter-widgets/output",
            "_model_module_version": "1.0.0",
            "_model_name": "OutputModel",
            "_view_module": "@jupyter-widgets/output",
            "_view_module_version": "1.0.0",
            "_view_name": "OutputView",
            "_view_count": null,
            "_dom_classes": [],
            "layout": layout(),
            "msg_id": "",
            "outputs": [],
        }));
        Output { model }
    }

    /// Runs `run`. What the process prints and displays meanwhile is shown in this widget.
    ///
    /// ```
    /// let output = notebook::prelude::Output::new();
    /// assert_eq!(output.capture(|| 42), 42);
    /// ```
    pub fn capture<T>(&self, run: impl FnOnce() -> T) -> T {
        let parent = ask(&Ask::Parent).and_then(|bytes| decode::<String>(&bytes));
        self.model.set("msg_id", parent.unwrap_or_default().into());
        let _until_here = Captured(&self.model);
        run()
    }

    /// Removes what the widget shows.
    ///
    /// ```
    /// notebook::prelude::Output::new().clear();
    /// ```
    pub fn clear(&self) {
        self.model.set("outputs", json!([]));
    }
}

/// Ends the capture, however the code ends. The message takes its position behind all output until then.
struct Captured<'a>(&'a Model);

impl Drop for Captured<'_> {
    fn drop(&mut self) {
        self.0.set("msg_id", "".into());
    }
}

impl Widget for Output {
    fn model(&self) -> &Model {
        &self.model
    }
}

impl Rich for Output {
    fn mime_bundle(&self) -> MimeBundle {
        view(&self.model)
    }
}
