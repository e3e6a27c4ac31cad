//! Widgets, as in ipywidgets 8.
//!
//! A widget is a model that the cell process and the front end share: a property that one side sets changes on the
//! other side. A widget is shown as a cell's last expression, or by [`display`](crate::display::display). Closures that
//! observe it run on a thread of this crate, also while a cell runs.
//!
//! ```
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

// A new widget is a file here that uses the macros of `control`, a `pub use` below, and a name in `prelude.rs`.
mod boxes;
mod button;
mod choices;
mod control;
mod model;
mod output;
mod progress_bars;
mod sliders;
mod texts;

pub use boxes::{HBox, VBox};
pub use button::Button;
pub use choices::{Checkbox, Dropdown};
pub use model::Model;
pub use output::Output;
pub use progress_bars::{FloatProgress, IntProgress};
pub use sliders::{FloatSlider, IntSlider};
pub use texts::{Label, TextInput};

use crate::{Value, display::MimeBundle};
use mosaic_cell::message::Content;
use serde::Serialize;

/// The trait of all widgets.
///
/// ```
/// use notebook::{json, prelude::*};
/// let slider = IntSlider::new(5, 0..=10);
/// Widget::set(&slider, "disabled", &true);
/// assert_eq!(slider.get("disabled"), json!(true));
/// ```
pub trait Widget {
    /// Returns the state that is shared with the front end.
    fn model(&self) -> &Model;

    /// Returns a property by its name in ipywidgets; null if there is none.
    fn get(&self, property: &str) -> Value {
        self.model().get(property)
    }

    /// Sets a property, such as `("disabled", true)`, here and in the front end.
    fn set(&self, property: &str, value: &dyn ToProperty) {
        self.model().set(property, value.to_property());
    }
}

/// A value of a property: any type that serialises to JSON.
///
/// ```
/// use notebook::{json, widgets::ToProperty};
/// assert_eq!([1, 2].to_property(), json!([1, 2]));
/// ```
pub trait ToProperty {
    /// Returns the value as JSON; null if it cannot be serialised.
    fn to_property(&self) -> Value;
}

impl<T: Serialize> ToProperty for T {
    fn to_property(&self) -> Value {
        serde_json::to_value(self).unwrap_or_default()
    }
}

/// Returns the formats in which a front end gets a widget.
fn view(model: &Model) -> MimeBundle {
    let view = serde_json::json!({ "version_major": 2, "version_minor": 0, "model_id": model.id() });
    MimeBundle::new()
        .with(
            "application/vnd.jupyter.widget-view+json",
            Content::Json(view.to_string()),
        )
        .with_text("text/plain", model.describe())
}
