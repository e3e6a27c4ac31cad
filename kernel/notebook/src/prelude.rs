//! The items that most cells need: `use notebook::prelude::*;`
//!
//! ```
//! use notebook::prelude::*;
//! let _ = display(&Html("<b>300 K</b>"));
//! ```

pub use crate::{
    display::{
        DisplayHandle, Html, Jpeg, Json, Latex, Markdown, MimeBundle, Png, Rich, Svg, Text, VegaLite, clear_output,
        display,
    },
    input, json, password, plot, table,
    widgets::{
        Button, Checkbox, Dropdown, FloatProgress, FloatSlider, HBox, IntProgress, IntSlider, Label, Output, TextInput,
        VBox, Widget,
    },
};
