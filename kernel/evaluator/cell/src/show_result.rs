//! Shows the value of a cell's last expression.
//!
//! evcxr first compiles a call of `.evcxr_display()` on the value. If this fails, it compiles the cell again with
//! `{:?}`. The traits here make the first compilation succeed. The rustc wrapper puts a call of
//! [`BeginResult::mosaic_begin_result`] before `.evcxr_display()`. That call returns a reference, so the compiler looks
//! for the type's way to be shown in this order: a method `evcxr_display` of its own, [`Rich`], `Debug`.

use crate::ask::ask;
use mosaic::__private::{CellEvent, tell};
use mosaic_message::{Ask, Rich};
use std::fmt::Debug;

/// Announces the result of a cell.
pub trait BeginResult {
    /// Announces that the blocks of evcxr's content that the value prints from now on are the cell's result.
    fn mosaic_begin_result(&self) -> &Self;
}

impl<T: ?Sized> BeginResult for T {
    fn mosaic_begin_result(&self) -> &T {
        begin_result();
        self
    }
}

/// Announces the result. Not generic, so that it is compiled here once and not in every cell.
fn begin_result() {
    // If the kernel cannot be asked, the value is shown as output.
    let _ = ask(&Ask::ResultBegins);
}

/// Shows a value by the formats that its type offers.
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

/// Shows a value as `{:?}` formats it.
pub trait DisplayDebug {
    /// Shows the value as the cell's result. The unit `()` shows nothing.
    fn evcxr_display(&self);
}

impl<T: Debug + ?Sized> DisplayDebug for &T {
    fn evcxr_display(&self) {
        show(self, std::any::type_name::<T>());
    }
}

/// Shows a value. Formatting through `dyn` keeps the code small that each cell compiles.
fn show(value: &dyn Debug, type_name: &str) {
    if type_name != "()" {
        tell(CellEvent::Result, "text/plain", &format!("{value:?}"));
    }
}
