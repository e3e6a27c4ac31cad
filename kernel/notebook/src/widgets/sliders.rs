//! Sliders.

use super::{
    Model, ToProperty, Widget,
    control::{control, integer, number, widget},
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
