//! Buttons.

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
    /// A button.
    ///
    /// ```
    /// use notebook::prelude::*;
    /// let button = Button::new("again");
    /// button.on_click(|| println!("again!"));
    /// ```
    Button
}

impl Button {
    /// Makes a button with a text on it.
    ///
    /// ```
    /// use notebook::prelude::*;
    /// let button = Button::new("again").with("icon", "refresh");
    /// ```
    pub fn new(description: &str) -> Button {
        let properties = json!({
            "description": description, "disabled": false, "icon": "", "button_style": "",
        });
        Button {
            model: control("Button", "ButtonView", Some("ButtonStyleModel"), properties),
        }
    }

    /// Calls `handle` when the button is clicked.
    ///
    /// ```
    /// use notebook::prelude::*;
    /// Button::new("again").on_click(|| println!("again!"));
    /// ```
    pub fn on_click(&self, mut handle: impl FnMut() + Send + 'static) {
        self.model.observe("click", move |_| handle());
    }
}
