//! Shows the value of a cell's last expression.
//!
//! evcxr first compiles a call of `.evcxr_display()` on the value. If this fails, it compiles the cell again with
//! `{:?}`. The traits here make the first compilation succeed. The rustc wrapper puts a call of
//! [`BeginResult::mosaic_begin_result`] before `.evcxr_display()`. That call returns a reference, so the compiler looks
//! for the type's way to be shown in this order: a method `evcxr_display` of its own, [`Rich`], `Debug`.

use crate::ask::ask;
use mosaic::__private::{CellEvent, tell};
use mosaic_message::{Ask, MimeBundle, Rich, picture::png};
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
        show_bundle(self.mime_bundle());
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

/// The longest side of a picture that is shown, in pixels. A larger image is shown smaller.
const LONGEST_SIDE: u32 = 1024;

/// Returns the width and height in which an image is shown.
pub fn size_of_picture((width, height): (u32, u32)) -> (u32, u32) {
    let longest = width.max(height);
    if longest <= LONGEST_SIDE {
        return (width, height);
    }
    let scaled = |side: u32| (u64::from(side) * u64::from(LONGEST_SIDE) / u64::from(longest)) as u32;
    (scaled(width).max(1), scaled(height).max(1))
}

/// Shows an image as the cell's result: its width and height, and the pixels that are shown, each of red, green, blue and
/// opacity.
pub fn show_picture((width, height): (u32, u32), pixels: &[u8]) {
    let shown = size_of_picture((width, height));
    let (pixels, _) = pixels.as_chunks();
    let text = MimeBundle::new().with_text("text/plain", format!("image of {width} × {height} pixels"));
    // PNG has no empty pictures.
    show_bundle(match shown {
        (0, _) | (_, 0) => text,
        _ => text.with_bytes("image/png", png(shown.0, shown.1, pixels)),
    });
}

fn show_bundle(bundle: MimeBundle) {
    if let Err(error) = ask(&Ask::Result(bundle)) {
        eprintln!("the result cannot be shown: {error}");
    }
}

/// Shows a value. Formatting through `dyn` keeps the code small that each cell compiles.
fn show(value: &dyn Debug, type_name: &str) {
    if type_name != "()" {
        tell(CellEvent::Result, "text/plain", &format!("{value:?}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_images_are_shown_smaller() {
        for (size, shown) in [
            ((0, 0), (0, 0)),
            ((1024, 3), (1024, 3)),
            ((4096, 2048), (1024, 512)),
            ((3, u32::MAX), (1, 1024)),
        ] {
            assert_eq!(size_of_picture(size), shown);
        }
    }
}
