//! The type of a plot, and what can be asked of it.

use crate::{
    display::{DisplayHandle, MimeBundle, MimeContent, Rich, display},
    plot::{Error, MOST_BARS, Values, drawing::Drawing, histogram::counted, raster::Raster, svg, vega_lite},
};
use std::fmt;

/// The size of a plot, unless it is given another one.
const SIZE: (u32, u32) = (560, 340);

/// A plot, made by the functions of [this module](super).
#[derive(Clone, PartialEq)]
#[must_use = "end the cell with it or call `show`"]
pub struct Plot {
    pub(super) series: Vec<Series>,
    pub(super) title: String,
    pub(super) x: Axis,
    pub(super) y: Axis,
    pub(super) size: (u32, u32),
}

/// Values that are drawn in the same way.
#[derive(Clone, PartialEq)]
pub(super) struct Series {
    pub(super) label: Option<String>,
    pub(super) marks: Marks,
}

#[derive(Clone, PartialEq)]
pub(super) enum Marks {
    Line { xs: Vec<f64>, ys: Vec<f64> },
    Scatter { xs: Vec<f64>, ys: Vec<f64> },
    Bars { names: Vec<String>, heights: Vec<f64> },
    Histogram { edges: Vec<f64>, counts: Vec<usize> },
    HeatMap(Raster<f64>),
    Image(Raster<[u8; 4]>),
}

/// What is asked of an axis.
#[derive(Clone, Default, PartialEq)]
pub(super) struct Axis {
    pub(super) label: String,
    pub(super) range: Option<(f64, f64)>,
    pub(super) is_logarithmic: bool,
}

impl Plot {
    pub(super) fn new() -> Plot {
        Plot {
            series: Vec::new(),
            title: String::new(),
            x: Axis::default(),
            y: Axis::default(),
            size: SIZE,
        }
    }

    pub(super) fn with(mut self, marks: Marks) -> Plot {
        self.series.push(Series { label: None, marks });
        self
    }

    /// Adds a line.
    ///
    /// ```
    /// use notebook::plot;
    /// plot::scatter(&[0, 1, 2], &[0.1, 0.9, 4.2])?.line(&[0, 1, 2], &[0, 1, 4])?.show();
    /// # Ok::<(), plot::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// There are not as many values of x as of y.
    pub fn line(self, xs: &(impl Values + ?Sized), ys: &(impl Values + ?Sized)) -> Result<Plot, Error> {
        let (xs, ys) = (xs.to_vec_f64(), ys.to_vec_f64());
        check_lengths(xs.len(), ys.len())?;
        Ok(self.with(Marks::Line { xs, ys }))
    }

    /// Adds dots.
    ///
    /// ```
    /// use notebook::plot;
    /// plot::line(&[0, 1, 2], &[0, 1, 4])?.scatter(&[0, 1, 2], &[0.1, 0.9, 4.2])?.show();
    /// # Ok::<(), plot::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// There are not as many values of x as of y.
    pub fn scatter(self, xs: &(impl Values + ?Sized), ys: &(impl Values + ?Sized)) -> Result<Plot, Error> {
        let (xs, ys) = (xs.to_vec_f64(), ys.to_vec_f64());
        check_lengths(xs.len(), ys.len())?;
        Ok(self.with(Marks::Scatter { xs, ys }))
    }

    /// Adds a histogram.
    ///
    /// ```
    /// use notebook::plot;
    /// plot::histogram(&[1.0, 2.0, 2.5], 2)?.label("before").histogram(&[3.0, 3.5], 2)?.label("after").show();
    /// # Ok::<(), plot::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// There are no bins, or more than 2,000.
    pub fn histogram(self, values: &(impl Values + ?Sized), bins: usize) -> Result<Plot, Error> {
        if !(1..=MOST_BARS).contains(&bins) {
            return Err(too_many_bars(bins));
        }
        let (edges, counts) = counted(&values.to_vec_f64(), bins);
        Ok(self.with(Marks::Histogram { edges, counts }))
    }

    /// Names the series that was added last. The plot then has a legend.
    ///
    /// ```
    /// use notebook::plot;
    /// plot::line(&[0, 1], &[2, 3])?.label("measured").show();
    /// # Ok::<(), plot::Error>(())
    /// ```
    pub fn label(mut self, label: impl Into<String>) -> Plot {
        if let Some(series) = self.series.last_mut() {
            series.label = Some(label.into());
        }
        self
    }

    /// Sets the title.
    ///
    /// ```
    /// use notebook::plot;
    /// plot::line(&[0, 1], &[2, 3])?.title("two points").show();
    /// # Ok::<(), plot::Error>(())
    /// ```
    pub fn title(mut self, title: impl Into<String>) -> Plot {
        self.title = title.into();
        self
    }

    /// Names the axis of x.
    ///
    /// ```
    /// use notebook::plot;
    /// plot::line(&[0, 1], &[2, 3])?.x_label("time in s").show();
    /// # Ok::<(), plot::Error>(())
    /// ```
    pub fn x_label(mut self, label: impl Into<String>) -> Plot {
        self.x.label = label.into();
        self
    }

    /// Names the axis of y.
    ///
    /// ```
    /// use notebook::plot;
    /// plot::line(&[0, 1], &[2, 3])?.y_label("temperature in K").show();
    /// # Ok::<(), plot::Error>(())
    /// ```
    pub fn y_label(mut self, label: impl Into<String>) -> Plot {
        self.y.label = label.into();
        self
    }

