//! The widgets of `@jupyter-widgets/controls` 2.0.0.

use super::{
    Model, ToProperty, Widget,
    control::{control, integer, number, text, widget},
    view,
};
use crate::{
    Value,
    display::{MimeBundle, Rich},
    json,
};
use std::ops::RangeInclusive;

widget! {
    /// A slider of whole numbers.
    ///
    /// ```no_run
    /// use notebook::prelude::*;
    /// let slider = IntSlider::new(5, 0..=10).with_description("n");
    /// slider.observe(|value| println!("n is {value} now"));
    /// slider.set_value(slider.value() + 1);
    /// ```
    IntSlider, value: i64, integer
}

impl IntSlider {
    /// One that has a value in a range.
    pub fn new(value: i64, range: RangeInclusive<i64>) -> IntSlider {
        let (min, max) = range.into_inner();
        let properties = json!({
            "value": value, "min": min, "max": max, "step": 1, "readout": true, "readout_format": "d",
            "orientation": "horizontal", "continuous_update": true, "disabled": false, "description": "",
            "description_allow_html": false, "behavior": "drag-tap",
        });
        IntSlider {
            model: control("IntSlider", "IntSliderView", Some("SliderStyleModel"), properties),
        }
    }
}

widget! {
    /// A slider of numbers.
    FloatSlider, value: f64, number
}

impl FloatSlider {
    /// One that has a value in a range.
    pub fn new(value: f64, range: RangeInclusive<f64>) -> FloatSlider {
        let (min, max) = range.into_inner();
        let properties = json!({
            "value": value, "min": min, "max": max, "step": (max - min) / 100.0, "readout": true,
            "readout_format": ".2f", "orientation": "horizontal", "continuous_update": true, "disabled": false,
            "description": "", "description_allow_html": false, "behavior": "drag-tap",
        });
        FloatSlider {
            model: control("FloatSlider", "FloatSliderView", Some("SliderStyleModel"), properties),
        }
    }
}

widget! {
    /// How far something has got, in whole numbers.
    ///
    /// ```no_run
    /// use notebook::prelude::*;
    /// let bar = IntProgress::new(0, 0..=3);
    /// let _ = display(&bar);
    /// for step in 1..=3 {
    ///     bar.set_value(step);
    /// }
    /// ```
    IntProgress, value: i64, integer
}

impl IntProgress {
    /// One that is at a value of a range.
    pub fn new(value: i64, range: RangeInclusive<i64>) -> IntProgress {
        let (min, max) = range.into_inner();
        let properties = progress(value.into(), min.into(), max.into());
        IntProgress {
            model: control("IntProgress", "ProgressView", Some("ProgressStyleModel"), properties),
        }
    }
}

widget! {
    /// How far something has got, in numbers.
    FloatProgress, value: f64, number
}

impl FloatProgress {
    /// One that is at a value of a range.
    pub fn new(value: f64, range: RangeInclusive<f64>) -> FloatProgress {
        let (min, max) = range.into_inner();
        let properties = progress(value.into(), min.into(), max.into());
        FloatProgress {
            model: control("FloatProgress", "ProgressView", Some("ProgressStyleModel"), properties),
        }
    }
}

fn progress(value: Value, min: Value, max: Value) -> Value {
    json!({
        "value": value, "min": min, "max": max, "bar_style": "", "orientation": "horizontal", "description": "",
        "description_allow_html": false,
    })
}

widget! {
    /// A button.
    ///
    /// ```no_run
    /// use notebook::prelude::*;
    /// let button = Button::new("again");
    /// button.on_click(|| println!("again!"));
    /// ```
    Button
}

impl Button {
    /// One with a text on it.
    pub fn new(description: &str) -> Button {
        let properties = json!({
            "description": description, "disabled": false, "icon": "", "button_style": "",
        });
        Button {
            model: control("Button", "ButtonView", Some("ButtonStyleModel"), properties),
        }
    }

    /// Has `handle` called when it is clicked.
    pub fn on_click(&self, mut handle: impl FnMut() + Send + 'static) {
        self.model.observe("click", move |_| handle());
    }
}

widget! {
    /// A line of text that the user writes.
    #[doc(alias = "Text")]
    TextInput, value: String, text
}

impl TextInput {
    /// One with a text in it.
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
    /// A text that is shown.
    Label, value: String, text
}

impl Label {
    /// One that shows a text.
    pub fn new(value: &str) -> Label {
        let properties =
            json!({ "value": value, "placeholder": "", "description": "", "description_allow_html": false });
        Label {
            model: control("Label", "LabelView", Some("LabelStyleModel"), properties),
        }
    }
}

widget! {
    /// A box that is ticked or not.
    Checkbox, value: bool, |value| value.as_bool().unwrap_or_default()
}

impl Checkbox {
    /// One that is ticked if `value` says so.
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
    /// One of several texts, or none.
    ///
    /// ```no_run
    /// use notebook::prelude::*;
    /// let method = Dropdown::new(["euler", "runge-kutta"]);
    /// assert_eq!(method.value().as_deref(), Some("euler"));
    /// method.observe(|method| println!("{method:?}"));
    /// ```
    Dropdown
}

impl Dropdown {
    /// One of which the first is chosen.
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

    /// What is chosen.
    pub fn value(&self) -> Option<String> {
        chosen(&self.model, &self.model.get("index"))
    }

    /// Which is chosen, counted from 0.
    pub fn index(&self) -> Option<usize> {
        self.model
            .get("index")
            .as_u64()
            .and_then(|index| usize::try_from(index).ok())
    }

    /// Chooses one, counted from 0, or none.
    pub fn set_index(&self, index: Option<usize>) {
        self.model.set("index", index.to_property());
    }

    /// Has `observer` called with each new choice.
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

widget! {
    /// Widgets beside one another.
    HBox
}

impl HBox {
    /// Those, from left to right.
    pub fn new<'a>(children: impl IntoIterator<Item = &'a dyn Widget>) -> HBox {
        HBox {
            model: arranged("HBox", "HBoxView", children),
        }
    }
}

widget! {
    /// Widgets below one another.
    VBox
}

impl VBox {
    /// Those, from top to bottom.
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
