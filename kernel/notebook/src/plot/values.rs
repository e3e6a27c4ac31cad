//! The values that can be plotted: slices, arrays and ranges of any primitive number.

use crate::plot::Error;
use ndarray::{ArrayBase, ArrayView2, ArrayView3, Data, Dimension, Ix2, Ix3};
use std::{
    fmt::Display,
    ops::{Range, RangeInclusive},
};

mod sealed {
    pub trait Sealed {}
}

/// A number that can be plotted: any primitive integer, `f32`, `f64`, and `bool` as 0 and 1.
///
/// ```
/// use notebook::plot::Number;
/// assert_eq!((7_u8.to_f64(), true.to_f64()), (7.0, 1.0));
/// ```
pub trait Number: Copy + sealed::Sealed {
    /// Returns the nearest number that `f64` has.
    fn to_f64(self) -> f64;

    /// Returns a channel of a colour, from 0 to 255. `f32` and `f64` count from 0 to 1, and `u16` to 65535.
    fn to_channel(self) -> u8;
}

/// Values along an axis: a slice, a vector, an array of ndarray's in its logical order, or a range of integers.
///
/// ```
/// use notebook::plot::Values;
/// assert_eq!((0..3).to_vec_f64(), [0.0, 1.0, 2.0]);
/// assert_eq!([1_u8, 2].to_vec_f64(), [1.0, 2.0]);
/// ```
pub trait Values {
    /// Returns the values as numbers of the plot.
    fn to_vec_f64(&self) -> Vec<f64>;
}

/// The names of bars: texts or numbers.
///
/// ```
/// use notebook::plot::Names;
/// assert_eq!(["He", "Ne"].to_names(), ["He", "Ne"]);
/// assert_eq!([2, 10].to_names(), ["2", "10"]);
/// ```
pub trait Names {
    /// Returns the names as texts.
    fn to_names(&self) -> Vec<String>;
}

/// Values in rows and columns: an array of ndarray's of two dimensions, or an array of arrays.
///
/// ```
/// use notebook::plot::Grid;
/// let grid = [[1, 2, 3], [4, 5, 6]];
/// assert_eq!((grid.shape(), grid.at(1, 0)), ((2, 3), 4.0));
/// ```
pub trait Grid {
    /// Returns the number of rows and of columns.
    fn shape(&self) -> (usize, usize);

    /// Returns the value in a row and a column.
    ///
    /// # Panics
    ///
    /// There is no such row or column.
    fn at(&self, row: usize, column: usize) -> f64;
}

macro_rules! numbers {
    ($($number:ty: $this:ident => $channel:expr, $float:expr;)*) => {$(
        impl sealed::Sealed for $number {}
        impl Number for $number {
            fn to_f64(self) -> f64 { let $this = self; $float }
            fn to_channel(self) -> u8 { let $this = self; $channel }
        }
    )*};
}

numbers! {
    bool: it => if it { 255 } else { 0 }, f64::from(u8::from(it));
    u8: it => it, f64::from(it);
    u16: it => (it >> 8) as u8, f64::from(it);
    f32: it => (it * 255.0).round() as u8, f64::from(it);
    f64: it => (it * 255.0).round() as u8, it;
    u32: it => it.min(255) as u8, f64::from(it);
    u64: it => it.min(255) as u8, it as f64;
    u128: it => it.min(255) as u8, it as f64;
    usize: it => it.min(255) as u8, it as f64;
    i8: it => it.max(0) as u8, f64::from(it);
    i16: it => it.clamp(0, 255) as u8, f64::from(it);
    i32: it => it.clamp(0, 255) as u8, f64::from(it);
    i64: it => it.clamp(0, 255) as u8, it as f64;
    i128: it => it.clamp(0, 255) as u8, it as f64;
    isize: it => it.clamp(0, 255) as u8, it as f64;
}

impl<T: Number> Values for [T] {
    fn to_vec_f64(&self) -> Vec<f64> {
        self.iter().map(|it| it.to_f64()).collect()
    }
}

impl<T: Number, const N: usize> Values for [T; N] {
    fn to_vec_f64(&self) -> Vec<f64> {
        self.as_slice().to_vec_f64()
    }
}

impl<T: Number> Values for Vec<T> {
    fn to_vec_f64(&self) -> Vec<f64> {
        self.as_slice().to_vec_f64()
    }
}

impl<T: Number, S: Data<Elem = T>, D: Dimension> Values for ArrayBase<S, D> {
    fn to_vec_f64(&self) -> Vec<f64> {
        self.iter().map(|it| it.to_f64()).collect()
    }
}

impl<T> Values for Range<T>
where
    Range<T>: Clone + Iterator<Item: Number>,
{
    fn to_vec_f64(&self) -> Vec<f64> {
        self.clone().map(Number::to_f64).collect()
    }
}

impl<T> Values for RangeInclusive<T>
where
    RangeInclusive<T>: Clone + Iterator<Item: Number>,
{
    fn to_vec_f64(&self) -> Vec<f64> {
        self.clone().map(Number::to_f64).collect()
    }
}

impl<V: Values + ?Sized> Values for &V {
    fn to_vec_f64(&self) -> Vec<f64> {
        (**self).to_vec_f64()
    }
}

impl<T: Display> Names for [T] {
    fn to_names(&self) -> Vec<String> {
        self.iter().map(T::to_string).collect()
    }
}

impl<T: Display, const N: usize> Names for [T; N] {
    fn to_names(&self) -> Vec<String> {
        self.as_slice().to_names()
    }
}

