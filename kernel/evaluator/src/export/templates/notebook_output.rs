//! Prints the values of the cells' last expressions, as the notebook shows them.

/// Prints a value: by its own method `evcxr_display`, or else as `{:?}` formats it. The unit `()` shows nothing.
macro_rules! show_result {
    ($value:expr) => {
        match &$value {
            value => {
                use crate::notebook_output::*;
                value.evcxr_display();
            }
        }
    };
    ($format:literal, $value:expr) => {
        println!($format, &$value)
    };
}

pub trait ShowDebug {
    fn evcxr_display(&self);
}

impl<T: std::fmt::Debug + ?Sized> ShowDebug for &T {
    fn evcxr_display(&self) {
        if std::any::type_name::<T>() != "()" {
            println!("{self:?}");
        }
    }
}
