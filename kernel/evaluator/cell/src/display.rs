//! The value of a cell's last expression.

use mosaic::__private::{CellEvent, tell};
use std::fmt::Debug;

/// evcxr first tries `.evcxr_display()` on a cell's last expression and falls back to `{:?}` with a second compilation.
/// This blanket implementation makes the first one succeed; a type's own `evcxr_display` still comes first, as inherent
/// methods do.
pub trait EvcxrDisplay {
    /// Shows the value as the cell's result. The unit shows nothing.
    fn evcxr_display(&self);
}

impl<T: Debug + ?Sized> EvcxrDisplay for T {
    fn evcxr_display(&self) {
        if std::any::type_name::<T>() != "()" {
            show(&self);
        }
    }
}

/// Not generic: formatting through `dyn` keeps the cell's own code small.
fn show(value: &dyn Debug) {
    tell(CellEvent::Result, "text/plain", &format!("{value:?}"));
}
