//! The notebook's crate: what cells show and ask, beside text.
//!
//! - [`display`]: HTML, Markdown, LaTeX, pictures, plots, and your own types in rich formats.
//! - [`plot`]: lines, dots, bars, histograms, heat maps and images, without another crate.
//! - [`table`]: a slice of structs as a table.
//! - [`input`]: a line from the user.
//! - [`comm`]: channels between cells and the front end.
//! - [`widgets`]: sliders, buttons, progress bars and others, as in ipywidgets.
//!
//! ```no_run
//! use notebook::prelude::*;
//!
//! let shown = display(&Markdown("**working** …"));
//! let name = notebook::input("your name? ")?;
//! shown.update(&Markdown(format!("hello, **{name}**")));
//! # Ok::<(), notebook::Error>(())
//! ```
//!
//! In a notebook the crate is built in and needs no `:dep`. Every function may be called on any thread. Outside a
//! notebook nothing is shown, and nobody answers.

pub mod comm;
pub mod display;
mod error;
mod input;
pub mod plot;
pub mod prelude;
mod table;
pub mod widgets;

pub use error::Error;
pub use input::{input, password};
pub use serde_json::{Value, json};
pub use table::{Table, table};
