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
    /// A slider for whole numbers.
    ///
    /// ```
    /// use notebook::prelude::*;
    /// let slider = IntSlider::new(5, 0..=10).with_description("n");
    /// slider.observe(|value| println!("n is {value} now"));
    /// slider.set_value(slider.value() + 1);
    /// ```
    IntSlider, value: i64, integer
}

impl IntSlider {
    /// Makes a slider with a value in a range.
    ///
    /// ```
    /// use notebook::prelude::*;
    /// assert_eq!(IntSlider::new(5, 0..=10).value(), 5);
    /// ```
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
    /// A slider for numbers.
    ///
    /// ```
    /// use notebook::prelude::*;
    /// let slider = FloatSlider::new(0.1, 0.0..=1.0).with_description("step in s");
    /// ```
    FloatSlider, value: f64, number
}

impl FloatSlider {
    /// Makes a slider with a value in a range. Its step is a hundredth of the range.
    ///
    /// ```
    /// use notebook::prelude::*;
    /// assert_eq!(FloatSlider::new(0.1, 0.0..=1.0).value(), 0.1);
    /// ```
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
    /// A progress bar for whole numbers.
    ///
    /// ```
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
    /// Makes a progress bar with a value in a range.
    ///
    /// ```
    /// use notebook::prelude::*;
    /// assert_eq!(IntProgress::new(1, 0..=3).value(), 1);
    /// ```
    pub fn new(value: i64, range: RangeInclusive<i64>) -> IntProgress {
        let (min, max) = range.into_inner();
        let properties = progress(value.into(), min.into(), max.into());
        IntProgress {
            model: control("IntProgress", "ProgressView", Some("ProgressStyleModel"), properties),
        }
    }
}

widget! {
    /// A progress bar for numbers.
    ///
    /// ```
    /// use notebook::prelude::*;
    /// let bar = FloatProgress::new(0.0, 0.0..=1.0);
    /// bar.set_value(0.5);
    /// ```
    FloatProgress, value: f64, number
}

impl FloatProgress {
    /// Makes a progress bar with a value in a range.
    ///
    /// ```
    /// use notebook::prelude::*;
    /// assert_eq!(FloatProgress::new(0.5, 0.0..=1.0).value(), 0.5);
    /// ```
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
