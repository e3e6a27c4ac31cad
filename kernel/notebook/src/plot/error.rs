//! The reasons for which there is no plot.

use std::{error, fmt};

/// The reason for which there is no plot of some values.
///
/// ```
/// use notebook::plot;
/// let error = plot::line(&[1, 2, 3], &[1.0, 4.0]).unwrap_err();
/// assert_eq!(error.to_string(), "3 values of x and 2 values of y: a plot needs as many of both");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// There are not as many values of x as of y.
    Lengths {
        /// The number of values of x, or of names.
        xs: usize,
        /// The number of values of y.
        ys: usize,
    },
    /// There are too many bars, or no bins.
    Bars {
        /// The number of bars or bins that was asked for.
        asked: usize,
        /// The most bars or bins of a plot.
        most: usize,
    },
    /// An array of this shape is no picture.
    Shape(Vec<usize>),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Lengths { xs, ys } => {
                write!(f, "{xs} values of x and {ys} values of y: a plot needs as many of both")
            }
            Error::Bars { asked, most } => write!(f, "{asked} bars: a plot has from 1 to {most}"),
            Error::Shape(shape) => write!(
                f,
                "an array of the shape {shape:?} is no picture: it needs rows and columns, and 3 or 4 channels or none"
            ),
        }
    }
}

impl error::Error for Error {}
