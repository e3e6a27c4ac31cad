//! Values in rows and columns that are made smaller or larger: the pixels of heat maps and images.

use crate::plot::colours::{Pixel, colour, png};

/// The most rows and columns that a plot keeps of an array. A picture of the usual size has fewer.
const MOST_KEPT: usize = 1024;
/// The most pixels of a side of a picture.
const MOST_PIXELS: usize = 2048;

/// Values in rows and columns. Of a large array, each is the mean of a block.
#[derive(Clone, PartialEq)]
pub(super) struct Raster<T> {
    /// The rows and columns of the array.
    pub(super) rows: usize,
    pub(super) columns: usize,
    kept_rows: usize,
    kept_columns: usize,
    kept: Vec<T>,
}

/// A value of which several have a mean.
pub(super) trait Mean: Copy {
    /// Returns the mean of at least one value.
    fn mean(values: &mut dyn Iterator<Item = Self>) -> Self;
}

impl Mean for f64 {
    /// Leaves out values that are no numbers. If there are no others, the mean is none either.
    fn mean(values: &mut dyn Iterator<Item = f64>) -> f64 {
        let (mut mean, mut count) = (0.0, 0.0);
        for value in values.filter(|it| it.is_finite()) {
            count += 1.0;
            // By steps, since a sum may be too large for `f64`.
            mean += value / count - mean / count;
        }
        if count > 0.0 { mean } else { f64::NAN }
    }
}

impl Mean for Pixel {
    fn mean(values: &mut dyn Iterator<Item = Pixel>) -> Pixel {
        let (mut sums, mut count) = ([0_u64; 4], 0);
        for value in values {
            count += 1;
            for (sum, channel) in sums.iter_mut().zip(value) {
                *sum += u64::from(channel);
            }
        }
        sums.map(|sum| ((sum + count / 2) / count.max(1)) as u8)
    }
}

impl<T: Mean> Raster<T> {
    /// Reads an array. Behind `dyn`, so that cells need not compile the loops.
    pub(super) fn read(rows: usize, columns: usize, at: &dyn Fn(usize, usize) -> T) -> Raster<T> {
        let (kept_rows, kept_columns) = (rows.min(MOST_KEPT), columns.min(MOST_KEPT));
        Raster {
            rows,
            columns,
            kept_rows,
            kept_columns,
            kept: resized((rows, columns), (kept_rows, kept_columns), at),
        }
    }

    fn resized(&self, height: usize, width: usize) -> Vec<T> {
        let at = |row: usize, column: usize| self.kept[row * self.kept_columns + column];
        resized((self.kept_rows, self.kept_columns), (height, width), &at)
    }

    /// Returns whether a picture of this size shows means of several values.
    pub(super) fn is_reduced(&self, width: usize, height: usize) -> bool {
        self.rows > self.kept_rows.min(height) || self.columns > self.kept_columns.min(width)
    }
}

impl Raster<f64> {
    /// Returns the lowest and the highest of the values that are kept.
    pub(super) fn range(&self) -> Option<(f64, f64)> {
        let finite = self.kept.iter().copied().filter(|it| it.is_finite());
        finite.fold(None, |range, value| {
            let (low, high) = range.unwrap_or((value, value));
            Some((value.min(low), value.max(high)))
        })
    }

    /// Returns a file in PNG that shows the values by colours.
    pub(super) fn png(&self, width: usize, height: usize, place: impl Fn(f64) -> f64) -> Vec<u8> {
        let (width, height) = (width.clamp(1, MOST_PIXELS), height.clamp(1, MOST_PIXELS));
        let values = self.resized(height, width);
        let shown = |it: &f64| colour(if it.is_finite() { place(*it) } else { f64::NAN });
        let pixels: Vec<Pixel> = values.iter().map(shown).collect();
        png(width as u32, height as u32, &pixels)
    }
}

impl Raster<Pixel> {
    /// Returns a file in PNG.
    pub(super) fn png(&self, width: usize, height: usize) -> Vec<u8> {
        let (width, height) = (width.clamp(1, MOST_PIXELS), height.clamp(1, MOST_PIXELS));
        png(width as u32, height as u32, &self.resized(height, width))
    }
}

/// Returns values in another number of rows and columns. Each is the mean of those that it covers, or the only one.
fn resized<T: Mean>(from: (usize, usize), to: (usize, usize), at: &dyn Fn(usize, usize) -> T) -> Vec<T> {
    let block = |number: usize, from: usize, to: usize| {
        let begin = number * from / to;
        begin..((number + 1) * from / to).max(begin + 1)
    };
    if from.0 == 0 || from.1 == 0 {
        return Vec::new();
    }
    let mut values = Vec::with_capacity(to.0 * to.1);
    for row in 0..to.0 {
        let rows = block(row, from.0, to.0);
        for column in 0..to.1 {
            let columns = block(column, from.1, to.1);
            values.push(if rows.len() == 1 && columns.len() == 1 {
                at(rows.start, columns.start)
            } else {
                let all = rows
                    .clone()
                    .flat_map(|row| columns.clone().map(move |column| (row, column)));
                T::mean(&mut all.map(|(row, column)| at(row, column)))
            });
        }
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_repeated_or_averaged() {
        let values = [1.0, 2.0, 3.0, 4.0];
        let at = |row: usize, column: usize| values[row * 2 + column];
        assert_eq!(resized((2, 2), (2, 4), &at), [1.0, 1.0, 2.0, 2.0, 3.0, 3.0, 4.0, 4.0]);
        assert_eq!(resized((2, 2), (1, 2), &at), [2.0, 3.0]);
        assert_eq!(resized((2, 2), (1, 1), &at), [2.5]);
        assert!(resized((0, 2), (4, 4), &at).is_empty());
    }

    #[test]
    fn means_leave_out_what_is_no_number() {
        let mean = |values: &[f64]| f64::mean(&mut values.iter().copied());
        assert_eq!(mean(&[1.0, f64::NAN, 3.0, f64::INFINITY]), 2.0);
        assert_eq!(mean(&[f64::MAX, f64::MAX]), f64::MAX);
        assert!(mean(&[f64::NAN]).is_nan());
        assert_eq!(
            Pixel::mean(&mut [[0, 10, 255, 255], [1, 20, 255, 0]].into_iter()),
            [1, 15, 255, 128]
        );
    }

    #[test]
    fn large_arrays_are_kept_small() {
        let raster = Raster::read(5_000, 3, &|row, _| row as f64);
        assert_eq!(raster.kept.len(), MOST_KEPT * 3);
        assert!(raster.is_reduced(400, 400) && raster.range().unwrap().1 > 4_990.0);
        assert!(!Raster::read(3, 3, &|row, _| row as f64).is_reduced(400, 400));
        assert_eq!(Raster::read(0, 3, &|_, _| 1.0).range(), None);
    }
}
