//! The colours of plots, readable on white and on dark.

pub(super) use mosaic_cell::message::picture::{Pixel, address, colour, hexadecimal, png};

/// The colours of series, in turn: the scheme `tableau10` of Vega's.
const SERIES: [&str; 10] = [
    "#4c78a8", "#f58518", "#e45756", "#72b7b2", "#54a24b", "#eeca3b", "#b279a2", "#ff9da6", "#9d755d", "#bab0ac",
];
/// The number of colours that stand for the scale of all.
pub(super) const STEPS: usize = 32;

/// Returns the colour of a series.
pub(super) fn of_series(number: usize) -> &'static str {
    SERIES[number % SERIES.len()]
}

/// Returns colours of the scale, from its lowest to its highest.
pub(super) fn steps() -> [String; STEPS] {
    std::array::from_fn(|number| hexadecimal(colour(number as f64 / (STEPS - 1) as f64)))
}
