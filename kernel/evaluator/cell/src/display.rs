//! The value of a cell's last expression.
//!
//! evcxr first tries `.evcxr_display()` on it and falls back to `{:?}` with a second compilation. The traits here make
//! the first one succeed. The wrapper puts [`BeginResult::mosaic_begin_result`] before it, which gives a reference, so
//! that the compiler finds what a type has in this order: a method `evcxr_display` of its own, [`Rich`], `Debug`.

use crate::ask;
use mosaic::__private::{CellEvent, tell};
use mosaic_message::{Ask, Rich};
use std::fmt::Debug;

/// Says that the result follows.
pub trait BeginResult {
    /// What the value prints from now on as a block of evcxr's is the cell's result.
    fn mosaic_begin_result(&self) -> &Self;
}

impl<T: ?Sized> BeginResult for T {
    fn mosaic_begin_result(&self) -> &T {
        begin_result();
        self
    }
}

/// Not generic: compiled here once, and not in every cell.
fn begin_result() {
    // Where the kernel cannot be asked, the value is shown as what is printed is.
    let _ = ask(&Ask::ResultBegins);
}

/// Shows what a type makes of itself.
pub trait DisplayRich {
    /// Shows the value as the cell's result.
    fn evcxr_display(&self);
}

impl<T: Rich + ?Sized> DisplayRich for T {
    fn evcxr_display(&self) {
        if let Err(error) = ask(&Ask::Result(self.mime_bundle())) {
            eprintln!("the result cannot be shown: {error}");
        }
    }
}

/// Shows what `{:?}` makes of a value.
pub trait DisplayDebug {
    /// Shows the value as the cell's result. The unit shows nothing.
    fn evcxr_display(&self);
}

impl<T: Debug + ?Sized> DisplayDebug for &T {
    fn evcxr_display(&self) {
        show(self, std::any::type_name::<T>());
    }
}

/// Not generic: formatting through `dyn` keeps the cell's own code small.
fn show(value: &dyn Debug, type_name: &str) {
    if type_name != "()" {
        tell(CellEvent::Result, "text/plain", &format!("{value:?}"));
    }
}
