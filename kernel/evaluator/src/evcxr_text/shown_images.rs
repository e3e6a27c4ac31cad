//! Shows the images of the crate `image` as pictures.
//!
//! The built-in crates do not depend on `image`, so the code that knows its types is compiled in a cell: in one that shows
//! a value, of a notebook that has the crate. If the code does not compile, perhaps because the crate has another version
//! or is another one, the wrapper compiles the cell without it.

/// The name of the crate in Rust code.
pub(crate) const IMAGE_CRATE: &str = "image";

/// The name of the module with the code, which rustc's messages on it contain.
const MODULE: &str = "__mosaic_shown_images";

/// The code, on one line. A type has only one of the traits that show values, or a method of its own, which comes first.
///
/// The compiled code of `mosaic-cell` writes the PNG: an encoder of the crate's would take the compiler a second for each
/// picture, and need a feature of the crate.
const SHOWN_IMAGES: &str = " #[allow(unused)] mod __mosaic_shown_images { \
     use ::image::{DynamicImage, GenericImageView, ImageBuffer, Pixel, Primitive}; \
     use ::mosaic_cell::{show_picture, size_of_picture}; \
     use ::std::{ops::Deref, vec::Vec}; \
     pub trait DisplayImage { fn evcxr_display(&self); } \
     fn channel<T: Primitive>(value: T) -> u8 { \
     let most = T::DEFAULT_MAX_VALUE.to_f64().unwrap_or(1.0); \
     (value.to_f64().unwrap_or(0.0) / most * 255.0).round() as u8 } \
     impl DisplayImage for DynamicImage { fn evcxr_display(&self) { \
     let (width, height) = size_of_picture(self.dimensions()); \
     let shown = if (width, height) == self.dimensions() { self.to_rgba8() } \
     else { self.thumbnail_exact(width, height).to_rgba8() }; \
     show_picture(self.dimensions(), &shown); } } \
     impl<P: Pixel, C: Deref<Target = [P::Subpixel]>> DisplayImage for ImageBuffer<P, C> { fn evcxr_display(&self) { \
     let (width, height) = size_of_picture(self.dimensions()); \
     let scaled = |at: u32, from: u32, to: u32| (u64::from(at) * u64::from(from) / u64::from(to)) as u32; \
     let mut shown = Vec::with_capacity(width as usize * height as usize * 4); \
     for y in 0..height { for x in 0..width { \
     let pixel = self.get_pixel(scaled(x, self.width(), width), scaled(y, self.height(), height)); \
     shown.extend(pixel.to_rgba().0.map(channel)); } } \
     show_picture(self.dimensions(), &shown); } } } \
     #[allow(unused_imports)] use __mosaic_shown_images::DisplayImage as _;";

/// Returns the item that a cell needs to show images.
pub(crate) fn item() -> &'static str {
    SHOWN_IMAGES
}

/// Returns the source of a cell without the code that shows images, if rustc's messages are about that code.
pub(crate) fn without_refused(source: &str, messages: &str) -> Option<String> {
    let is_refused = messages.contains(MODULE) && source.contains(SHOWN_IMAGES);
    is_refused.then(|| source.replacen(SHOWN_IMAGES, "", 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_is_one_line_of_rust() {
        let file = syn::parse_file(SHOWN_IMAGES).unwrap();
        assert_eq!(file.items.len(), 2);
        assert!(!SHOWN_IMAGES.contains('\n') && SHOWN_IMAGES.contains(MODULE));
    }

    #[test]
    fn only_code_that_is_refused_is_taken_out() {
        let source = format!("fn f() {{}}{SHOWN_IMAGES}\nfn g() {{}}");
        assert_eq!(
            without_refused(&source, MODULE).as_deref(),
            Some("fn f() {}\nfn g() {}")
        );
        assert_eq!(without_refused(&source, "mismatched types"), None);
        assert_eq!(without_refused("fn f() {}", MODULE), None);
    }
}
