//! Texts: a line that the user edits, and a line that is only shown.

use super::{
    Model, ToProperty, Widget,
    control::{control, text, widget},
    view,
};
use crate::{
    Value,
    display::{MimeBundle, Rich},
    json,
};

widget! {
    /// A line of text that the user can edit.
    ///
    /// ```
    /// use notebook::prelude::*;
    /// let name = TextInput::new("marmousi").with_description("model");
    /// assert_eq!(name.value(), "marmousi");
    /// ```
    #[doc(alias = "Text")]
    TextInput, value: String, text
}

impl TextInput {
    /// Makes an input with a text in it.
    ///
    /// ```
    /// use notebook::prelude::*;
    /// let name = TextInput::new("").with("placeholder", "model");
    /// ```
    pub fn new(value: &str) -> TextInput {
        let properties = json!({
            "value": value, "placeholder": "", "disabled": false, "continuous_update": true, "description": "",
            "description_allow_html": false,
        });
        TextInput {
            model: control("Text", "TextView", Some("TextStyleModel"), properties),
        }
    }
}

widget! {
    /// A line of text that the user cannot edit.
    ///
    /// ```
    /// use notebook::prelude::*;
    /// let label = Label::new("0 %");
    /// label.set_value("100 %");
    /// ```
    Label, value: String, text
}

impl Label {
    /// Makes a label with a text.
    ///
    /// ```
    /// use notebook::prelude::*;
    /// assert_eq!(Label::new("0 %").value(), "0 %");
    /// ```
    pub fn new(value: &str) -> Label {
        let properties =
            json!({ "value": value, "placeholder": "", "description": "", "description_allow_html": false });
        Label {
            model: control("Label", "LabelView", Some("LabelStyleModel"), properties),
        }
    }
}
