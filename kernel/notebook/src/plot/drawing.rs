//! A plot as both of its pictures draw it: places, ticks and the points that are left.

use crate::plot::{
    Plot,
    axes::{colour_bar, scales, x_ticks},
    colours::{address, of_series},
    figure::{Marks, Series},
    labels::{cut, cut_label, longest},
    raster::Raster,
    scale::{Scale, Tick},
    thin::{self, Point},
};

/// The size of the title in pixels.
pub(super) const TITLE_SIZE: f64 = 13.0;
/// The height of a line of text.
pub(super) const LINE_HEIGHT: f64 = 16.0;
/// The distance between parts of the plot.
pub(super) const GAP: f64 = 8.0;
/// The width of the scale of colours.
pub(super) const COLOUR_BAR_WIDTH: f64 = 14.0;
/// The fewest pixels between the ticks of x and of y.
pub(super) const TICK_DISTANCES: (f64, f64) = (70.0, 36.0);
/// The share of a bar's place that the bar fills, to each side.
const HALF_BAR: f64 = 0.4;
/// The sine of the angle of slanted names.
const SLANT: f64 = 0.71;
/// The smallest side of the area between the axes.
const SMALLEST_AREA: f64 = 40.0;

/// A plot with everything in its place.
pub(super) struct Drawing {
    pub(super) width: f64,
    pub(super) height: f64,
    pub(super) title: String,
    /// Says in which way the plot differs from one of all values.
    pub(super) note: String,
    pub(super) area: Area,
    pub(super) x: DrawnAxis,
    pub(super) y: DrawnAxis,
    pub(super) layers: Vec<Layer>,
    pub(super) colour_bar: Option<(Scale, Vec<Tick>)>,
}

/// The rectangle between the axes, in pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Area {
    pub(super) left: f64,
    pub(super) top: f64,
    pub(super) width: f64,
    pub(super) height: f64,
}

pub(super) struct DrawnAxis {
    pub(super) scale: Scale,
    pub(super) label: String,
    pub(super) ticks: Vec<Tick>,
    /// The labels of the ticks are too long to stand side by side.
    pub(super) is_slanted: bool,
}

/// A series with its label.
pub(super) struct Layer {
    pub(super) label: Option<String>,
    pub(super) colour: &'static str,
    pub(super) shape: Shape,
}

pub(super) enum Shape {
    Line(thin::Line),
    Dots(Vec<Point>),
    /// Rectangles from one corner to the other.
    Bars(Vec<(Point, Point)>),
    /// A picture from one corner to the other, with its address.
    Picture {
        corners: (Point, Point),
        address: String,
    },
}

impl Drawing {
    /// Chooses the ranges of the axes, and puts everything in its place.
    pub(super) fn new(plot: &Plot) -> Drawing {
        let (x, y) = scales(plot);
        let colour_bar = colour_bar(plot);
        let title = cut(&plot.title, 100);
        let (width, height) = (f64::from(plot.size.0), f64::from(plot.size.1));

        let top = GAP + if title.is_empty() { 0.0 } else { LINE_HEIGHT + GAP } + note_height(plot);
        let rough_height = (height - top - 50.0).max(SMALLEST_AREA);
        let y_ticks = y.ticks((rough_height / TICK_DISTANCES.1) as usize);
        let mut left = GAP + label_height(&plot.y.label) + widest(&y_ticks) + GAP;
        let right = right_margin(plot, colour_bar.as_ref());
        let mut area_width = (width - left - right).max(SMALLEST_AREA);
        let (x_ticks, is_slanted) = x_ticks(plot, &x, area_width);
        let mut below = LINE_HEIGHT;
        if is_slanted {
            below = widest(&x_ticks) * SLANT + GAP;
            // The first name begins far to the left of its tick.
            let more = (below - left).clamp(0.0, (area_width - SMALLEST_AREA).max(0.0));
            (left, area_width) = (left + more, area_width - more);
        }
        let bottom = GAP + below + label_height(&plot.x.label);
        let mut area = Area {
            left,
            top,
            width: area_width,
            height: (height - top - bottom).max(SMALLEST_AREA),
        };
        area.fit_pixels(plot);
        let mut drawing = Drawing {
            width: left + area.width + right,
            height: top + area.height + bottom,
            title,
            note: String::new(),
            area,
            x: drawn(x, x_ticks, &plot.x.label, is_slanted),
            y: drawn(y, y_ticks, &plot.y.label, false),
            layers: Vec::new(),
            colour_bar,
        };
        drawing.add_layers(&plot.series);
        drawing
    }

    fn add_layers(&mut self, series: &[Series]) {
        let mut notes = Vec::new();
        for (number, series) in series.iter().enumerate() {
            let (shape, note) = self.shape(&series.marks);
            notes.extend(note);
            self.layers.push(Layer {
                label: series.label.as_deref().map(cut_label),
                colour: of_series(number),
                shape,
            });
        }
        notes.dedup();
        self.note = notes.join(", ");
    }

