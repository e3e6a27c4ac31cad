//! Boxes that arrange other widgets.

use super::{
    Model, ToProperty, Widget,
    control::{control, widget},
    view,
};
use crate::{
    display::{MimeBundle, Rich},
    json,
};

widget! {
    /// Widgets in a row.
    ///
    /// ```
    /// use notebook::prelude::*;
    /// let (less, more) = (Button::new("-"), Button::new("+"));
    /// let row = HBox::new([&less as &dyn Widget, &more]);
    /// ```
    HBox
}

impl HBox {
    /// Puts `children` in a row, from left to right.
    ///
    /// ```
    /// use notebook::prelude::*;
    /// let (less, more) = (Button::new("-"), Button::new("+"));
    /// let row = HBox::new([&less as &dyn Widget, &more]);
    /// ```
    pub fn new<'a>(children: impl IntoIterator<Item = &'a dyn Widget>) -> HBox {
        HBox {
            model: arranged("HBox", "HBoxView", children),
        }
    }
}

widget! {
    /// Widgets in a column.
    ///
    /// ```
    /// use notebook::prelude::*;
    /// let (steps, run) = (IntSlider::new(20, 0..=100), Button::new("run"));
    /// let column = VBox::new([&steps as &dyn Widget, &run]);
    /// ```
    VBox
}

impl VBox {
    /// Puts `children` in a column, from top to bottom.
    ///
    /// ```
    /// use notebook::prelude::*;
    /// let (steps, run) = (IntSlider::new(20, 0..=100), Button::new("run"));
    /// let column = VBox::new([&steps as &dyn Widget, &run]);
    /// ```
    pub fn new<'a>(children: impl IntoIterator<Item = &'a dyn Widget>) -> VBox {
        VBox {
            model: arranged("VBox", "VBoxView", children),
        }
    }
}

fn arranged<'a>(name: &str, view: &str, children: impl IntoIterator<Item = &'a dyn Widget>) -> Model {
    let children: Vec<String> = children.into_iter().map(|child| child.model().reference()).collect();
    control(name, view, None, json!({ "children": children, "box_style": "" }))
}
