//! Plots that need no other crate.
//!
//! A plot is shown as a cell's last expression, or by [`Plot::show`]. JupyterLab and VS Code draw it by Vega-Lite. Beside
//! it is a picture in SVG for whatever knows no Vega-Lite, such as nbconvert and GitHub.
//!
//! ```
//! use notebook::plot;
//!
//! let xs: Vec<f64> = (0..=60).map(|i| f64::from(i) / 10.0).collect();
//! let waves = plot::line(&xs, &xs.iter().map(|x| x.sin()).collect::<Vec<_>>())?
//!     .label("sine")
//!     .line(&xs, &xs.iter().map(|x| x.cos()).collect::<Vec<_>>())?
//!     .label("cosine")
//!     .title("Two waves")
//!     .x_label("x");
//! waves.show();
//! # Ok::<(), plot::Error>(())
//! ```
//!
//! Values that are no finite numbers are gaps, and so are those that are not positive on a logarithmic axis.
//!
//! Of many points, a plot shows those that make a difference: of a line, the ends and the extremes in each column of
//! pixels, so that it looks as with all points; of dots that hide each other, one. If the picture differs from one with
//! all points, a note in the plot says so.

mod axes;
mod colours;
mod drawing;
mod error;
mod figure;
mod histogram;
mod labels;
mod raster;
mod scale;
mod svg;
mod thin;
mod values;
mod vega_lite;

pub use error::Error;
pub use figure::Plot;
pub use values::{Grid, Names, Number, Values};

use figure::{Marks, check_lengths, too_many_bars};
use ndarray::{ArrayBase, Data, Dimension};
use raster::Raster;
use values::Pixels;

/// The most bars or bins of a plot.
const MOST_BARS: usize = 2_000;
/// Plots values of y over values of x, joined by lines.
///
/// ```
/// use notebook::plot;
/// plot::line(&[0, 1, 2], &[0.0, 1.0, 4.0])?.show();
/// # Ok::<(), plot::Error>(())
/// ```
///
/// # Errors
///
/// There are not as many values of x as of y.
pub fn line(xs: &(impl Values + ?Sized), ys: &(impl Values + ?Sized)) -> Result<Plot, Error> {
    Plot::new().line(xs, ys)
}

/// Plots values of y over values of x as dots.
///
/// ```
/// use notebook::plot;
/// plot::scatter(&[1.0, 2.5, 2.7], &[3.0, 1.0, 2.0])?.show();
/// # Ok::<(), plot::Error>(())
/// ```
///
/// # Errors
///
/// There are not as many values of x as of y.
pub fn scatter(xs: &(impl Values + ?Sized), ys: &(impl Values + ?Sized)) -> Result<Plot, Error> {
    Plot::new().scatter(xs, ys)
}

/// Plots a bar for each name. The bars are at 0, 1, 2 and so on for series that are added.
///
/// ```
/// use notebook::plot;
/// plot::bar(&["helium", "neon"], &[4.2, 27.1])?.y_label("boiling point in K").show();
/// # Ok::<(), plot::Error>(())
/// ```
///
/// # Errors
///
/// There are not as many names as heights, or more than 2,000.
pub fn bar(names: &(impl Names + ?Sized), heights: &(impl Values + ?Sized)) -> Result<Plot, Error> {
    let (names, heights) = (names.to_names(), heights.to_vec_f64());
    check_lengths(names.len(), heights.len())?;
    if names.len() > MOST_BARS {
        return Err(too_many_bars(names.len()));
    }
    Ok(Plot::new().with(Marks::Bars { names, heights }))
}

/// Counts values in bins of the same width, and plots a bar for each bin. Values that are not finite are not counted.
///
/// ```
/// use notebook::plot;
/// plot::histogram(&[1.0, 1.5, 1.7, 2.0, 4.0], 3)?.show();
/// # Ok::<(), plot::Error>(())
/// ```
///
/// # Errors
///
/// There are no bins, or more than 2,000.
pub fn histogram(values: &(impl Values + ?Sized), bins: usize) -> Result<Plot, Error> {
    Plot::new().histogram(values, bins)
}

/// Plots a grid of values by colours, the first row at the top. Of a grid that is larger than the picture, each pixel
/// shows a mean.
///
/// ```
/// use notebook::plot;
/// plot::heat_map(&[[1.0, 2.0], [3.0, f64::NAN]]).title("with a gap").show();
/// ```
pub fn heat_map(grid: &impl Grid) -> Plot {
    let (rows, columns) = grid.shape();
    let raster = Raster::read(rows, columns, &|row, column| grid.at(row, column));
    Plot::new().with(Marks::HeatMap(raster))
}

/// Shows an array as a picture: rows and columns of grey, or with a third dimension of red, green, blue and perhaps
/// opacity. [`Number::to_channel`] tells which numbers are dark and which bright.
///
/// ```
/// use ndarray::Array3;
/// use notebook::plot;
/// plot::image(&Array3::from_shape_fn((80, 120, 3), |(y, x, channel)| [x * 2, y * 3, 128][channel] as u8))?.show();
/// # Ok::<(), plot::Error>(())
/// ```
///
/// # Errors
///
/// The array has another shape.
pub fn image<T: Number, S: Data<Elem = T>, D: Dimension>(array: &ArrayBase<S, D>) -> Result<Plot, Error> {
    let pixels = Pixels::of(array)?;
    let (rows, columns) = pixels.shape();
    let raster = Raster::read(rows, columns, &|row, column| pixels.at(row, column));
    Ok(Plot::new().with(Marks::Image(raster)))
}

#[cfg(test)]
mod tests;
