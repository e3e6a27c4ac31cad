//! Progress bars.

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