    /// Sets the ends of the axis of x. An axis from a higher to a lower number is reversed. Numbers that the axis cannot
    /// show change nothing.
    ///
    /// ```
    /// use notebook::plot;
    /// plot::line(&[0, 1], &[2, 3])?.x_range(0.0, 10.0).show();
    /// # Ok::<(), plot::Error>(())
    /// ```
    pub fn x_range(mut self, first: f64, last: f64) -> Plot {
        self.x.range = Some((first, last));
        self
    }

    /// Sets the ends of the axis of y, as [`x_range`](Plot::x_range) does for x.
    ///
    /// ```
    /// use notebook::plot;
    /// plot::line(&[0, 1], &[2, 3])?.y_range(0.0, 10.0).show();
    /// # Ok::<(), plot::Error>(())
    /// ```
    pub fn y_range(mut self, first: f64, last: f64) -> Plot {
        self.y.range = Some((first, last));
        self
    }

    /// Makes the axis of x logarithmic.
    ///
    /// ```
    /// use notebook::plot;
    /// plot::line(&[1, 10, 100], &[1, 2, 3])?.x_log().show();
    /// # Ok::<(), plot::Error>(())
    /// ```
    pub fn x_log(mut self) -> Plot {
        self.x.is_logarithmic = true;
        self
    }

    /// Makes the axis of y logarithmic.
    ///
    /// ```
    /// use notebook::plot;
    /// plot::line(&[1, 2, 3], &[1, 10, 100])?.y_log().show();
    /// # Ok::<(), plot::Error>(())
    /// ```
    pub fn y_log(mut self) -> Plot {
        self.y.is_logarithmic = true;
        self
    }

    /// Sets the size of the whole plot in pixels, from 100 to 4,000. It is 560 × 340 otherwise.
    ///
    /// ```
    /// use notebook::plot;
    /// plot::line(&[0, 1], &[2, 3])?.size(300, 200).show();
    /// # Ok::<(), plot::Error>(())
    /// ```
    pub fn size(mut self, width: u32, height: u32) -> Plot {
        self.size = (width.clamp(100, 4_000), height.clamp(100, 4_000));
        self
    }

    /// Shows the plot now, in order with printed output.
    ///
    /// ```
    /// use notebook::plot;
    /// for power in 1..=3 {
    ///     plot::line(&[0, 1, 2], &[0, 1, 2_i32.pow(power)])?.title(format!("power {power}")).show();
    /// }
    /// # Ok::<(), plot::Error>(())
    /// ```
    pub fn show(&self) {
        let _ = self.display();
    }

    /// Shows the plot now, and returns a handle by which another plot can replace it.
    ///
    /// ```
    /// use notebook::plot;
    /// let shown = plot::line(&[0, 1], &[0, 1])?.display();
    /// shown.update(&plot::line(&[0, 1, 2], &[0, 1, 4])?);
    /// # Ok::<(), plot::Error>(())
    /// ```
    pub fn display(&self) -> DisplayHandle {
        display(self)
    }

    /// Returns the plot as the text of a picture in SVG, on white.
    ///
    /// ```
    /// use notebook::plot;
    /// assert!(plot::line(&[0, 1], &[2, 3])?.to_svg().starts_with("<svg"));
    /// # Ok::<(), plot::Error>(())
    /// ```
    pub fn to_svg(&self) -> String {
        svg::write(&Drawing::new(self))
    }
}

impl Rich for Plot {
    fn mime_bundle(&self) -> MimeBundle {
        let drawing = Drawing::new(self);
        let specification = MimeContent::Json(vega_lite::specification(&drawing).to_string());
        MimeBundle::new()
            .with_text("text/plain", format!("{self:?}"))
            .with_text("image/svg+xml", svg::write(&drawing))
            .with("application/vnd.vegalite.v5+json", specification)
    }
}

/// Says what the plot shows.
impl fmt::Debug for Plot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Plot")?;
        if !self.title.is_empty() {
            write!(f, " {:?}", self.title)?;
        }
        for (number, series) in self.series.iter().enumerate() {
            f.write_str(if number == 0 { ": " } else { ", " })?;
            match &series.marks {
                Marks::Line { xs, .. } => write!(f, "line of {} points", xs.len())?,
                Marks::Scatter { xs, .. } => write!(f, "{} dots", xs.len())?,
                Marks::Bars { names, .. } => write!(f, "{} bars", names.len())?,
                Marks::Histogram { counts, .. } => {
                    let values: usize = counts.iter().sum();
                    write!(f, "histogram of {values} values in {} bins", counts.len())?;
                }
                Marks::HeatMap(raster) => write!(f, "heat map of {} × {}", raster.rows, raster.columns)?,
                Marks::Image(raster) => write!(f, "image of {} × {}", raster.rows, raster.columns)?,
            }
            if let Some(label) = &series.label {
                write!(f, " {label:?}")?;
            }
        }
        Ok(())
    }
}

pub(super) fn check_lengths(xs: usize, ys: usize) -> Result<(), Error> {
    if xs == ys {
        Ok(())
    } else {
        Err(Error::Lengths { xs, ys })
    }
}

pub(super) fn too_many_bars(asked: usize) -> Error {
    Error::Bars { asked, most: MOST_BARS }
}
