//! Counts values in bins.

use crate::plot::scale::{Extent, Scale};

/// Counts the finite values in bins of the same width. A value on an edge belongs to the bin that begins there, and the
/// highest value to the last bin.
pub(super) fn counted(values: &[f64], bins: usize) -> (Vec<f64>, Vec<usize>) {
    let mut extent = Extent::default();
    for value in values.iter().filter(|it| it.is_finite()) {
        extent.add_edge(*value);
    }
    let scale = Scale::new(extent, None, false);
    let mut edge = |number: usize| {
        let share = number as f64 / bins as f64;
        scale.low * (1.0 - share) + scale.high * share
    };
    let edges: Vec<f64> = (0..=bins).map(&mut edge).collect();
    let mut counts = vec![0; bins];
    for value in values.iter().filter(|it| it.is_finite()) {
        // By the edges that are drawn, so that a rounded share cannot put a value into the bin beside its own.
        let begins = edges[1..bins].partition_point(|edge| edge <= value);
        counts[begins] += 1;
    }
    (edges, counts)
}
