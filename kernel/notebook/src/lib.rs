//! The notebook's crate: what cells show and ask, beside text.
//!
//! - [`display`]: HTML, Markdown, LaTeX, pictures, plots, and your own types in rich formats.
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
pub mod prelude;
pub mod widgets;

pub use error::Error;
pub use input::{input, password};
pub use serde_json::{Value, json};
