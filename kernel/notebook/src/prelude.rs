//! What most cells need: `use notebook::prelude::*;`

pub use crate::{
    display::{
        DisplayHandle, Html, Jpeg, Json, Latex, Markdown, MimeBundle, Png, Rich, Svg, Text, VegaLite, clear_output,
        display,
    },
    input, json, password,
    widgets::{
        Button, Checkbox, Dropdown, FloatProgress, FloatSlider, HBox, IntProgress, IntSlider, Label, Output, TextInput,
        VBox, Widget,
    },
};
