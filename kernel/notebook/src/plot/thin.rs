//! Leaves out points that a picture cannot show.

use crate::plot::scale::Scale;
use std::{collections::HashSet, ops::Range};

/// Up to this number of points, none is left out.
const FEW: usize = 4_000;
/// The most points of a line that is thinned by columns of pixels.
const MOST_OF_A_LINE: usize = 20_000;
/// The number of pieces of a line that goes to and fro, and the most runs between gaps.
const PIECES: usize = 2_000;
/// The most dots of a series.
const MOST_DOTS: usize = 10_000;
/// The distance in pixels at which dots begin to hide each other.
const DOT_DISTANCE: f64 = 2.0;

/// A point, in the plot's numbers.
pub(super) type Point = (f64, f64);

/// What is left of a line.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Line {
    /// Runs of at least two points.
    pub(super) runs: Vec<Vec<Point>>,
    /// Points between gaps.
    pub(super) alone: Vec<Point>,
    /// The picture differs from one with all points.
    pub(super) is_coarse: bool,
}

/// Thins a line. Values that an axis cannot show are gaps.
///
/// Of consecutive points in the same column of pixels, the first, the last, the lowest and the highest stay. So the line
/// looks as before. If that leaves too many points, pieces of the same number of points take the columns' place.
pub(super) fn line(xs: &[f64], ys: &[f64], x: &Scale, y: &Scale, width: f64) -> Line {
    let mut runs = runs(xs, ys, x, y);
    let count: usize = runs.iter().map(Range::len).sum();
    let mut kept: Vec<Vec<usize>> = runs.iter().cloned().map(Iterator::collect).collect();
    let mut is_coarse = false;
    if count > FEW {
        // Half pixels, for screens that have more than one for each.
        let column = |at: usize| (x.place(xs[at]) * width * 2.0) as i64;
        kept = thinned(&runs, xs, ys, &|before, at| column(before) != column(at));
        if kept.iter().map(Vec::len).sum::<usize>() > MOST_OF_A_LINE {
            is_coarse = true;
            let distance = runs.len().div_ceil(PIECES).max(1);
            runs = runs.into_iter().step_by(distance).collect();
            let length = count.div_ceil(PIECES);
            kept = thinned(&runs, xs, ys, &|_, at| at % length == 0);
        }
    }
    let mut line = Line {
        is_coarse,
        ..Line::default()
    };
    for run in kept {
        let points: Vec<Point> = run.into_iter().map(|at| (xs[at], ys[at])).collect();
        match points[..] {
            [point] => line.alone.push(point),
            _ => line.runs.push(points),
        }
    }
    line
}

/// Returns the runs of points that the axes can show.
fn runs(xs: &[f64], ys: &[f64], x: &Scale, y: &Scale) -> Vec<Range<usize>> {
    let mut runs: Vec<Range<usize>> = Vec::new();
    for at in (0..xs.len().min(ys.len())).filter(|at| x.shows(xs[*at]) && y.shows(ys[*at])) {
        match runs.last_mut() {
            Some(run) if run.end == at => run.end += 1,
            _ => runs.push(at..at + 1),
        }
    }
    runs
}

/// Returns for each run the points that stay: of each piece the ends and the extremes.
fn thinned(runs: &[Range<usize>], xs: &[f64], ys: &[f64], begins: &dyn Fn(usize, usize) -> bool) -> Vec<Vec<usize>> {
    let by = |values: &[f64], a: usize, b: usize| values[a].total_cmp(&values[b]);
    let of_run = |run: &Range<usize>| {
        let mut kept = Vec::new();
        let mut piece = run.start..run.start;
        for at in run.clone() {
            piece.end = at + 1;
            if at + 1 < run.end && !begins(at, at + 1) {
                continue;
            }
            let mut stay = [
                Some(piece.start),
                piece.clone().min_by(|a, b| by(xs, *a, *b)),
                piece.clone().max_by(|a, b| by(xs, *a, *b)),
                piece.clone().min_by(|a, b| by(ys, *a, *b)),
                piece.clone().max_by(|a, b| by(ys, *a, *b)),
                Some(at),
            ];
            stay.sort_unstable();
            for number in stay.into_iter().flatten() {
                if kept.last() != Some(&number) {
                    kept.push(number);
                }
            }
            piece = at + 1..at + 1;
        }
        kept
    };
    runs.iter().map(of_run).collect()
}

