//! The common parts of the widgets of `@jupyter-widgets/controls`.

use super::Model;
use crate::{Value, json};

const CONTROLS: &str = "@jupyter-widgets/controls";
const BASE: &str = "@jupyter-widgets/base";
const VERSION: &str = "2.0.0";

/// Opens a new layout model, and returns the name by which other models refer to it.
pub(super) fn layout() -> String {
    let model = Model::open(json!({
        "_model_module": BASE,
        "_model_module_version": VERSION,
        "_model_name": "LayoutModel",
        "_view_module": BASE,
        "_view_module_version": VERSION,
        "_view_name": "LayoutView",
        "_view_count": null,
    }));
    model.reference()
}

fn style(name: &str) -> String {
    let model = Model::open(json!({
        "_model_module": CONTROLS,
        "_model_module_version": VERSION,
        "_model_name": name,
        "_view_module": BASE,
        "_view_module_version": VERSION,
        "_view_name": "StyleView",
        "_view_count": null,
    }));
    model.reference()
}

/// Opens a model with its own properties and those common to all controls.
pub(super) fn control(name: &str, view: &str, style_name: Option<&str>, properties: Value) -> Model {
    let mut state = json!({
        "_model_module": CONTROLS,
        "_model_module_version": VERSION,
        "_model_name": format!("{name}Model"),
        "_view_module": CONTROLS,
        "_view_module_version": VERSION,
        "_view_name": view,
        "_view_count": null,
        "_dom_classes": [],
        "layout": layout(),
        "tabbable": null,
        "tooltip": null,
    });
    if let Some(style_name) = style_name {
        state["style"] = style(style_name).into();
    }
    if let Value::Object(properties) = properties {
        for (property, value) in properties {
            state[property] = value;
        }
    }
    Model::open(state)
}

/// Defines a widget's type with the methods that all widgets have.
macro_rules! widget {
    ($(#[$about:meta])* $name:ident) => {
        $(#[$about])*
        #[derive(Clone, Debug)]
        pub struct $name {
            model: Model,
        }

        impl Widget for $name {
            fn model(&self) -> &Model {
                &self.model
            }
        }

        impl Rich for $name {
            fn mime_bundle(&self) -> MimeBundle {
                view(&self.model)
            }
        }

        impl $name {
            /// Sets a property, such as `("disabled", true)`, and returns the widget.
            ///
            /// ```
            /// use notebook::prelude::*;
            /// let slider = IntSlider::new(5, 0..=10).with("step", 5);
            /// ```
            #[must_use]
            pub fn with(self, property: &str, value: impl ToProperty) -> Self {
                self.model.set(property, value.to_property());
                self
            }

            /// Sets the text beside the widget, or on it, and returns the widget.
            ///
            /// ```
            /// use notebook::prelude::*;
            /// let slider = IntSlider::new(5, 0..=10).with_description("steps");
            /// ```
            #[must_use]
            pub fn with_description(self, description: &str) -> Self {
                self.with("description", description)
            }
        }
    };
    ($(#[$about:meta])* $name:ident, value: $type:ty, $read:expr) => {
        widget!($(#[$about])* $name);

        impl $name {
            /// Returns the value, which the front end shares.
            ///
            /// ```
            /// use notebook::prelude::*;
            /// assert_eq!(IntSlider::new(5, 0..=10).value(), 5);
            /// ```
            pub fn value(&self) -> $type {
                let read: fn(&Value) -> $type = $read;
                read(&self.model.get("value"))
            }

            /// Sets the value, here and in the front end.
            ///
            /// ```
            /// use notebook::prelude::*;
            /// let slider = IntSlider::new(5, 0..=10);
            /// slider.set_value(6);
            /// assert_eq!(slider.value(), 6);
            /// ```
            pub fn set_value(&self, value: impl Into<$type>) {
                let value: $type = value.into();
                self.model.set("value", value.to_property());
            }

            /// Calls `observer` with each new value, whichever side sets it.
            ///
            /// ```
            /// use notebook::prelude::*;
            /// let slider = IntSlider::new(5, 0..=10);
            /// slider.observe(|value| println!("the value is {value}"));
            /// slider.set_value(6);
            /// ```
            pub fn observe(&self, mut observer: impl FnMut($type) + Send + 'static) {
                let read: fn(&Value) -> $type = $read;
                self.model.observe("value", move |value| observer(read(value)));
            }
        }
    };
}

/// Reads a whole number, also if a front end sends it as `3.0`.
#[expect(clippy::cast_possible_truncation, reason = "a slider's value is a whole number")]
pub(super) fn integer(value: &Value) -> i64 {
    value.as_i64().unwrap_or_else(|| number(value) as i64)
}

pub(super) fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_default()
}

pub(super) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

pub(super) use widget;