impl<T: Display> Names for Vec<T> {
    fn to_names(&self) -> Vec<String> {
        self.as_slice().to_names()
    }
}

impl<T: Display, S: Data<Elem = T>, D: Dimension> Names for ArrayBase<S, D> {
    fn to_names(&self) -> Vec<String> {
        self.iter().map(T::to_string).collect()
    }
}

impl<T> Names for Range<T>
where
    Range<T>: Clone + Iterator<Item: Display>,
{
    fn to_names(&self) -> Vec<String> {
        self.clone().map(|it| it.to_string()).collect()
    }
}

impl<N: Names + ?Sized> Names for &N {
    fn to_names(&self) -> Vec<String> {
        (**self).to_names()
    }
}

impl<T: Number, S: Data<Elem = T>> Grid for ArrayBase<S, Ix2> {
    fn shape(&self) -> (usize, usize) {
        self.dim()
    }

    fn at(&self, row: usize, column: usize) -> f64 {
        self[[row, column]].to_f64()
    }
}

impl<T: Number, const ROWS: usize, const COLUMNS: usize> Grid for [[T; COLUMNS]; ROWS] {
    fn shape(&self) -> (usize, usize) {
        (ROWS, COLUMNS)
    }

    fn at(&self, row: usize, column: usize) -> f64 {
        self[row][column].to_f64()
    }
}

/// The pixels of an array.
pub(super) enum Pixels<'a, T> {
    /// One channel for all colours.
    Grey(ArrayView2<'a, T>),
    /// Red, green, blue, and opacity if there is a fourth channel.
    Colours(ArrayView3<'a, T>),
}

impl<'a, T: Number> Pixels<'a, T> {
    pub(super) fn of<S: Data<Elem = T>, D: Dimension>(array: &'a ArrayBase<S, D>) -> Result<Pixels<'a, T>, Error> {
        let refused = |_| Error::Shape(array.shape().to_vec());
        match *array.shape() {
            [_, _, 3 | 4] => Ok(Pixels::Colours(
                array.view().into_dimensionality::<Ix3>().map_err(refused)?,
            )),
            _ => Ok(Pixels::Grey(
                array.view().into_dimensionality::<Ix2>().map_err(refused)?,
            )),
        }
    }

    pub(super) fn shape(&self) -> (usize, usize) {
        match self {
            Pixels::Grey(array) => array.dim(),
            Pixels::Colours(array) => (array.dim().0, array.dim().1),
        }
    }

    pub(super) fn at(&self, row: usize, column: usize) -> [u8; 4] {
        match self {
            Pixels::Grey(array) => {
                let grey = array[[row, column]].to_channel();
                [grey, grey, grey, 255]
            }
            Pixels::Colours(array) => {
                let channel = |number| array.get([row, column, number]).map_or(255, |it: &T| it.to_channel());
                [channel(0), channel(1), channel(2), channel(3)]
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array3, arr1, arr2, s};

    #[test]
    fn values_of_any_kind_and_layout_are_read_in_order() {
        let matrix = arr2(&[[1_i16, 2, 3], [4, 5, 6]]);
        for (values, expected) in [
            (vec![1_u64, 2].to_vec_f64(), vec![1.0, 2.0]),
            ([1.5_f32].as_slice().to_vec_f64(), vec![1.5]),
            (Values::to_vec_f64(&&[true, false]), vec![1.0, 0.0]),
            ((-1..=1).to_vec_f64(), vec![-1.0, 0.0, 1.0]),
            (matrix.column(1).to_vec_f64(), vec![2.0, 5.0]),
            (matrix.row(0).slice(s![..;-1]).to_vec_f64(), vec![3.0, 2.0, 1.0]),
            (matrix.t().to_vec_f64(), vec![1.0, 4.0, 2.0, 5.0, 3.0, 6.0]),
            (arr1::<i8>(&[]).to_vec_f64(), vec![]),
        ] {
            assert_eq!(values, expected);
        }
        assert_eq!(matrix.t().shape(), [3, 2]);
        assert_eq!((Grid::shape(&matrix.t()), matrix.t().at(2, 0)), ((3, 2), 3.0));
    }

    #[test]
    fn pixels_have_one_three_or_four_channels() {
        let grey = arr2(&[[0_u8, 255]]);
        assert_eq!(Pixels::of(&grey).unwrap().at(0, 1), [255; 4]);
        let colours = Array3::from_shape_vec((1, 2, 3), vec![0.0, 0.5, 1.0, -1.0, 2.0, f64::NAN]).unwrap();
        let pixels = Pixels::of(&colours).unwrap();
        assert_eq!((pixels.shape(), pixels.at(0, 0)), ((1, 2), [0, 128, 255, 255]));
        assert_eq!(pixels.at(0, 1), [0, 255, 0, 255]);
        let transparent = Array3::from_elem((1, 1, 4), 7_u8);
        assert_eq!(Pixels::of(&transparent).unwrap().at(0, 0), [7; 4]);
        for shape in [vec![2], vec![2, 2, 2], vec![1, 1, 3, 1]] {
            let array = ndarray::ArrayD::<u8>::zeros(shape.clone());
            assert_eq!(Pixels::of(&array).err(), Some(Error::Shape(shape)));
        }
        let error = Error::Shape(vec![2, 2, 2]).to_string();
        assert!(error.contains("[2, 2, 2]"), "{error}");
    }
}