    /// Returns the shape of a series, and what has to be said of it.
    fn shape(&self, marks: &Marks) -> (Shape, Option<String>) {
        let (x, y, area) = (&self.x.scale, &self.y.scale, &self.area);
        match marks {
            Marks::Line { xs, ys } => {
                let line = thin::line(xs, ys, x, y, area.width);
                let note = line.is_coarse.then(|| format!("simplified from {} points", xs.len()));
                (Shape::Line(line), note)
            }
            Marks::Scatter { xs, ys } => {
                let (dots, is_thinned) = thin::dots(xs, ys, x, y, area.width, area.height);
                let note = is_thinned.then(|| format!("{} of {} dots", dots.len(), xs.len()));
                (Shape::Dots(dots), note)
            }
            Marks::Bars { heights, .. } => {
                let places = (0..heights.len()).map(|it| it as f64);
                let bars = places
                    .zip(heights)
                    .map(|(at, height)| (at - HALF_BAR, at + HALF_BAR, *height));
                (self.bars(bars), None)
            }
            Marks::Histogram { edges, counts } => {
                let bars = edges.windows(2).zip(counts);
                let bars = bars.map(|(ends, count)| (ends[0], ends[1], *count as f64));
                (self.bars(bars.filter(|(_, _, count)| *count > 0.0)), None)
            }
            Marks::HeatMap(raster) => {
                let place = |value| self.colour_bar.as_ref().map_or(0.5, |(scale, _)| scale.place(value));
                self.picture(raster, |width, height| raster.png(width, height, place))
            }
            Marks::Image(raster) => self.picture(raster, |width, height| raster.png(width, height)),
        }
    }

    /// Returns the bars that the axes can show: from the left, to the right, and their height.
    fn bars(&self, bars: impl Iterator<Item = (f64, f64, f64)>) -> Shape {
        let (x, y) = (&self.x.scale, &self.y.scale);
        let shown = bars.filter(|(from, to, height)| x.shows(*to) && y.shows(*height) && from.is_finite());
        let ground = |height: f64| {
            if y.shows(0.0) { 0.0 } else { y.low.min(height) }
        };
        let begin = |from: f64| if x.shows(from) { from } else { x.low };
        Shape::Bars(
            shown
                .map(|(from, to, height)| ((begin(from), ground(height)), (to, height)))
                .collect(),
        )
    }

    fn picture<T: super::raster::Mean>(
        &self,
        raster: &Raster<T>,
        png: impl FnOnce(usize, usize) -> Vec<u8>,
    ) -> (Shape, Option<String>) {
        let corners = ((-0.5, -0.5), (raster.columns as f64 - 0.5, raster.rows as f64 - 0.5));
        let ((left, top), (right, bottom)) = (self.area.place(self, corners.0), self.area.place(self, corners.1));
        let (width, height) = (
            (right - left).abs().round() as usize,
            (bottom - top).abs().round() as usize,
        );
        let note = raster
            .is_reduced(width, height)
            .then(|| format!("means of {} × {} values", raster.rows, raster.columns));
        let file = png(width, height);
        (
            Shape::Picture {
                corners,
                address: address(&file),
            },
            note,
        )
    }
}

impl Area {
    /// Returns the place of a point, in pixels within the area.
    pub(super) fn place(&self, drawing: &Drawing, (x, y): Point) -> Point {
        (
            drawing.x.scale.place(x) * self.width,
            (1.0 - drawing.y.scale.place(y)) * self.height,
        )
    }

    /// Gives the pixels of an image the shape of squares.
    fn fit_pixels(&mut self, plot: &Plot) {
        let [
            Series {
                marks: Marks::Image(raster),
                ..
            },
        ] = &plot.series[..]
        else {
            return;
        };
        if raster.rows > 0 && raster.columns > 0 && plot.x.range.is_none() && plot.y.range.is_none() {
            let (rows, columns) = (raster.rows as f64, raster.columns as f64);
            let side = (self.width / columns).min(self.height / rows);
            (self.width, self.height) = ((side * columns).max(1.0), (side * rows).max(1.0));
        }
    }
}

/// Returns the width of what stands to the right of the axes.
fn right_margin(plot: &Plot, colour_bar: Option<&(Scale, Vec<Tick>)>) -> f64 {
    let labels = plot.series.iter().filter_map(|it| it.label.as_deref().map(cut_label));
    let labels: Vec<String> = labels.collect();
    match colour_bar {
        _ if !labels.is_empty() => 4.0 * GAP + longest(labels.iter().map(String::as_str)),
        Some((_, ticks)) => COLOUR_BAR_WIDTH + 4.0 * GAP + widest(ticks),
        None => 2.0 * GAP,
    }
}

/// Returns the height of the label of an axis.
fn label_height(label: &str) -> f64 {
    if label.is_empty() { 0.0 } else { LINE_HEIGHT + 2.0 }
}

/// Returns the width of the widest label of ticks.
fn widest(ticks: &[Tick]) -> f64 {
    longest(ticks.iter().map(|it| it.label.as_str()))
}

fn drawn(scale: Scale, ticks: Vec<Tick>, label: &str, is_slanted: bool) -> DrawnAxis {
    DrawnAxis {
        scale,
        label: cut(label, 100),
        ticks,
        is_slanted,
    }
}

/// Room for a note is left where one may come: how many values are shown depends on the room.
fn note_height(plot: &Plot) -> f64 {
    const MANY: usize = 1_000;
    let may_differ = plot.series.iter().any(|series| match &series.marks {
        Marks::Line { xs, .. } | Marks::Scatter { xs, .. } => xs.len() > MANY,
        Marks::Bars { .. } | Marks::Histogram { .. } => false,
        Marks::HeatMap(Raster { rows, columns, .. }) | Marks::Image(Raster { rows, columns, .. }) => {
            f64::from(plot.size.0.min(plot.size.1)) < 3.0 * *rows.max(columns) as f64
        }
    });
    if may_differ { LINE_HEIGHT } else { 0.0 }
}