/// Returns the points of a scatter plot that an axis can show, at most one in each square of a few pixels if there are
/// many, and whether some that it can show are left out.
pub(super) fn dots(xs: &[f64], ys: &[f64], x: &Scale, y: &Scale, width: f64, height: f64) -> (Vec<Point>, bool) {
    let points = xs.iter().copied().zip(ys.iter().copied());
    let points: Vec<Point> = points.filter(|point| x.shows(point.0) && y.shows(point.1)).collect();
    if points.len() <= FEW {
        return (points, false);
    }
    let mut kept = points;
    let count = kept.len();
    let mut distance = DOT_DISTANCE;
    loop {
        let mut taken = HashSet::new();
        kept.retain(|point| {
            let column = (x.place(point.0) * width / distance) as i32;
            let row = (y.place(point.1) * height / distance) as i32;
            taken.insert((column, row))
        });
        if kept.len() <= MOST_DOTS {
            let is_thinned = kept.len() < count;
            return (kept, is_thinned);
        }
        distance *= 1.5;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scale(low: f64, high: f64) -> Scale {
        Scale {
            low,
            high,
            is_logarithmic: false,
            is_reversed: false,
        }
    }

    fn count(line: &Line) -> usize {
        line.runs.iter().map(Vec::len).sum::<usize>() + line.alone.len()
    }

    #[test]
    fn gaps_part_a_line() {
        let xs = [0.0, 1.0, 2.0, 3.0, f64::INFINITY, 5.0, 6.0];
        let ys = [0.0, 1.0, f64::NAN, 3.0, 4.0, 5.0, 6.0];
        let line = line(&xs, &ys, &scale(0.0, 6.0), &scale(0.0, 6.0), 100.0);
        assert_eq!(line.runs, [[(0.0, 0.0), (1.0, 1.0)], [(5.0, 5.0), (6.0, 6.0)]]);
        assert_eq!(line.alone, [(3.0, 3.0)]);
        assert!(!line.is_coarse);
    }

    #[test]
    fn a_million_points_keep_their_ends_and_extremes() {
        let xs: Vec<f64> = (0..1_000_000).map(f64::from).collect();
        let mut ys: Vec<f64> = xs.iter().map(|x| (x * 0.01).sin()).collect();
        ys[123_456] = 7.0;
        let line = line(&xs, &ys, &scale(0.0, 1e6), &scale(-1.0, 7.0), 500.0);
        assert!(count(&line) < 5_000 && !line.is_coarse, "{}", count(&line));
        let [run] = &line.runs[..] else { panic!("one run") };
        assert_eq!(run[0], (0.0, 0.0));
        assert_eq!(run.last().unwrap().0, 999_999.0);
        assert!(run.contains(&(123_456.0, 7.0)));
        assert!(run.windows(2).all(|two| two[0].0 < two[1].0));
    }

    #[test]
    fn lines_to_and_fro_and_many_gaps_stay_small() {
        let xs: Vec<f64> = (0..200_000).map(|it| f64::from(it % 2) * 100.0).collect();
        let ys: Vec<f64> = (0..200_000).map(f64::from).collect();
        let to_and_fro = line(&xs, &ys, &scale(0.0, 100.0), &scale(0.0, 2e5), 500.0);
        assert!(
            count(&to_and_fro) <= MOST_OF_A_LINE && to_and_fro.is_coarse,
            "{}",
            count(&to_and_fro)
        );
        let ys: Vec<f64> = (0..200_000)
            .map(|it| if it % 2 == 0 { 1.0 } else { f64::NAN })
            .collect();
        let xs: Vec<f64> = (0..200_000).map(f64::from).collect();
        let alone = line(&xs, &ys, &scale(0.0, 2e5), &scale(0.0, 2.0), 500.0);
        assert!(count(&alone) <= MOST_OF_A_LINE && alone.is_coarse && alone.runs.is_empty());
    }

    #[test]
    fn dots_that_hide_each_other_are_left_out() {
        let (x, y) = (scale(0.0, 1.0), scale(0.0, 1.0));
        assert_eq!(
            dots(&[0.5, f64::NAN], &[0.5, 0.5], &x, &y, 100.0, 100.0),
            (vec![(0.5, 0.5)], false)
        );
        let many = vec![0.5; 1_000_000];
        assert_eq!(dots(&many, &many, &x, &y, 500.0, 300.0), (vec![(0.5, 0.5)], true));
        let xs: Vec<f64> = (0..1_000_000).map(|it| f64::from(it % 1_000) / 1e3).collect();
        let ys: Vec<f64> = (0..1_000_000).map(|it| f64::from(it / 1_000) / 1e3).collect();
        let (kept, is_thinned) = dots(&xs, &ys, &x, &y, 500.0, 300.0);
        assert!(
            kept.len() > 2_000 && kept.len() <= MOST_DOTS && is_thinned,
            "{}",
            kept.len()
        );
    }
}
