//! Choices: a check box, and a choice between several texts.

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
    /// A check box.
    ///
    /// ```
    /// use notebook::prelude::*;
    /// let verbose = Checkbox::new(false).with_description("verbose");
    /// assert!(!verbose.value());
    /// ```
    Checkbox, value: bool, |value| value.as_bool().unwrap_or_default()
}

impl Checkbox {
    /// Makes a check box, which is ticked if `value` is true.
    ///
    /// ```
    /// use notebook::prelude::*;
    /// assert!(Checkbox::new(true).value());
    /// ```
    pub fn new(value: bool) -> Checkbox {
        let properties = json!({
            "value": value, "disabled": false, "indent": true, "description": "", "description_allow_html": false,
        });
        Checkbox {
            model: control("Checkbox", "CheckboxView", Some("CheckboxStyleModel"), properties),
        }
    }
}

widget! {
    /// A choice between several texts.
    ///
    /// ```
    /// use notebook::prelude::*;
    /// let method = Dropdown::new(["euler", "runge-kutta"]);
    /// assert_eq!(method.value().as_deref(), Some("euler"));
    /// method.observe(|method| println!("{method:?}"));
    /// ```
    Dropdown
}

impl Dropdown {
    /// Makes a choice between `options`, of which the first is chosen.
    ///
    /// ```
    /// use notebook::prelude::*;
    /// assert_eq!(Dropdown::new(["euler", "runge-kutta"]).index(), Some(0));
    /// ```
    pub fn new<T: Into<String>>(options: impl IntoIterator<Item = T>) -> Dropdown {
        let options: Vec<String> = options.into_iter().map(Into::into).collect();
        let index = (!options.is_empty()).then_some(0);
        let properties = json!({
            "_options_labels": options, "index": index, "disabled": false, "description": "",
            "description_allow_html": false,
        });
        Dropdown {
            model: control("Dropdown", "DropdownView", Some("DescriptionStyleModel"), properties),
        }
    }

    /// Returns the chosen text, if any.
    ///
    /// ```
    /// use notebook::prelude::*;
    /// assert_eq!(Dropdown::new(["euler", "runge-kutta"]).value().as_deref(), Some("euler"));
    /// ```
    pub fn value(&self) -> Option<String> {
        chosen(&self.model, &self.model.get("index"))
    }

    /// Returns the index of the chosen text, from 0, if any.
    ///
    /// ```
    /// use notebook::prelude::*;
    /// assert_eq!(Dropdown::new(["euler", "runge-kutta"]).index(), Some(0));
    /// ```
    pub fn index(&self) -> Option<usize> {
        self.model
            .get("index")
            .as_u64()
            .and_then(|index| usize::try_from(index).ok())
    }

    /// Chooses the text with this index, from 0, or none.
    ///
    /// ```
    /// use notebook::prelude::*;
    /// let method = Dropdown::new(["euler", "runge-kutta"]);
    /// method.set_index(Some(1));
    /// assert_eq!(method.value().as_deref(), Some("runge-kutta"));
    /// ```
    pub fn set_index(&self, index: Option<usize>) {
        self.model.set("index", index.to_property());
    }

    /// Calls `observer` with each new choice, whichever side makes it.
    ///
    /// ```
    /// use notebook::prelude::*;
    /// let method = Dropdown::new(["euler", "runge-kutta"]);
    /// method.observe(|method| println!("{method:?}"));
    /// method.set_index(Some(1));
    /// ```
    pub fn observe(&self, mut observer: impl FnMut(Option<String>) + Send + 'static) {
        let model = self.model.clone();
        self.model
            .observe("index", move |index| observer(chosen(&model, index)));
    }
}

fn chosen(model: &Model, index: &Value) -> Option<String> {
    let index = usize::try_from(index.as_u64()?).ok()?;
    model.get("_options_labels").get(index).map(text)
}
