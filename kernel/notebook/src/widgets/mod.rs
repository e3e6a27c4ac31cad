//! Jupyter's widgets, as ipywidgets 8 has them.
//!
//! A widget is a model that the cell process and the front end share: what one side sets, the other side sees. It is
//! shown where it is a cell's last expression, or by [`display`](crate::display::display). Closures that observe it run
//! on a thread of this crate's, also while a cell runs.
//!
//! ```no_run
//! use notebook::prelude::*;
//!
//! let steps = IntSlider::new(20, 0..=100).with_description("steps");
//! let bar = IntProgress::new(0, 0..=100);
//! let run = Button::new("run");
//! run.on_click({
//!     let (steps, bar) = (steps.clone(), bar.clone());
//!     move || (0..=steps.value()).for_each(|step| bar.set_value(step))
//! });
//! let _ = display(&VBox::new([&steps as &dyn Widget, &run, &bar]));
//! ```

mod control;
mod kinds;
mod model;
mod output;

pub use kinds::{
    Button, Checkbox, Dropdown, FloatProgress, FloatSlider, HBox, IntProgress, IntSlider, Label, TextInput, VBox,
};
pub use model::Model;
pub use output::Output;

use crate::{Value, display::MimeBundle};
use mosaic_cell::message::Content;
use serde::Serialize;

/// What all widgets have.
pub trait Widget {
    /// The state that is shared with the front end.
    fn model(&self) -> &Model;

    /// One property of it, by the name that ipywidgets gives it: null where there is no such.
    fn get(&self, property: &str) -> Value {
        self.model().get(property)
    }

    /// Sets one property, such as `("disabled", true)`.
    fn set(&self, property: &str, value: &dyn ToProperty) {
        self.model().set(property, value.to_property());
    }
}

/// A value that a property can have: whatever serialises to JSON.
pub trait ToProperty {
    /// The value as JSON, or null where it has none.
    fn to_property(&self) -> Value;
}

impl<T: Serialize> ToProperty for T {
    fn to_property(&self) -> Value {
        serde_json::to_value(self).unwrap_or_default()
    }
}

/// The formats in which a front end gets to see a widget.
fn view(model: &Model) -> MimeBundle {
    let view = serde_json::json!({ "version_major": 2, "version_minor": 0, "model_id": model.id() });
    MimeBundle::new()
        .with(
            "application/vnd.jupyter.widget-view+json",
            Content::Json(view.to_string()),
        )
        .with_text("text/plain", model.describe())
}
